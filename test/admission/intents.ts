/** What must be true of every tool that writes Deployments: one intent is one run, and taking it back ends it. */
import { expect } from "vitest";
import { expectVersion, templateManagers, type Gated } from "./gated.ts";
import type { Tool } from "./tools.ts";
import { unmet, waitFor } from "../cluster/wait.ts";

/** Version 2 and `again` times the same, version 3, version 1: one run, one new run, and none. */
export async function expectOneRunPerIntent(gated: Gated, tool: Tool, again: () => Promise<void>): Promise<void> {
  const { runs: before = 0 } = await gated.scenario.status();
  const pods = await gated.scenario.podUids();
  await gated.write("v2", tool);
  await gated.running("v2");
  const written = await gated.unwritten();
  await again();
  expectVersion(await gated.target(), "v2");
  expectVersion(await gated.canaryWorkload(), "v2");
  if (!tool.movesVersion) expect(await gated.unwritten()).toEqual(written);
  expect((await gated.scenario.status()).runs).toBe(before + 1);
  await gated.write("v3", tool);
  await gated.running("v3");
  expect((await gated.scenario.status()).runs).toBe(before + 2);
  await expectRevert(gated, () => takeBack(gated, tool));
  expect(await gated.scenario.podUids()).toEqual(pods);
  expect(await templateManagers(gated)).not.toContain("kubectl-canary");
}

/** Whatever `revert` does puts version 1 back, and thereby ends the run as reverted. */
export async function expectRevert(gated: Gated, revert: () => Promise<unknown>): Promise<void> {
  await revert();
  await gated.scenario.until("the end of the run", ({ phase, run }) => phase === "Initialized" && !run, 60_000);
  const { history = [], canaryWeight } = await gated.scenario.status();
  expect(history[0]).toMatchObject({ outcome: "reverted", cause: "reverted by admin" });
  expect([canaryWeight, await gated.scenario.weight()]).toEqual([0, 0]);
  expectVersion(await gated.target(), "v1");
  // What the status says is saved before it is done.
  await waitFor(
    async () => ((await gated.target()).spec?.paused ? unmet("paused") : true),
    60_000,
    "the rollout to be its user's again",
  );
}

// --- internal ---

async function takeBack(gated: Gated, tool: Tool): Promise<void> {
  if (!tool.back) return void (await gated.write("v1", tool));
  const { code, stderr } = await tool.back(gated.namespace);
  expect(code, stderr).toBe(0);
}

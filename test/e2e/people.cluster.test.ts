// A person steps in while something else forbids to go on, or lets a change go without a canary; more in test/long/changes/.
import { afterAll, beforeAll, expect, it } from "vitest";
import { unmet, waitFor } from "../cluster/wait.ts";
import { bypassLabel, Scenario } from "./scenario.ts";

let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start("e2e-people", {
    provider: "gatewayapi:v1",
    analysis: { interval: "60s", threshold: 1, stepWeight: 25 },
  });
});

afterAll(() => scenario.end());

async function untilTraffic(): Promise<void> {
  await scenario.until("traffic on the canary", (status) => (status.canaryWeight ?? 0) >= 25);
}

it("rollback is answered although something else forbids to go on", async () => {
  const before = await scenario.podUids();
  await scenario.kubectl("set", "env", "deploy/podinfo", "ROUND=2");
  await untilTraffic();
  await scenario.kubectl("create", "deployment", "podinfo-primary", "--image=none", "--replicas=0");
  await scenario.until("the obstacle", (status) => status.reason?.includes("podinfo-primary is there") ?? false);
  const { code, stderr } = await scenario.plugin("rollback", "--reason", "enough");
  expect(code, stderr).toBe(0);
  const ended = await scenario.until("the end of the run", (status) => status.run === undefined);
  expect(ended.history?.[0]).toMatchObject({ outcome: "rejected", cause: expect.stringContaining("enough") as string });
  expect(await scenario.weight()).toBe(0);
  expect(await scenario.podUids()).toEqual(before);
  await scenario.kubectl("delete", "deployment", "podinfo-primary");
  await scenario.phase("Failed");
});

it("a change by break-glass ends the run, is named with its author and how, and undo takes it back", async () => {
  await scenario.setImage("1.7.4");
  await untilTraffic();
  await scenario.kubectl("label", "deploy", "podinfo", `${bypassLabel}=incident-42`);
  await scenario.kubectl("rollout", "resume", "deploy", "podinfo");
  const said = await scenario.until("the unvetted change", (status) => status.unvetted !== undefined);
  expect(said.history?.[0]).toMatchObject({ outcome: "aborted" });
  expect(said.unvetted).toMatchObject({ how: "break-glass", by: expect.stringContaining("admin") as string });
  await scenario.kubectl("rollout", "status", "deploy", "podinfo", "--timeout=60s");
  const { code, stderr } = await scenario.plugin("undo");
  expect(code, stderr).toBe(0);
  await scenario.until("stable again", (status) => status.unvetted === undefined && status.run === undefined);
  // What the status says is saved before it is done.
  const isBack = async (): Promise<true | ReturnType<typeof unmet>> => {
    const found = await scenario.kubectl("get", "deploy", "podinfo", "-o", "jsonpath={..image} {.metadata.labels}");
    return (found.includes("podinfo:1.7.0") && !found.includes("bypass")) || unmet(found);
  };
  await waitFor(isBack, 30_000, "stable's template without the label");
});

/** Whose fields are whose: after everything that we do to a Deployment, its own tool must get its next version through. */
import { expect } from "vitest";
import { label } from "../../shared/core/objects/names.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { expectVersion, templateManagers, type Gated } from "./gated.ts";

/** The Canary is deleted in mid-run: version 1 is put back, and version 3 has nothing of it that version 2 had dropped. */
export async function expectNothingStolenByRestore(gated: Gated): Promise<void> {
  await gated.write("v2");
  await gated.running("v2");
  const pods = await gated.scenario.podUids();
  await gated.scenario.kubectl("delete", "canary", "podinfo");
  await waitFor(
    async () => {
      const { labels } = { labels: {}, ...(await gated.target()).metadata };
      return label.target in labels ? unmet(JSON.stringify(labels)) : true;
    },
    30_000,
    "the target to be given back",
  );
  const target = await gated.target();
  expectVersion(target, "v1");
  expect(target.spec?.paused).toBeUndefined();
  expect(await gated.scenario.podUids()).toEqual(pods);
  expect(await templateManagers(gated)).not.toContain("kubectl-canary");
  await gated.write("v3");
  expectVersion(await gated.target(), "v3");
}

/** A rollback out of the promotion of version 2 puts version 1 back; then version 3 passes, is rejected, and version 1 is back. */
export async function expectNothingStolenByRuns(gated: Gated, beforeNext: () => Promise<void>): Promise<void> {
  await gated.write("v2");
  await gated.running("v2");
  const promoting = gated.scenario.plugin("promote");
  await waitFor(
    async () => (label.promoting in ((await gated.target()).metadata?.labels ?? {}) ? true : unmet("not promoting")),
    30_000,
    "the promotion",
    20,
  );
  expect((await gated.scenario.plugin("rollback")).code).toBe(0);
  await promoting;
  await gated.scenario.phase("Failed", 60_000);
  expectVersion(await gated.target(), "v1");
  expect(await templateManagers(gated)).not.toContain("kubectl-canary");
  await beforeNext();
  await gated.write("v3");
  await gated.running("v3");
  expectVersion(await gated.target(), "v3");
  expect((await gated.scenario.plugin("rollback")).code).toBe(0);
  await gated.scenario.phase("Failed", 60_000);
  expect(await templateManagers(gated)).not.toContain("kubectl-canary");
  await gated.write("v1");
  await gated.scenario.phase("Initialized", 60_000);
  expectVersion(await gated.target(), "v1");
  expect(await templateManagers(gated)).not.toContain("kubectl-canary");
}

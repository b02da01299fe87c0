/** Whose fields are whose: after everything that we do to a Deployment, its own tool must get its next version through. */
import { expect } from "vitest";
import { label } from "../../shared/core/names.ts";
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

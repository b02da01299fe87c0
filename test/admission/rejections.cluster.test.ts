// What pipelines that wait for a Deployment are told: never the end of another version, never a success that was none.
import { afterAll, beforeAll, expect, it } from "vitest";
import { unmet, waitFor } from "../cluster/wait.ts";
import { Gated, expectVersion } from "./gated.ts";
import { deploymentStatus } from "./kstatus.ts";
import { falseEnds, waitForRolloutOf } from "./rejections.ts";
import { clientSideApply } from "./tools.ts";

let gated: Gated;

beforeAll(async () => {
  gated = await Gated.start("rejections", clientSideApply);
});

afterAll(() => gated.end());

it("rollout status right after another version was asked for never ends with the rejection of the one before", async () => {
  expect(await falseEnds(gated, 20)).toEqual([]);
});

it("a scaled or annotated Deployment stays rejected: its template is the same", async () => {
  const { scenario } = gated;
  // Of the last version that was asked for above.
  await scenario.until("its run", ({ run }) => run !== undefined);
  await scenario.plugin("rollback");
  await scenario.until("the rejection", ({ phase, run }) => phase === "Failed" && !run);
  await waitFor(
    async () => (deploymentStatus(await gated.target()) === "Failed" ? true : unmet("not failed")),
    60_000,
    "the Deployment to have failed",
  );
  await scenario.kubectl("annotate", "deploy/podinfo", "note=x");
  await scenario.kubectl("scale", "deploy/podinfo", "--replicas=2");
  await gated.unwritten();
  expect(deploymentStatus(await gated.target())).toBe("Failed");
});

it("whoever waits for a version while its Canary is deleted is told that it did not go out, and stable is sound", async () => {
  const { scenario } = gated;
  await scenario.kubectl("set", "env", "deploy/podinfo", "ROUND=last");
  await scenario.until("its run", ({ run }) => run !== undefined);
  const waiting = await waitForRolloutOf(gated);
  await scenario.kubectl("delete", "canary", "podinfo");
  const { code, stdout, stderr } = await waiting.ended;
  expect([code, stdout]).toEqual([1, expect.not.stringContaining("successfully")]);
  expect(stderr).toContain("exceeded its progress deadline");
  await waitFor(
    async () => (deploymentStatus(await gated.target()) === "Current" ? true : unmet("not current")),
    30_000,
    "the Deployment to be current",
  );
  expectVersion(await gated.target(), "v1");
  expect(await scenario.kubectl("rollout", "status", "deploy/podinfo", "--timeout=30s")).toContain("successfully");
});

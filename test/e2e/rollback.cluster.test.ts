// Bad versions are taken back: the metric decides, says its value and its limit, and stable is not touched.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unmet, waitFor } from "../cluster/wait.ts";
import { Scenario } from "./scenario.ts";

let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start("e2e-rollback", {
    analysis: {
      stepWeight: 50,
      // The threshold is what is tested here, and the comparison would be faster.
      comparison: { mode: "off" },
      // One request in nine fails: of a handful none may, and a handful is what the first sample of a step holds.
      minRequests: 100,
      metrics: [
        { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "30s" },
        { name: "request-duration", thresholdRange: { max: 500 }, interval: "30s" },
      ],
    },
  });
});

afterAll(() => scenario.end());

const noCanaryPods = (): Promise<true> =>
  waitFor(
    async () => (await scenario.podUids("podinfo-canary")).length === 0 || unmet("a canary pod is there"),
    30_000,
    "the canary's pods to go",
  );

describe("a bad version", () => {
  it.each([
    ["failing", "1.7.2-failing", /success rate \d+\.\d\d% < 99%/],
    ["slow", "1.7.3-slow", /request duration [\d.]+m?s > 500ms/],
  ] as const)(
    "that is %s is rolled back after the threshold, by the metric that found it",
    async (_kind, tag, finding) => {
      const before = await scenario.podUids();
      const load = await scenario.load();
      await load.reset();
      await scenario.setImage(tag);
      const { reason } = await scenario.phase("Failed");
      expect(reason).toMatch(finding);
      const events = await scenario.told("Canary failed! Scaling down podinfo.e2e-rollback");
      expect(events).toMatch(finding);
      expect(events).toContain("Rolling back podinfo.e2e-rollback failed checks threshold reached 2");
      expect(await scenario.podUids()).toEqual(before);
      expect(await scenario.weight()).toBe(0);
      const rollout = await scenario.try("rollout", "status", "deploy", "podinfo", "--timeout=10s");
      expect(rollout.code).toBe(1);
      expect((await scenario.plugin("status")).stdout).toMatch(finding);
      const { requests, failed, failedInMesh } = await load.counts();
      process.stdout.write(
        `${tag}: ${failed} of ${requests} requests failed at the client, ${failedInMesh} not by the version itself\n`,
      );
      expect(failedInMesh).toBe(0);
    },
  );

  it("that is asked for again starts nothing", async () => {
    const { runs } = await scenario.status();
    await scenario.setImage("1.7.2-failing");
    await scenario.until("the rejection to be known", (status) => status.reason?.includes("1.7.2-failing") ?? false);
    expect((await scenario.status()).runs).toBe(runs);
    await noCanaryPods();
  });

  it("that is replaced by stable's own leaves no trace: not paused, not held, the same pods", async () => {
    const before = await scenario.podUids();
    await scenario.setImage("1.7.0");
    await scenario.phase("Initialized");
    await scenario.kubectl("rollout", "status", "deploy", "podinfo", "--timeout=30s");
    expect(await scenario.kubectl("get", "deploy", "podinfo", "-o", "jsonpath={.spec.paused}")).toBe("");
    expect(await scenario.podUids()).toEqual(before);
  });

  it("is taken back by one metric's own limit beside a dry run, and its pods stay for a look until a rollback", async () => {
    const { runs = 0 } = await scenario.status();
    const metrics = [
      { name: "request-success-rate", thresholdRange: { min: 100 }, interval: "30s", dryRun: true },
      { name: "request-duration", thresholdRange: { max: 500 }, interval: "30s", failureLimit: 0 },
    ];
    await scenario.kubectl(
      ...["patch", "canary", "podinfo", "--type=merge", "-p"],
      JSON.stringify({ spec: { analysis: { threshold: 20, keepFailedCanary: "1h", metrics } } }),
    );
    await scenario.setImage("1.7.3-slow");
    await scenario.until("the rejection to be known", ({ reason }) => reason?.includes("1.7.3-slow") ?? false);
    expect((await scenario.plugin("retry")).code).toBe(0);
    const { history = [], checks = [] } = await scenario.until("its end", (now) => now.runs === runs + 1 && !now.run);
    expect(history[0]?.cause).toMatch(/^1 failed check of request-duration, which may have 0 \(failureLimit\)/);
    expect(checks).toMatchObject([{ dryRun: true }, { outcome: "fail", failureLimit: 0, failures: 1 }]);
    expect(await scenario.podUids("podinfo-canary")).toHaveLength(1);
    expect(await scenario.weight()).toBe(0);
    expect((await scenario.plugin("status")).stdout).toContain("the canary's pods stay without traffic");
    expect((await scenario.plugin("rollback")).code).toBe(0);
    await noCanaryPods();
  });
});

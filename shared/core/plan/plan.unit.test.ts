/** What a plan says of canaries whose faults are known, at the traffic of a day and of a night. */
import { describe, expect, it } from "vitest";
import { aPolicy } from "../../../test/builders.ts";
import type { Policy } from "../spec/policy.ts";
import { judgingOf } from "../spec/analysis-settings.ts";
import { releasePlan } from "./plan.ts";
import type { Plan, PlanInput, RemarkCode } from "./types.ts";
import { seeded } from "./random.ts";
import { simulate } from "./simulated-run.ts";
import { suggest } from "./suggest.ts";
import type { Fault, VersionPlan } from "./versions.ts";

const tutorial = aPolicy();
const limited: Policy = { ...tutorial, ...judgingOf({ metrics: tutorial.metrics }) };

function input(over: Partial<PlanInput> = {}): PlanInput {
  const usual = { failures: 0.001, slow: 0.002 };
  const effort = { looks: 300, runs: 24 };
  return { policy: limited, rps: 50, usual, scrapeIntervalMs: 10_000, seed: 1, effort, ...over };
}

function version(plan: Plan, fault: Fault, percent: number): VersionPlan {
  const found = plan.versions.find((one) => one.fault === fault && one.percent === percent);
  if (!found) throw new Error(`Nothing is planned for ${fault} in ${percent} %.`);
  return found;
}

const codes = ({ remarks }: Plan): RemarkCode[] => remarks.map(({ code }) => code);

describe("a plan", () => {
  const plan = releasePlan(input());

  it("is the same for the same input, and another for another seed", () => {
    expect(releasePlan(input())).toEqual(plan);
    expect(releasePlan(input({ seed: 2 }))).not.toEqual(plan);
  });

  it("says how long each step takes, and how many requests the canary gets meanwhile", () => {
    expect(plan.run.leastSeconds).toBe(100);
    expect(plan.steps.map(({ weightPercent }) => weightPercent)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    expect(plan.steps.every(({ seconds }) => seconds?.median === 10)).toBe(true);
    expect(plan.steps[4]?.canaryRequests?.median).toBeGreaterThan(220);
    expect(plan.steps[4]?.canaryRequests?.median).toBeLessThan(280);
  });

  it("promotes a version as good as stable, and takes back the worse ones, the sooner the worse they are", () => {
    expect(plan.good.promoted.percent).toBeGreaterThan(90);
    const [five, hundred] = [version(plan, "failures", 5), version(plan, "failures", 100)];
    expect(five.promoted.percent).toBe(0);
    expect(hundred.back?.seconds.median).toBeLessThan(five.back?.seconds.median ?? 0);
    expect(hundred.back?.step).toEqual({ low: 1, median: 1, high: 1 });
    expect(hundred.back?.badRequests.median).toBe(hundred.back?.canaryRequests.median);
    expect(version(plan, "slow", 100).back?.seconds.median).toBeLessThanOrEqual(15);
  });

  it("never hides how little so few runs can tell", () => {
    const { promoted, runs } = version(plan, "failures", 100);
    expect(runs).toBe(21);
    expect(promoted).toMatchObject({ percent: 0, lowPercent: 0 });
    expect(promoted.highPercent).toBeGreaterThan(3);
  });

  it("has nothing to say against the tutorial's Canary at its traffic", () => expect(codes(plan)).toEqual([]));
});

describe("what is unwise is said:", () => {
  const analysed = (over: Partial<Policy>, analysis: object = {}): Policy => {
    const policy = { ...limited, ...over };
    return { ...policy, ...judgingOf({ metrics: policy.metrics, ...analysis }) };
  };
  const success = (min: number) => ({ name: "request-success-rate", thresholdRange: { min }, interval: "1m" });
  const duration = (max: number) => ({ name: "request-duration", thresholdRange: { max }, interval: "1m" });

  it.each<[RemarkCode, Partial<PlanInput>]>([
    ["step-too-short", { rps: 5, policy: analysed({}, { minRequests: 100 }) }],
    ["stable-breaks-limit", { usual: { failures: 0.03, slow: 0 } }],
    ["stable-breaks-limit", { usual: { failures: 0, slow: 0.03 } }],
    ["limit-never-broken", { policy: analysed({ metrics: [success(0), duration(500)] }) }],
    ["limit-never-broken", { policy: analysed({ metrics: [success(99), duration(60_000)] }) }],
    ["threshold-out-of-reach", { policy: analysed({ threshold: 20 }, { comparison: { mode: "off" } }) }],
    ["margin-hides", { policy: analysed({ metrics: [success(90), duration(500)] }) }],
    ["failures-not-judged", { policy: analysed({ metrics: [duration(500)] }, { comparison: { mode: "off" } }) }],
    ["slowness-not-judged", { policy: analysed({ metrics: [success(99)] }) }],
    ["comparison-off", { policy: analysed({}, { comparison: { mode: "off" } }) }],
    ["takes-back-good", { rps: 0.2, usual: { failures: 0.008, slow: 0 } }],
    ["not-promoted", { usual: { failures: 0.2, slow: 0 } }],
    [
      "own-queries-taken-to-pass",
      { policy: analysed({ metrics: [...limited.metrics, { name: "mine", query: "up" }] }) },
    ],
    ["gates-taken-to-pass", { policy: analysed({ pauses: [{ weight: 10 }] }) }],
    ["analysis-skipped", { policy: analysed({ skipAnalysis: true }) }],
  ])("%s", (code, over) => {
    expect(codes(releasePlan(input(over)))).toContain(code);
  });
});

describe("a pause that a Canary declares", () => {
  it("takes its time in the plan where it has one", () => {
    const policy = { ...limited, pauses: [{ weight: 20, durationMs: 60_000 }, { weight: 30 }] };
    const { steps, run, remarks } = releasePlan(input({ policy }));
    expect(steps.map(({ seconds }) => seconds?.median).slice(0, 3)).toEqual([10, 60, 10]);
    expect(run).toMatchObject({ leastSeconds: 150, seconds: { median: 150 } });
    expect(remarks.map(({ code }) => code)).toEqual(["gates-taken-to-pass"]);
  });

  it("takes it once in an A/B test, whose iterations have one weight", () => {
    const pauses = [{ weight: 100, durationMs: 60_000 }];
    const policy: Policy = {
      ...limited,
      strategy: { kind: "ab-testing", matches: [] },
      weights: [100, 100, 100],
      pauses,
    };
    const { steps, run } = releasePlan(input({ policy, matching: 0.2 }));
    expect(steps.map(({ leastSeconds, seconds }) => [leastSeconds, seconds?.median])).toEqual([
      [10, 10],
      [10, 10],
      [60, 60],
    ]);
    expect(run).toMatchObject({ leastSeconds: 80, seconds: { median: 80 } });
  });
});

describe("a Canary of an odd shape", () => {
  const effort = { looks: 1, runs: 1 };
  const brief = (policy: Policy): Plan => releasePlan(input({ policy, effort, usual: { failures: 0, slow: 0 } }));

  it("is promoted at the end of four days, too", () => {
    const weights = Array.from({ length: 48 }, (_, index) => index + 2);
    const { run, good } = brief({ ...limited, weights, intervalMs: 2 * 3_600_000 });
    expect(good.promoted.percent).toBe(100);
    expect(run).toMatchObject({ leastSeconds: 4 * 86_400, seconds: { median: 4 * 86_400 } });
  });

  it("is promoted after a thousand iterations, too", () => {
    const weights = [...Array.from({ length: 1_000 }, () => 0), 100];
    const { outcome, steps } = simulate(
      {
        ...{ policy: { ...limited, strategy: { kind: "blue-green" }, weights, intervalMs: 1_000 }, rps: 50 },
        ...{ scrapeIntervalMs: 10_000, canary: {}, primary: {} },
      },
      seeded(1),
    );
    expect([outcome, steps.length]).toEqual(["promoted", 1_001]);
  });

  it("has no steps where the analysis is skipped", () => {
    const { steps, run } = brief({ ...limited, skipAnalysis: true });
    expect([steps, run.leastSeconds]).toEqual([[], 0]);
  });

  it("says nothing of requests that iterations before any user would bring", () => {
    const weights = [...Array.from({ length: 3 }, () => 0), 100];
    const policy: Policy = { ...limited, strategy: { kind: "blue-green" }, weights, threshold: 0 };
    const { remarks } = releasePlan(input({ policy, rps: 0.0001, effort }));
    expect(remarks.map(({ text }) => text).join()).not.toMatch(/NaN|Infinity/);
  });
});

describe("a plan by iterations", () => {
  const iterated = (count: number): number[] => Array.from({ length: count }, () => 0);
  const match = [{ headers: [{ name: "x", type: "Exact" as const, value: "1" }] }];

  it("of Blue/Green plays what users meet, and adds the iterations before them", () => {
    const policy: Policy = { ...limited, strategy: { kind: "blue-green" }, weights: [...iterated(3), 100] };
    const plan = releasePlan(input({ policy }));
    expect(plan.run).toMatchObject({ leastSeconds: 40, seconds: { median: 40 } });
    expect(plan.steps.map(({ canaryRequests }) => canaryRequests?.median === 0)).toEqual([true, true, true, false]);
    expect(version(plan, "failures", 100).back?.step).toMatchObject({ low: 4, high: 4 });
    expect(codes(plan)).toContain("before-users-not-known");
    expect(suggest(input({ policy }), { looks: 200, runs: 8 })).toBeUndefined();
  });

  it("of an A/B test gives the canary those who match, and leaves the comparison the others", () => {
    const weights = Array.from({ length: 10 }, () => 100);
    const policy: Policy = { ...limited, strategy: { kind: "ab-testing", matches: match }, weights };
    const plan = releasePlan(input({ policy, matching: 0.05 }));
    expect(plan.steps[0]?.canaryRequests?.median).toBeLessThan(40);
    expect(plan.steps[0]?.canaryRequests?.median).toBeGreaterThan(12);
    expect(version(plan, "failures", 100).back?.badRequests.median).toBeLessThan(60);
    const found = suggest(input({ policy, matching: 0.05 }), { looks: 200, runs: 8 });
    expect(found?.stepWeights).toBeUndefined();
    expect((found?.iterations ?? 0) * (found?.intervalSeconds ?? 0)).toBeLessThanOrEqual(100);
  });
});

describe("a simulated run", () => {
  const played = { policy: limited, rps: 50, scrapeIntervalMs: 10_000, primary: {} };

  it("ends, whatever becomes of it, and waits for a person only where one is needed", () => {
    const refused = simulate({ ...played, canary: { clientErrors: 1 } }, seeded(3));
    expect(refused.outcome).toBe("waiting");
    const idle = simulate({ ...played, rps: 0, canary: {} }, seeded(3));
    expect(idle).toMatchObject({ outcome: "back", canary: { requests: 0 } });
    expect(simulate({ ...played, canary: {} }, seeded(3))).toMatchObject({
      outcome: "promoted",
      step: 10,
      ms: 100_000,
    });
  });

  it("leaves a warm-up out of the evidence, and takes back all the same who fails most of it", () => {
    const policy: Policy = { ...limited, warmupMs: 60_000 };
    const failing = simulate({ ...played, policy, canary: { failures: 1 } }, seeded(4));
    expect(failing.outcome).toBe("back");
    expect(failing.ms).toBeLessThan(60_000);
    const good = simulate({ ...played, policy, canary: {} }, seeded(4));
    expect(good.outcome).toBe("promoted");
    expect(good.steps[0]?.ms).toBeGreaterThan(60_000);
  });
});

describe("a suggestion", () => {
  it("costs fewer bad requests in no more time, and is the same for the same input", () => {
    const found = suggest(input(), { looks: 200, runs: 8 });
    expect(found).toBeDefined();
    expect(found?.after.seconds).toBeLessThanOrEqual(1.03 * (found?.before.seconds ?? 0));
    const worst = (of: "before" | "after"): number => found?.[of].badRequests.at(-1)?.mean ?? 0;
    expect(worst("after")).toBeLessThan(worst("before"));
    expect(suggest(input(), { looks: 200, runs: 8 })).toEqual(found);
  });

  it("is none where a good version is not promoted anyway", () =>
    expect(suggest(input({ usual: { failures: 0.2, slow: 0 } }), { looks: 200, runs: 8 })).toBeUndefined());
});

/** Metrics that are counted by themselves: with a limit of their own, or not at all. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyObservation, anyPolicy, anyRun, anyState } from "../../test/simulation/arbitraries.ts";
import { aCheck, aPolicy, aRunningState, aRunObservation, someMetrics, start, unmet } from "../../test/builders.ts";
import { decide } from "./decide.ts";
import type { CheckStatus } from "./objects/canary-status.ts";
import type { CanaryState } from "./state.ts";

const policy = aPolicy({ threshold: 2 });
const passed = aCheck({ code: "within-limit", why: "success rate 99.80%" });
const slow = (over: Partial<CheckStatus> = {}): CheckStatus =>
  aCheck({
    metric: "request-duration",
    outcome: "fail",
    code: "above-max",
    why: "request duration 1s > 500ms",
    ...over,
  });
const analysing = aRunningState(50, { stage: "analysing", step: 4, stageAt: start - 10_000, checkAt: start });

/** The state after each of `rounds` checks, an interval apart. */
function after(rounds: CheckStatus[][], from: CanaryState = analysing): { state: CanaryState; said: string[] } {
  let state = from;
  const said: string[] = [];
  rounds.forEach((checks, index) => {
    const now = start + index * policy.intervalMs;
    const seen = aRunObservation(50, 4, { now, metrics: someMetrics(now, { checks }) });
    const decision = decide({ ...state, run: { ...state.run!, checkAt: now } }, seen, policy);
    state = decision.state;
    said.push(...decision.events.map(({ message }) => message));
  });
  return { state, said };
}

describe("a metric with a failureLimit", () => {
  const limited = slow({ failureLimit: 2 });

  it("may fail as often as it says, and the weight stays meanwhile", () => {
    const { state } = after([
      [passed, limited],
      [passed, limited],
    ]);
    expect(state).toMatchObject({
      weight: 50,
      failedChecks: 0,
      run: { step: 4, metricFailures: { "request-duration": 2 } },
    });
    expect(state.reason).toBe("Check failed (2 of the 2 that request-duration may have): request duration 1s > 500ms.");
    expect(state.next).toBe("rollback at 3 failed checks of request-duration");
    expect(state.checks[1]).toMatchObject({ failureLimit: 2, failures: 2 });
  });

  it("takes the run back with the next, and says by which limit", () => {
    const { state, said } = after([[limited], [limited], [limited]]);
    const cause =
      "3 failed checks of request-duration, which may have 2 (failureLimit), the last: request duration 1s > 500ms";
    expect(state).toMatchObject({ weight: 0, run: { ending: { outcome: "rejected", cause } } });
    expect(said).toContain(`Rolling back podinfo.test: ${cause}`);
  });

  it("of 0 takes it back at the first, whatever the threshold", () => {
    const { state } = after([[passed, slow({ failureLimit: 0 })]]);
    expect(state.run?.ending?.cause).toMatch(/^1 failed check of request-duration, which may have 0/);
  });

  it("counts over the whole run, past checks that it passes", () => {
    const { state } = after([[limited], [{ ...limited, outcome: "pass" }]]);
    expect(state.run?.metricFailures).toEqual({ "request-duration": 1 });
    expect(state.checks[0]).toMatchObject({ outcome: "pass", failures: 1 });
    const again = aRunningState(50, { ...state.run!, stage: "analysing", stageAt: start - 10_000 }, { weight: 50 });
    expect(after([[limited], [limited]], again).state.run?.ending).toBeDefined();
  });

  it("leaves the threshold to the others, which count together", () => {
    const failed = { ...passed, outcome: "fail", why: "success rate 90.00% < 99%" } as const;
    const { state } = after([[failed, limited]]);
    expect(state).toMatchObject({ failedChecks: 1, run: { metricFailures: { "request-duration": 1 } } });
    expect(state.reason).toBe("Check failed (1 of 2): success rate 90.00% < 99%.");
    expect(after([[failed], [failed]]).state.run?.ending?.cause).toMatch(/^2 failed checks, the last/);
  });

  it("counts behind a barrier too", () => {
    const seen = aRunObservation(50, 4, {
      metrics: someMetrics(start, { checks: [limited] }),
      ...unmet("obstacle", "Gone."),
    });
    const { state, events } = decide(analysing, seen, policy);
    expect(state.run?.metricFailures).toEqual({ "request-duration": 1 });
    expect(events.map(({ message }) => message).join()).toContain("Halt podinfo.test advancement request duration");
  });

  it.each(["constructor", "__proto__"])("may be called %s", (metric) => {
    const { state } = after([[slow({ metric, failureLimit: 2 })], [slow({ metric, failureLimit: 2 })]]);
    expect(state.checks[0]).toMatchObject({ metric, failures: 2 });
  });
});

/** Made before the tests, whose time is limited: states and looks of any kind, and what a dry run adds to their checks. */
const given = fc
  .sample(
    fc.tuple(
      anyState,
      anyObservation,
      anyPolicy,
      fc.option(anyRun, { freq: 9 }),
      fc.constantFrom("pass", "fail", "no-evidence", "cannot-ask"),
    ),
    { numRuns: 8_000, seed: 20261126 },
  )
  .flatMap(([before, seen, by, run, outcome]) => {
    const { metrics } = seen;
    if (!metrics?.ok) return [];
    const checks = [...metrics.checks, slow({ outcome, dryRun: true })];
    return [{ state: run ? { ...before, run } : before, seen, by, metrics: { ...metrics, checks } }];
  });

describe("a dry run", () => {
  it("goes on past a failed check, and counts it", () => {
    const { state } = after([[passed, slow({ dryRun: true })]]);
    expect(state).toMatchObject({ failedChecks: 0, run: { step: 5, metricFailures: { "request-duration": 1 } } });
    expect(state.checks[1]).toMatchObject({ outcome: "fail", dryRun: true, failures: 1 });
  });

  it("whose query cannot be asked keeps nobody", () => {
    expect(after([[passed, slow({ outcome: "cannot-ask", dryRun: true })]]).state.run?.step).toBe(5);
  });

  it("decides nothing, whatever it finds", () => {
    expect(given.length).toBeGreaterThan(500);
    for (const { state, seen, by, metrics } of given) {
      expect(decidedBy(decide(state, { ...seen, metrics }, by))).toEqual(decidedBy(decide(state, seen, by)));
    }
  });
});

/** What is decided, without what is shown of the dry run. */
function decidedBy({ state, ...rest }: ReturnType<typeof decide>): unknown {
  const { checks: _checks, run, ...others } = state;
  const { metricFailures = {}, ...known } = { ...run };
  const { "request-duration": _dry, ...counted } = metricFailures;
  return { ...rest, ...others, run: known, counted };
}

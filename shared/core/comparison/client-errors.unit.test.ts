/** What follows in a run where users got more 4xx, slow or refused answers from the canary than from the primary. */
import type { DeniedBy } from "../analysis/track-counts.ts";
import { describe, expect, it } from "vitest";
import { aPolicy, aRunningState, aRunObservation, someCounts, someMetrics, start } from "../../../test/builders.ts";
import { decide } from "../decide.ts";
import type { Decision } from "../action.ts";
import type { Command } from "../objects/command.ts";
import type { CountersSeen, Observation } from "../observation.ts";
import type { ComparisonPolicy } from "../spec/analysis-settings.ts";
import type { CanaryState } from "../state.ts";
import { isConvicting } from "./comparison.ts";

const later = start + 5_000;
const running = aRunningState(10, { stage: "analysing", stageAt: start, checkAt: start + 10_000 });
const comparison: ComparisonPolicy = {
  mode: "withinLimits",
  alpha: 0.01,
  marginPercent: 1,
  clientErrors: { action: "hold", marginPercent: 5 },
  slow: { maxMs: 450, boundMs: 500 },
};
const policy = aPolicy({ comparison });

const someCounters = (over: Partial<CountersSeen> = {}): CountersSeen => ({
  epoch: 1,
  at: later,
  canary: someCounts(),
  primary: someCounts(),
  ...over,
});

function turnOf(state: CanaryState, over: Partial<Observation>, by = policy): Decision {
  return decide(state, aRunObservation(10, 4, { now: later, ...over }), by);
}

/** The decision on what came since a first reading that had nothing. */
function after(canary: object, primary: object, { by = policy, more = {}, from = running } = {}): Decision {
  const { state } = turnOf(from, { counters: someCounters() }, by);
  const counters = someCounters({ canary: someCounts(canary), primary: someCounts(primary), ...more });
  return turnOf(state, { counters }, by);
}

const unauthorized = { requests: 12, clientErrors: 12 };
const usual = { requests: 100, clientErrors: 2 };
const waiting = after(unauthorized, usual).state;

const ask = (verb: Command["verb"]): Observation["command"] => ({ id: "c1", verb, by: "bob" });

describe("a canary that answers with 4xx more often than the primary", () => {
  it("is promoted all the same where spec.skipAnalysis is set, as one that fails more often is", () => {
    const by = aPolicy({ comparison, skipAnalysis: true });
    expect(turnOf(waiting, {}, by).state.phase).toBe("Promoting");
    const failing = { requests: 100, failures: 100 };
    expect(after(failing, usual).state.run?.ending?.outcome).toBe("rejected");
    const scaling = { ...running, run: { ...running.run!, stage: "scaling" as const, step: 1 } };
    expect(after(failing, usual, { by, from: scaling }).state.run?.ending).toBeUndefined();
  });

  it("waits at its weight at once, and says by what numbers and what a person can do", () => {
    const { state, events, requeueAfterMs } = after(unauthorized, usual);
    expect(state).toMatchObject({ weight: 10, run: { wait: "client-errors", step: 0, checkAt: start + 10_000 } });
    expect(state.reason).toMatch(
      /^Held for a person: the canary answers with 4xx more often than the primary by more than the margin of 5%: 12 of 12 requests \(100\.00%\) against 2 of 100 requests \(2\.00%\) \(evidence \d+, 1250 needed for 8% of alpha 0\.01\)\./,
    );
    expect(state.next).toBe(
      "kubectl canary resume podinfo -n test accepts them, or kubectl canary promote podinfo -n test, or kubectl canary rollback podinfo -n test",
    );
    expect(events.map(({ type }) => type)).toEqual(["Warning"]);
    expect(requeueAfterMs).toBe(0);
  });

  it("does not wait for as many as the primary has, nor within the margin", () => {
    expect(after({ requests: 500, clientErrors: 100 }, { requests: 4_500, clientErrors: 900 }).state.run?.wait).toBe(
      undefined,
    );
    expect(after({ requests: 500, clientErrors: 30 }, { requests: 4_500, clientErrors: 90 }).state.run?.wait).toBe(
      undefined,
    );
  });

  it("goes on waiting whatever checks say, is not announced again, and is taken back where one fails", () => {
    const now = start + 40_000;
    const passed = turnOf(waiting, { now, metrics: someMetrics(now) });
    expect(passed.state).toMatchObject({ weight: 10, run: { wait: "client-errors", step: 0 } });
    expect(passed.events).toEqual([]);
    const { state } = turnOf(waiting, {
      now,
      counters: someCounters({
        canary: someCounts({ requests: 30, failures: 18 }),
        primary: someCounts({ requests: 200 }),
      }),
    });
    expect(state.run?.ending?.outcome).toBe("rejected");
  });

  it("goes on when a person accepts it, and does not wait for it again in this run", () => {
    const { state: resumed } = turnOf(waiting, { command: ask("resume")! });
    expect(resumed.run).toMatchObject({ clientErrors: { acceptedBy: "bob" } });
    expect(resumed.run?.wait).toBeUndefined();
    const now = start + 40_000;
    const more = someCounters({
      canary: someCounts({ requests: 60, clientErrors: 60 }),
      primary: someCounts({ requests: 500 }),
    });
    expect(turnOf(resumed, { now, counters: more, metrics: someMetrics(now) }).state.run).toMatchObject({ step: 1 });
  });

  it("is promoted or rolled back when a person says so", () => {
    expect(turnOf(waiting, { command: ask("promote")! }).state.run?.stage).toBe("promoting");
    expect(turnOf(waiting, { command: ask("rollback")! }).state.run?.ending?.outcome).toBe("rejected");
  });

  it("keeps waiting over a pause that ends", () => {
    const { state: paused } = turnOf(waiting, { command: { ...ask("pause"), for: "1s" } as Command });
    const now = start + 40_000;
    expect(turnOf(paused, { now, metrics: someMetrics(now) }).state.run).toMatchObject({ wait: "client-errors" });
  });

  it("is taken back where the Canary says so, and let be where it says that", () => {
    const rollback = aPolicy({ comparison: { ...comparison, clientErrors: { action: "rollback", marginPercent: 5 } } });
    expect(after(unauthorized, usual, { by: rollback }).state.run?.ending?.cause).toContain(
      "answers with 4xx more often",
    );
    const { clientErrors: _off, ...without } = comparison;
    const off = aPolicy({ comparison: without });
    expect(after(unauthorized, usual, { by: off }).state.run?.wait).toBeUndefined();
    // A run that waited before the Canary was told so goes on by itself.
    const now = start + 40_000;
    expect(turnOf(waiting, { now, metrics: someMetrics(now) }, off).state.run).toMatchObject({ step: 1 });
  });

  it("is no reason to do without the metrics", () => {
    const before = turnOf(running, { counters: someCounters() }).state;
    const counters = someCounters({ canary: someCounts(unauthorized), primary: someCounts(usual) });
    expect(isConvicting(before, counters, policy)).toBe(false);
  });
});

describe("a canary that is slow more often than the primary", () => {
  const slow = { requests: 40, slow: 12 };

  it("is taken back between two checks, and says by which bucket it was watched", () => {
    const { state } = after(slow, { requests: 360, slow: 2 });
    expect(state.weight).toBe(0);
    expect(state.run?.ending?.cause).toMatch(
      /^the canary is slow more often than the primary by more than the margin of 1%: 12 of 40 requests \(30\.00%\) against 2 of 360 requests \(0\.56%\) took longer than 500ms \(the limit of 450ms lies between two of the mesh's buckets\), or were never answered \(evidence \d+, 1000 needed for 10% of alpha 0\.01\)$/,
    );
  });

  it("is let be where the primary is as slow, and without a limit", () => {
    expect(after({ requests: 400, slow: 80 }, { requests: 3_600, slow: 720 }).state.weight).toBe(10);
    const { slow: _none, ...unlimited } = comparison;
    const without = after(slow, { requests: 360 }, { by: aPolicy({ comparison: unlimited }) });
    expect(without.state.weight).toBe(10);
    expect(without.state.run?.comparison?.slow).toBeUndefined();
  });

  it("is judged anew where another bound is watched", () => {
    const { state } = after({ requests: 40, slow: 2 }, { requests: 360 });
    expect(state.run?.comparison?.slow).toMatchObject({ boundMs: 500, canary: { requests: 40, failures: 2 } });
    const wider = aPolicy({ comparison: { ...comparison, slow: { maxMs: 900, boundMs: 1_000 } } });
    const counters = someCounters({
      canary: someCounts({ requests: 50, slow: 2 }),
      primary: someCounts({ requests: 460 }),
    });
    const { state: next } = turnOf(state, { counters }, wider);
    expect(next.run?.comparison?.slow).toMatchObject({ boundMs: 1_000, canary: { requests: 10, failures: 0 } });
  });
});

describe("a canary whose users policy refuses", () => {
  const refused = { requests: 6, denied: 6 };
  const deniedBy = {
    ...{ server: "default:deny", stableServer: "shop" },
    ...{ authorizationPolicy: "AuthorizationPolicy shop-callers", label: "app=podinfo" },
  };

  it("is taken back, and names the Server, the AuthorizationPolicy and the label", () => {
    const { state } = after(refused, { requests: 54 }, { more: { deniedBy } });
    expect(state.weight).toBe(0);
    expect(state.run?.ending?.cause).toMatch(
      /^policy refuses users' requests to the canary more often than to the primary by more than the margin of 1%: 6 of 6 requests \(100\.00%\) against 0 of 54 requests \(0\.00%\) got 403 by the default policy \(deny\); at stable's pods Server shop and AuthorizationPolicy shop-callers let callers in; that Server selects by app=podinfo, which the canary's pods do not carry: select by a label that both have \(evidence \d+, 5000 needed for 2% of alpha 0\.01\)$/,
    );
  });

  it("is taken back where failures are not compared, where more requests are wanted, and while it warms up", () => {
    const strict = aPolicy({ comparison: { mode: "off", alpha: 0.01 }, minRequests: 1_000 });
    const { state } = after(refused, { requests: 54 }, { by: strict });
    expect(state.run?.ending?.cause).toContain("got 403: see the Servers and AuthorizationPolicies of the namespace");
    const warming = aPolicy({ comparison, warmupMs: 30_000 });
    const cold = { canary: someCounts(refused), primary: someCounts({ requests: 54 }), pods: 1 };
    expect(after({}, {}, { by: warming, more: { warmup: cold } }).state.weight).toBe(0);
  });

  it("names what is known of what refused them", () => {
    const cause = (by: DeniedBy): string =>
      after(refused, { requests: 54 }, { more: { deniedBy: by } }).state.run?.ending?.cause ?? "";
    expect(cause({ server: "shut" })).toContain("got 403 by Server shut: see the Servers and");
    expect(cause({ server: "shut", stableServer: "shop" })).toContain(
      "got 403 by Server shut; at stable's pods Server shop lets callers in (",
    );
  });

  it("is let be where the primary's are refused as often", () =>
    expect(after({ requests: 60, denied: 6 }, { requests: 540, denied: 54 }).state.weight).toBe(10));

  it("gives that as the cause where it also fails and is slow", () => {
    const { state } = after({ ...refused, failures: 6, slow: 6 }, { requests: 54 });
    expect(state.run?.ending?.cause).toMatch(/^policy refuses/);
  });
});

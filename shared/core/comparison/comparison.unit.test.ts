import { describe, expect, it } from "vitest";
import {
  aCheck,
  aPolicy,
  aRunningState,
  aRunObservation,
  aTrack,
  someCounts,
  someMetrics,
  start,
} from "../../../test/builders.ts";
import { isConvicting } from "./comparison.ts";
import { decide } from "../decide.ts";
import type { CanaryState } from "../state.ts";
import type { CountersSeen, ShareSeen } from "../observation.ts";
import type { Decision } from "../action.ts";

const later = start + 5_000;
const running = aRunningState(10, { stage: "analysing", stageAt: start, checkAt: start + 10_000 });

const someCounters = (over: Partial<CountersSeen> = {}): CountersSeen => ({
  epoch: 1,
  at: later,
  canary: someCounts(),
  primary: someCounts(),
  ...over,
});

const noneYet = () => ({ canary: someCounts(), primary: someCounts() });

/** Decides on each reading in turn, as the state that is kept between them has it. */
function looks(readings: readonly CountersSeen[], policy = aPolicy(), from: CanaryState = running): Decision {
  return readings.reduce<Decision>(
    (last, counters, index) =>
      decide(
        last.state,
        aRunObservation(10, 4, { now: later + index * 2_000, counters, target: undefinedTarget() }),
        policy,
      ),
    { state: from, actions: [], events: [], questions: [] },
  );
}

const undefinedTarget = () => aRunObservation(10, 4).target!;

const baseline = someCounters();
const failing = someCounters({
  canary: someCounts({ requests: 6, failures: 6 }),
  primary: someCounts({ requests: 54 }),
});

describe("the comparison in a run", () => {
  it("takes a version that always fails back between two checks, and says by what numbers", () => {
    const { state: next, events } = looks([baseline, failing]);
    expect(next.weight).toBe(0);
    expect(next.run?.ending?.outcome).toBe("rejected");
    const said =
      "the canary fails more than the primary by more than the margin of 1%: " +
      "6 of 6 requests (100.00%) against 0 of 54 requests (0.00%) (evidence";
    expect(next.run?.ending?.cause).toContain(said);
    expect(next.run?.ending?.cause).toContain("125 needed for 80% of alpha 0.01)");
    expect(events.map(({ message }) => message).join()).toContain(said);
  });

  it("says how many of the failures got no answer, and who counted them", () => {
    const origin = { side: "callers" as const, unanswered: 4 };
    const { state: next } = looks([baseline, { ...failing, canaryOrigin: origin }]);
    const said =
      "6 of 6 requests (100.00%, 4 never answered) against 0 of 54 requests (0.00%), counted by its callers (evidence";
    expect(next.run?.ending?.cause).toContain(said);
  });

  it("counts from the first reading on: what came before is not known to be of the same time", () =>
    expect(looks([failing]).state.weight).toBe(10));

  it("counts each reading once, however often it is decided upon", () => {
    const once = looks([baseline, failing], aPolicy({ comparison: { mode: "always", alpha: 1e-9, marginPercent: 1 } }));
    const twice = looks(
      [baseline, failing, failing],
      aPolicy({ comparison: { mode: "always", alpha: 1e-9, marginPercent: 1 } }),
    );
    expect(twice.state.run?.comparison).toEqual(once.state.run?.comparison);
  });

  it("waits with a block until both tracks were scraped: they are at different moments", () => {
    const canaryFirst = someCounters({ canary: someCounts({ requests: 6, failures: 6 }) });
    expect(looks([baseline, canaryFirst]).state.weight).toBe(10);
    expect(looks([baseline, canaryFirst, failing]).state.weight).toBe(0);
  });

  it("keeps what it has learnt when another controller takes over, and counts on from that one's first reading", () => {
    const strict = aPolicy({ comparison: { mode: "always", alpha: 1e-9, marginPercent: 1 } });
    const learnt = looks([baseline, failing], strict).state.run?.comparison;
    const taken = looks([baseline, failing, someCounters({ epoch: 2, canary: someCounts({ requests: 900 }) })], strict);
    expect(taken.state.run?.comparison).toMatchObject({ logEvidence: learnt?.logEvidence, canary: learnt?.canary });
    expect(taken.state.run?.comparison?.read.epoch).toBe(2);
  });

  it.each([
    ["it is off", { mode: "off", alpha: 0.01, marginPercent: 1 }],
    ["nothing says by how much", { mode: "withinLimits", alpha: 0.01 }],
  ] as const)("does not count failures where %s", (_what, comparison) => {
    const { state: next } = looks([baseline, failing], aPolicy({ comparison }));
    expect(next.run?.comparison).toMatchObject({ canary: { requests: 0 }, denied: { canary: { requests: 6 } } });
    expect(next.weight).toBe(10);
  });

  it("never promotes, and lets a canary within the margin be", () => {
    const calm = someCounters({
      canary: someCounts({ requests: 1_000, failures: 9 }),
      primary: someCounts({ requests: 9_000 }),
    });
    const { state: next } = looks([baseline, calm]);
    expect(next.run).toMatchObject({ stage: "analysing", step: 0 });
    expect(next.weight).toBe(10);
  });

  it("looks again after half a scrape at the latest", () => {
    expect(looks([baseline]).requeueAfterMs).toBe(5_000);
  });

  it.each([
    ["as soon as the next sample is due", 8_000, 2_150],
    ["after half a scrape while that is further off", 1_000, 5_000],
    ["soon when the sample is late", 10_500, 2_500],
  ])("looks again %s", (_when, agoMs, afterMs) => {
    const patient = aRunningState(10, { stage: "analysing", stageAt: start, checkAt: start + 60_000 });
    const counters = someCounters({ sampledAt: later - agoMs });
    expect(looks([counters], aPolicy(), patient).requeueAfterMs).toBe(afterMs);
  });

  it("knows by the counters alone whom it takes back, so that no metric is waited for", () => {
    const { state: next } = looks([baseline]);
    const policy = aPolicy();
    expect(isConvicting(next, failing, policy)).toBe(true);
    expect(isConvicting(next, baseline, policy)).toBe(false);
    expect(isConvicting({ ...next, weight: 0 }, failing, policy)).toBe(false);
    expect(isConvicting(next, failing, { ...policy, minRequests: 7 })).toBe(false);
    expect(isConvicting(next, failing, aPolicy({ comparison: { mode: "off", alpha: 0.01, marginPercent: 1 } }))).toBe(
      false,
    );
  });
});

describe("while the canary warms up", () => {
  const policy = aPolicy({ warmupMs: 30_000, comparison: { mode: "withinLimits", alpha: 0.01, marginPercent: 1 } });
  const before = someCounters({ warmup: { ...noneYet(), pods: 0 } });
  const warming = (requests: number, failures: number) =>
    someCounters({
      warmup: {
        canary: someCounts({ requests, failures }),
        primary: someCounts({ requests: 9 * requests }),
        pods: 1,
        evidenceAt: later + 30_000,
      },
    });

  it("many failures are no evidence", () => {
    const { state: next } = looks([before, warming(40, 16)], policy);
    expect(next.weight).toBe(10);
    expect(next.run?.comparison).toMatchObject({ canary: { requests: 0 }, warmup: { canary: { requests: 40 } } });
  });

  it("a version that fails always is taken back all the same, and says by what", () => {
    const { state: next } = looks([before, warming(20, 20)], policy);
    expect(next.weight).toBe(0);
    expect(next.run?.ending?.cause).toContain(
      "the canary fails more than the primary while its pods warm up by more than the margin of 50%: 20 of 20 requests",
    );
  });

  it("what came afterwards counts as ever", () =>
    expect(looks([before, { ...failing, warmup: warming(40, 16).warmup! }], policy).state.weight).toBe(0));

  it("a check holds for it quietly, and says until when", () => {
    const lacking = aCheck({
      outcome: "no-evidence",
      why: "cold",
    });
    const metrics = someMetrics(later, { canary: aTrack({ requests: 0 }), checks: [lacking] });
    const state = aRunningState(10, { stage: "analysing", stageAt: start, checkAt: start });
    const { state: next, events } = decide(
      state,
      aRunObservation(10, 4, { now: later, metrics, counters: warming(40, 16) }),
      policy,
    );
    expect(next.run).toMatchObject({ wait: "warming-up", step: 0 });
    expect(next.reason).toBe(
      "1 canary pod warms up: what a pod answers in its first 30s is no evidence (so far 40 requests, 16 failed).",
    );
    expect(next.next).toBe("the first numbers in about 30s");
    expect(events).toEqual([]);
  });
});

const due = aRunningState(10, { stage: "analysing", stageAt: start, checkAt: start + 10_000 });

function check(over: Parameters<typeof aRunObservation>[2], policy = aPolicy(), state = due): Decision {
  const now = start + 40_000;
  return decide(state, aRunObservation(10, 4, { now, metrics: someMetrics(now), ...over }), policy);
}

describe("a share that does not follow the weight", () => {
  const share: ShareSeen = {
    source: "callers",
    canary: 0,
    all: 1_200,
    low: 10,
    high: 10,
    scrapes: 3,
    staleCallers: [{ pod: "shop/load-gen-0", workload: "statefulset/load-gen" }],
  };

  it("holds although every check passes, and says whom to restart", () => {
    const { state: next } = check({ counters: someCounters({ share }) });
    expect(next.run).toMatchObject({ wait: "stale-callers", step: 0 });
    expect(next.reason).toBe(
      "The split is not effective: its callers sent it 0 of 1200 requests (0.0%) at weight 10, and chance explains none of the last 3 scrapes. " +
        "shop/load-gen-0 is older than the route and ignores it. Restart once: kubectl -n shop rollout restart statefulset/load-gen.",
    );
  });

  it("says how much each of them sends, and names one that holds nothing in the status all the same", () => {
    const stale = [{ pod: "shop/load-gen-0", workload: "statefulset/load-gen", percent: 30.04 }];
    const waiting = check({ counters: someCounters({ share: { ...share, stale } }) });
    expect(waiting.state.reason).toContain(" shop/load-gen-0 (30.0% of requests) is older than the route");
    const fine: ShareSeen = { ...share, canary: 118, scrapes: 0, staleCallers: [], stale };
    const { state: next } = check({ counters: someCounters({ share: fine }) });
    expect(next.run?.wait).toBeUndefined();
    expect(next.staleCallers).toEqual([{ pod: "shop/load-gen-0", workload: "statefulset/load-gen" }]);
  });

  it.each<[string, Partial<ShareSeen>, Parameters<typeof aRunObservation>[2], string]>([
    [
      "a cause that was found",
      { staleCallers: [], cause: "no meshed caller is seen" },
      {},
      "no meshed caller is seen.",
    ],
    [
      "a route that the mesh does not take",
      { staleCallers: [] },
      { route: { weight: 10, ownWeight: 10, problem: "Accepted is False" } },
      "The mesh does not obey the route: Accepted is False.",
    ],
    ["nothing", { staleCallers: [] }, {}, "No cause was found: do callers address the Service by its name?"],
  ])("names %s", (_what, more, over, words) => {
    const { state: next } = check({ ...over, counters: someCounters({ share: { ...share, ...more } }) });
    expect(next.run?.wait).toBe("unreached");
    expect(next.reason).toContain(words);
  });

  it("is believed at the third scrape only", () =>
    expect(check({ counters: someCounters({ share: { ...share, scrapes: 2 } }) }).state.run?.step).toBe(1));
});

describe("a check without evidence", () => {
  const lacking = aCheck({
    outcome: "no-evidence",
    why: "few",
  });
  const metrics = (over: object = {}) => someMetrics(start + 40_000, { checks: [lacking], ...over });
  const waiting = { ...due, run: { ...due.run!, wait: "no-evidence" as const, waitSince: start } };
  const by = (policy: "hold" | "fail" | "pass", deadlineMs: number) => aPolicy({ noEvidence: { policy, deadlineMs } });

  it("holds, and ends the run at the deadline", () => {
    expect(check({ metrics: metrics() }, by("hold", 60_000), waiting).state.run?.wait).toBe("no-evidence");
    expect(check({ metrics: metrics() }, by("hold", 30_000), waiting).state.run?.ending?.outcome).toBe("rejected");
  });

  it("counts as failed where the Canary says so", () => {
    expect(check({ metrics: metrics() }, by("fail", 60_000)).state.failedChecks).toBe(1);
  });

  it("does not count as failed while its window reaches to before the run", () => {
    const { state: next } = check({ metrics: metrics({ isEarly: true }) }, by("fail", 60_000));
    expect(next.failedChecks).toBe(0);
    expect(next.run?.wait).toBe("no-evidence");
  });

  it("passes after the deadline where the Canary says so, not before", () => {
    expect(check({ metrics: metrics() }, by("pass", 60_000), waiting).state.run?.wait).toBe("no-evidence");
    expect(check({ metrics: metrics() }, by("pass", 30_000), waiting).state.run?.step).toBe(1);
  });

  it("never passes while users reach the primary and not the canary", () => {
    const unreached = metrics({ canary: aTrack({ requests: 0 }), checks: [{ ...lacking, requests: 0 }] });
    const run = { ...waiting.run, wait: "unreached" as const };
    expect(check({ metrics: unreached }, by("pass", 30_000), { ...waiting, run }).state.run?.ending?.outcome).toBe(
      "rejected",
    );
  });
});

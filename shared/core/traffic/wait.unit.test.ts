/** How long a hold lasts, how often it is looked at, and what it must not do meanwhile. */
import { describe, expect, it } from "vitest";
import {
  aCheck,
  aHeldTarget,
  aPolicy,
  aRunningState,
  aRunObservation,
  aTrack,
  canaryRevision,
  endpoints,
  someCounts,
  someMetrics,
  start,
  takenBack,
  unmet,
} from "../../../test/builders.ts";
import { decide } from "../decide.ts";
import type { Run } from "../state.ts";
import type { Observation } from "../observation.ts";

const policy = aPolicy({ weights: [25, 50] });
const hour = 3_600_000;
const over = { by: "bob", at: start - hour, until: start - 1_000 };
const still = { by: "bob", at: start - hour };
const due: Partial<Run> = { stage: "analysing", stageAt: start - 60_000, checkAt: start };

describe("a pause whose time is over", () => {
  it.each<[string, Partial<Run>, number, Partial<Observation>]>([
    ["under a weight set by hand", { ...due, ceiling: 5 }, 5, {}],
    [
      "on a rollout that its user paused",
      { ...due, step: 1 },
      50,
      { target: aHeldTarget("1.7.1", { pausedByUser: true }) },
    ],
  ])("%s does not make us look at it all the time", (_, run, weight, seen) => {
    const metrics = someMetrics(start);
    const { state: next, requeueAfterMs } = decide(
      aRunningState(weight, { ...run, paused: over }),
      aRunObservation(weight, 2, { ...seen, metrics }),
      policy,
    );
    expect(next.run?.checkAt).toBe(start + policy.intervalMs);
    expect(requeueAfterMs).toBeGreaterThan(1_000);
  });
});

describe("a first check that finds no numbers yet", () => {
  it("looks again with the next scrape, and not half a scrape or an interval later", () => {
    const first = aRunningState(25, { stage: "analysing", stageAt: start - 10_000, checkAt: start });
    const none = { requests: 0, latencyMs: { p50: null, p95: null, p99: null } };
    const metrics = someMetrics(start, {
      canary: aTrack(none),
      checks: [aCheck({ outcome: "no-evidence", requests: 0 })],
    });
    const counters = { epoch: 1, at: start, canary: someCounts(), primary: someCounts(), sampledAt: start - 9_000 };
    const { state: next } = decide(first, aRunObservation(25, 1, { metrics, counters }), policy);
    expect(next.run).toMatchObject({ wait: "no-numbers", step: 0, checkAt: start + 1_150 });
  });
});

describe("a canary that Prometheus has not scraped", () => {
  const unseen = someMetrics(start, { sampledAt: start - 60_001 });
  const since = (over: Partial<Run> = {}) => aRunningState(0, { stage: "scaling", stageAt: start - 60_000, ...over });

  it("gets no traffic however ready its pods are, and is looked at again soon", () => {
    const {
      state: next,
      actions,
      events,
      requeueAfterMs,
    } = decide(since(), aRunObservation(0, 1, { metrics: unseen }), policy);
    expect(next).toMatchObject({ weight: 0, run: { stage: "scaling", wait: "no-numbers" } });
    expect(next.reason).toBe("No traffic yet: Prometheus has not scraped the ready pods of podinfo-canary.");
    expect([actions, events, requeueAfterMs]).toEqual([[], [], 500]);
  });

  it("gets its first weight with the first sample", () => {
    const metrics = someMetrics(start, { sampledAt: start - 1_000 });
    const waiting = since({ wait: "no-numbers", waitSince: start - 3_000, checkAt: start });
    const { state: next } = decide(waiting, aRunObservation(0, 1, { metrics }), policy);
    expect(next).toMatchObject({ weight: 25, run: { stage: "analysing" } });
    expect(next.run?.wait).toBeUndefined();
  });

  it("gets its first weight where Prometheus has not looked at stable either for three scrapes, and not before", () => {
    const metrics = { ...unseen, isUnwatched: true };
    const after = (ms: number) => {
      const waiting = since({ wait: "no-numbers", waitSince: start - ms, checkAt: start });
      return decide(waiting, aRunObservation(0, 1, { metrics }), policy).state.weight;
    };
    expect([after(0), after(29_000), after(30_000)]).toEqual([0, 0, 25]);
  });

  it("is told of what to look for when that takes long, and given up at the deadline", () => {
    const long = (ms: number) => since({ wait: "no-numbers", waitSince: start - ms, checkAt: start });
    const seen = aRunObservation(0, 1, { metrics: unseen });
    expect(decide(long(30_000), seen, policy).state.reason).toContain("podinfo-canary: are they meshed");
    const { state: next } = decide(long(policy.noEvidence.deadlineMs), seen, policy);
    expect(next).toMatchObject({
      phase: "Failed",
      rejected: [{ cause: expect.stringContaining("not scraped") as string }],
    });
  });

  it("is named where Prometheus knows its pod and cannot reach it, before and after the first weight", () => {
    const unscraped = ["podinfo-canary-7c9d-x2x4k"];
    const long = since({ wait: "no-numbers", waitSince: start - 30_000, checkAt: start });
    const seen = aRunObservation(0, 1, { metrics: someMetrics(start, { sampledAt: start - 60_001, unscraped }) });
    expect(decide(long, seen, policy).state.reason).toBe(
      "No traffic yet: Prometheus has not scraped the ready pods of podinfo-canary: it knows podinfo-canary-7c9d-x2x4k and cannot reach port 4191 there (up is 0).",
    );
    const silent = someMetrics(start, {
      canary: aTrack({ requests: 0 }),
      checks: [aCheck({ outcome: "no-evidence", value: null, requests: 0 })],
      unscraped,
    });
    const running = aRunningState(25, { stage: "analysing", stageAt: start - 60_000, checkAt: start });
    expect(decide(running, aRunObservation(25, 1, { metrics: silent }), policy).state.reason).toBe(
      "Prometheus cannot scrape podinfo-canary-7c9d-x2x4k (up is 0), and no caller counted requests to the canary at weight 25.",
    );
  });

  it("keeps the share that it has", () => {
    const state = aRunningState(25, { stage: "scaling", step: 1, stageAt: start });
    const { state: next } = decide(state, aRunObservation(25, 2, { metrics: unseen }), policy);
    expect(next).toMatchObject({ weight: 50, run: { stage: "analysing" } });
  });
});

describe("a paused run", () => {
  it("is not promoted because its analysis is skipped", () => {
    const { state: next } = decide(aRunningState(0, { paused: still }), aRunObservation(0, 1), {
      ...policy,
      skipAnalysis: true,
    });
    expect(next).toMatchObject({ phase: "Progressing", run: { wait: "paused" } });
  });

  it("is not given up for want of evidence, however long the night", () => {
    const none = { primary: aTrack({ requests: 0 }), canary: aTrack({ requests: 0 }) };
    const metrics = someMetrics(start, { ...none, checks: [aCheck({ outcome: "no-evidence" })] });
    const waiting: Partial<Run> = { ...due, wait: "no-traffic", waitSince: start - 10 * hour };
    const { state: next } = decide(
      aRunningState(25, { ...waiting, paused: still }),
      aRunObservation(25, 1, { metrics }),
      policy,
    );
    expect(next.run?.stage).toBe("analysing");
    expect(
      decide(aRunningState(25, waiting), aRunObservation(25, 1, { metrics }), policy).state.run?.ending,
    ).toBeDefined();
  });
});

describe("pods that are awaited after a hold", () => {
  it("have all of their time: nobody waited for them while it lasted", () => {
    const waiting: Partial<Run> = {
      stage: "scaling",
      step: 1,
      stageAt: start - hour,
      wait: "cannot-ask",
      waitSince: start - hour,
    };
    const { state: next } = decide(
      aRunningState(25, waiting),
      aRunObservation(25, 1, { metrics: someMetrics(start) }),
      policy,
    );
    expect(next.run).toMatchObject({ stage: "scaling", stageAt: start });
    expect(next.run).not.toHaveProperty("hold");
  });
});

describe("a weight that cannot be written", () => {
  it.each<[string, Partial<Run>, Partial<Observation>]>([
    ["while analysing", { stage: "analysing", checkAt: start + 9_000 }, { route: { weight: 0, ownWeight: 0 } }],
    [
      "while draining",
      { stage: "draining", ending: { outcome: "rejected", cause: "5 failed checks" } },
      { route: { weight: 25, ownWeight: 25 } },
    ],
  ])("%s is not said anew at every look", (_, run, seen) => {
    const state = aRunningState(run.stage === "draining" ? 0 : 25, { ...run, stageAt: start - 500 });
    const { state: next, requeueAfterMs } = decide(state, aRunObservation(25, 1, seen), policy);
    expect(next.run).toMatchObject(state.run!);
    expect(requeueAfterMs).toBe(1_000);
  });
});

describe("a run whose spec or target is changed under it", () => {
  it("gives a last weight that was raised before it promotes", () => {
    const { state: next } = decide(
      aRunningState(20, { ...due, step: 1 }),
      aRunObservation(20, 4, { metrics: someMetrics(start) }),
      aPolicy({ weights: [50, 100] }),
    );
    expect(next).toMatchObject({ phase: "Progressing", weight: 100 });
  });

  it("stands still on a target that became unfit, says why, and can be taken back", () => {
    const unfit = "Deployment podinfo has strategy Recreate.";
    const seen = aRunObservation(25, 1, { ...unmet("unfit", unfit), metrics: someMetrics(start) });
    const { state: next, actions } = decide(aRunningState(25, due), seen, policy);
    expect([next.reason, next.weight, actions]).toEqual([unfit, 25, []]);
    const back = decide(next, { ...seen, command: { id: "c1", verb: "rollback", by: "bob" } }, policy);
    expect(back.actions).toEqual([takenBack]);
  });

  it("ends on a target that was scaled to nothing: there is nobody to wait for", () => {
    const nobody = { primary: endpoints(), canary: endpoints({ [canaryRevision("1.7.1")]: 1 }) };
    const target = aHeldTarget("1.7.1", { replicas: 0, active: [] });
    const ending = { outcome: "rejected", cause: "rolled back by bob" } as const;
    const seen = aRunObservation(25, 1, { target, endpoints: nobody });
    expect(decide(aRunningState(25, { stage: "draining", ending }), seen, policy).state.weight).toBe(0);
  });

  it("names stable on the target for whoever finds it without us", () => {
    const target = aHeldTarget("1.7.1", { stableMark: "pod1.6.0" });
    const { actions } = decide(
      aRunningState(25, { ...due, checkAt: start + 1 }),
      aRunObservation(25, 1, { target }),
      policy,
    );
    expect(actions).toEqual([{ kind: "markStable", podTemplateHash: "pod1.7.0" }]);
  });
});

describe("callers who do not know the canary's pods yet", () => {
  const unaware = ["shop/load-1", "shop/load-2", "shop/load-3", "web/front-1"];
  const since = (run: Partial<Run> = {}) => aRunningState(0, { stage: "scaling", stageAt: start - 5_000, ...run });
  const at = (rests: "ours" | "theirs" | undefined, run: Partial<Run> = {}, callers = unaware) => {
    const route = { weight: 0, ownWeight: 0, ...(rests ? { restsOnCanary: rests } : {}) };
    return decide(
      since(run),
      aRunObservation(0, 1, { route, metrics: someMetrics(start, callers.length > 0 ? { unaware: callers } : {}) }),
      policy,
    );
  };

  it("get none of it where the user's own route names it all along, and the status says why", () => {
    const { state: next, events } = at("theirs");
    expect(next).toMatchObject({ weight: 0, run: { stage: "scaling", wait: "callers-unaware" } });
    expect(next.reason).toBe(
      "No traffic yet: the proxies of 4 callers know no endpoint of Service podinfo-canary (shop/load-1, shop/load-2, shop/load-3 and 1 more). HTTPRoute podinfo is your own and names podinfo-canary between runs too, so Linkerd tells them up to a minute late.",
    );
    expect(next.next).toBe("the first weight when they do, in 2m at the latest");
    expect(events).toEqual([]);
  });

  it("are told of one by one, and hold nobody up for more than two minutes", () => {
    const waiting: Partial<Run> = { wait: "callers-unaware", waitSince: start - 119_000 };
    expect(at("theirs", waiting, ["shop/load-1"]).state.reason).toContain("the proxy of a caller knows no endpoint");
    expect(at("theirs", { ...waiting, waitSince: start - 120_000 }).state).toMatchObject({ weight: 25 });
  });

  it("are not waited for where all know it, or no route makes them ask", () => {
    expect(at("theirs", {}, []).state.weight).toBe(25);
    expect(at("ours").state.weight).toBe(25);
    expect(at(undefined).state.weight).toBe(25);
  });
});

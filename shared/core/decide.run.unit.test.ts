/** The stages of a run, one decision at a time; whole runs are in `test/scenarios.unit.test.ts`. */
import { describe, expect, it } from "vitest";
import {
  aCheck,
  aHeldTarget,
  aPolicy,
  aRunningState,
  aRunObservation,
  aTarget,
  aTrack,
  aVersion,
  aWorkload,
  canaryRevision,
  endpoints,
  hashOf,
  imagesAt,
  someMetrics,
  start,
  routeOver,
  takenBack,
  aState,
  unmet,
} from "../../test/builders.ts";
import { decide } from "./decide.ts";
import type { CanaryState, Run } from "./state.ts";
import type { MetricsSeen, Observation, Workload } from "./observation.ts";
import type { Decision } from "./action.ts";

const stable = endpoints({ "pod1.7.0": 4 });
const policy = aPolicy({ weights: [25, 50] });

function at(weight: number, run: Partial<Run>, over: Partial<Observation> = {}): Decision {
  return decide(aRunningState(weight, run), aRunObservation(weight, 2, over), policy);
}

describe("scaling", () => {
  it("waits for pods of an earlier template to be gone, however many of its own are ready", () => {
    const mixed = endpoints({ [canaryRevision("1.7.1")]: 4, [canaryRevision("1.7.0")]: 1 });
    const { state: next, actions } = at(0, {}, { endpoints: { primary: stable, canary: mixed } });
    expect(next).toMatchObject({ weight: 0, run: { stage: "scaling" } });
    expect(actions.some((action) => action.kind === "setWeight")).toBe(false);
  });

  it("needs one ready pod for the smallest weight, on a target of none as well", () => {
    const target = aHeldTarget("1.7.1", { replicas: 0 });
    const none = { primary: stable, canary: endpoints() };
    expect(at(0, {}, { target, endpoints: none, workload: aWorkload("1.7.1", 1) }).state.weight).toBe(0);
  });

  it("gives up at the deadline and says what kept the pods", () => {
    const failure = "pod podinfo-canary-x: ImagePullBackOff";
    const seen = { endpoints: { primary: stable, canary: endpoints() }, workload: aWorkload("1.7.1", 1, { failure }) };
    const { state: next, events } = at(0, { stageAt: start - 60_000 }, seen);
    expect(next.phase).toBe("Failed");
    expect(next.rejected[0]?.cause).toBe(`canary pods were not ready within 1m (${failure})`);
    expect(events.map((event) => event.message)).toContain("Canary failed! Scaling down podinfo.test");
  });

  it("is not taken over by another version once it has a story of its own", () => {
    for (const story of [{ losses: 1 }, { ceiling: 0 }, { step: 1 }]) {
      const seen = aRunObservation(0, 0, { target: aHeldTarget("1.7.2"), route: routeOver });
      const { state: next } = decide(aRunningState(0, story), seen, policy);
      expect(next.history[0]).toMatchObject({ outcome: "superseded" });
      expect(next.run).toEqual({
        ...aRunningState(0).run,
        id: "cafe1720-2",
        intent: hashOf("1.7.2"),
        images: imagesAt("1.7.2"),
        startedAt: start,
        stageAt: start,
      });
    }
  });

  it("starts with a clean sheet when another version comes before any traffic", () => {
    const state = { ...aRunningState(0), failedChecks: 4 };
    const { state: next } = decide(state, aRunObservation(0, 0, { target: aHeldTarget("1.7.2") }), policy);
    expect(next).toMatchObject({
      failedChecks: 0,
      checks: [],
      run: { id: "cafe1720-1", intent: hashOf("1.7.2"), step: 0 },
    });
  });
});

describe("analysing", () => {
  it("ends at once and promotes where spec.skipAnalysis is set meanwhile", () => {
    const state = aRunningState(25, { stage: "analysing" });
    const { state: next } = decide(state, aRunObservation(25, 2), { ...policy, skipAnalysis: true });
    expect(next).toMatchObject({ phase: "Promoting", run: { stage: "promoting" } });
    expect(decide(state, aRunObservation(25, 2), policy).state.phase).toBe("Progressing");
  });

  const due = { stage: "analysing", stageAt: start - 10_000, checkAt: start } as const;
  const last = { ...due, step: 1 };
  const judged = (metrics: MetricsSeen, run: Partial<Run> = due): Decision =>
    at(run.step === 1 ? 50 : 25, run, { metrics });

  it("judges nothing that was asked before the step began", () => {
    const { state: next, requeueAfterMs } = judged(someMetrics(start - 10_001));
    expect(next).toMatchObject({ weight: 25, run: { step: 0 } });
    expect(next.checks).toEqual([]);
    expect(next.reason).toBe("Prometheus has not been asked since the weight moved");
    expect(requeueAfterMs).toBe(5_000);
  });

  it("promotes only on a sample from the last step itself", () => {
    expect(judged(someMetrics(start, { sampledAt: start - 10_001 }), last).state.phase).toBe("Progressing");
    expect(judged(someMetrics(start, { sampledAt: start - 9_999 }), last).state.phase).toBe("Promoting");
  });

  it("does not promote what its user paused, and says how to go on", () => {
    const target = aHeldTarget("1.7.1", { pausedByUser: true });
    const { state: next, actions } = at(50, last, { target, metrics: someMetrics(start) });
    const reason = expect.stringMatching(/paused by its user/) as string;
    expect(next).toMatchObject({ phase: "WaitingPromotion", run: { wait: "paused-by-user" }, reason });
    expect(actions).toEqual([]);
  });

  it("never promotes a canary that no user reached, though every check passed", () => {
    const { state: next } = judged(someMetrics(start, { canary: aTrack({ requests: 0 }) }), {
      ...last,
      stageAt: start - 60_000,
    });
    expect(next.phase).toBe("Progressing");
    expect(next.reason).toMatch(/^No user request has reached the canary/);
  });

  it.each(["pass", "no-evidence", "cannot-ask"] as const)(
    "takes one failed check for failed beside one that is %s",
    (outcome) => {
      const checks = [aCheck({ outcome }), aCheck({ outcome: "fail", why: "success rate 1% < 99%" })];
      const { state: next } = judged(someMetrics(start, { checks }));
      expect(next).toMatchObject({
        failedChecks: 1,
        weight: 25,
        reason: "Check failed (1 of 5): success rate 1% < 99%.",
      });
    },
  );

  it("has all the time for evidence again when Prometheus was away for longer than that", () => {
    const longAgo = { ...due, wait: "no-evidence", waitSince: start - policy.noEvidence.deadlineMs } as const;
    const none = someMetrics(start, { checks: [aCheck({ outcome: "no-evidence" })] });
    const frozen = judged({ ok: false, askedAt: start, error: "no answer", code: "timeout" }, longAgo);
    expect(frozen.state).toMatchObject({ weight: 25, phase: "Progressing", run: { waitCode: "timeout" } });
    const seen = aRunObservation(25, 2, { now: start + 5_000, metrics: { ...none, askedAt: start + 5_000 } });
    expect(decide(frozen.state, seen, policy).state.run).toMatchObject({
      stage: "analysing",
      waitSince: start + 5_000,
    });
    expect(judged(none, longAgo).state.run?.ending?.cause).toMatch(/^no verdict within 30m/);
  });

  it("begins the step anew when the route has not got its weight", () => {
    const { state: next, actions } = at(50, due, { route: { weight: 25, ownWeight: 25 }, metrics: someMetrics(start) });
    expect(next).toMatchObject({ weight: 50, run: { stage: "analysing", step: 0, checkAt: start + 10_000 } });
    expect(actions).toEqual([{ kind: "setWeight", weight: 50 }]);
  });

  it("waits for pods again when there are too few to give the route its weight", () => {
    const one = { primary: stable, canary: endpoints({ [canaryRevision("1.7.1")]: 1 }) };
    const { state: next, actions } = at(
      50,
      { ...due, step: 1 },
      { route: { weight: 25, ownWeight: 25 }, endpoints: one },
    );
    expect(next).toMatchObject({ weight: 50, run: { stage: "scaling", step: 1 } });
    expect(actions.some((action) => action.kind === "setWeight")).toBe(false);
  });

  it("takes the share of a canary without pods back", () => {
    const { state: next, actions } = at(25, due, { endpoints: { primary: stable, canary: endpoints() } });
    expect(next).toMatchObject({ weight: 0, run: { stage: "scaling" } });
    expect(actions).toContainEqual({ kind: "setWeight", weight: 0 });
  });

  it("takes the share of a canary back whose Deployment was deleted, before its pods are gone", () => {
    const { workload: _workload, ...rest } = aRunObservation(25, 2);
    const { state: next, actions } = decide(aRunningState(25, due), rest, policy);
    expect(next).toMatchObject({ weight: 0, run: { stage: "scaling" } });
    expect(actions[0]).toEqual({ kind: "setWeight", weight: 0 });
  });

  it("takes traffic back even from a target that can no longer be canaried", () => {
    const unfit = unmet("unfit", "Deployment podinfo has strategy Recreate.");
    expect(at(25, due, { target: aHeldTarget("1.7.0"), ...unfit }).actions).toEqual([
      takenBack,
      { kind: "unholdTarget" },
    ]);
  });
});

describe("promoting", () => {
  const released = (over: Parameters<typeof aTarget>[0] = {}) =>
    aTarget({ intent: hashOf("1.7.1"), promoting: "cafe1710-1", active: [aVersion("1.7.1")], ...over });
  const allNew = endpoints({ "pod1.7.1": 4 });
  const promoting = (over: Partial<Observation>): Decision => at(50, { stage: "promoting", step: 1 }, over);
  const behind = (primary = allNew) => ({ primary, canary: endpoints({ [canaryRevision("1.7.1")]: 2 }) });

  it("returns traffic when every pod and every endpoint of the primary is new and ready", () => {
    const { state: next, actions } = promoting({ target: released(), endpoints: behind() });
    expect(next).toMatchObject({ phase: "Finalising", weight: 0 });
    expect(actions).toEqual([takenBack]);
  });

  it.each<[string, Partial<Observation>]>([
    [
      "an endpoint is still old",
      { target: released(), endpoints: behind(endpoints({ "pod1.7.0": 1, "pod1.7.1": 4 })) },
    ],
    ["endpoints are fewer than replicas", { target: released(), endpoints: behind(endpoints({ "pod1.7.1": 3 })) }],
    ["Kubernetes has not finished", { target: released({ rolledOut: false }), endpoints: behind() }],
    [
      "old pods are there",
      { target: released({ active: [aVersion("1.7.0"), aVersion("1.7.1")] }), endpoints: behind() },
    ],
  ])("leaves traffic on the canary while %s", (_, over) => {
    const { state: next, actions } = promoting(over);
    expect(next).toMatchObject({ weight: 50, run: { stage: "promoting" } });
    expect(actions).toEqual([]);
  });

  it("lets the target go again until it is seen both marked and let go", () => {
    const release = { kind: "releaseTarget", intent: hashOf("1.7.1"), run: "cafe1710-1" };
    expect(promoting({}).actions).toEqual([release]);
    expect(promoting({ target: released({ held: true }) }).actions).toEqual([release]);
    expect(promoting({ target: released({ promoting: "cafe1690-7" }) }).actions).toEqual([release]);
    expect(promoting({ target: released({ rolledOut: false }) }).actions).toEqual([]);
  });

  it("ends as superseded, unpromoted, when another version came first", () => {
    const { state: next, actions } = promoting({ target: aHeldTarget("1.7.2") });
    expect(next.run?.ending).toMatchObject({ outcome: "superseded" });
    expect(actions).toEqual([takenBack]);
  });

  it.each(["promoting", "returning"] as const)(
    "ends as aborted where break-glass let another version go (%s)",
    (stage) => {
      const target = released({ intent: hashOf("1.7.2"), bypass: true, rolledOut: false });
      const { state: next } = at(50, { stage, step: 1 }, { target, endpoints: behind() });
      const cause = "Deployment podinfo was changed by kubectl-set while it was promoted";
      expect(next.run?.ending).toEqual({ outcome: "aborted", cause });
    },
  );

  it("ends as reverted when stable's template was put back first", () => {
    expect(promoting({ target: aTarget({ held: true }) }).state.run?.ending).toEqual({
      outcome: "reverted",
      cause: "reverted by alice",
    });
  });

  it("says once that the target is stuck, in Kubernetes' words, and names both ways out", () => {
    const seen = { target: released({ rolledOut: false, stuck: "timed out progressing." }) };
    const { state: next, events } = promoting(seen);
    expect(next.reason).toBe("Promotion is stuck: timed out progressing. Traffic stays at 50% on the canary.");
    expect(next.next).toMatch(/describe deploy podinfo.*kubectl canary rollback podinfo/);
    expect(events).toHaveLength(1);
    expect(decide(next, aRunObservation(50, 2, seen), policy).events).toEqual([]);
  });

  it("gives the share of a canary that lost its pods to the primary", () => {
    const { state: next } = promoting({
      target: released({ rolledOut: false }),
      endpoints: { primary: stable, canary: endpoints() },
    });
    expect(next).toMatchObject({ weight: 0, run: { stage: "promoting" } });
  });
});

describe("restoring", () => {
  const ending = { outcome: "rejected", cause: "rolled back by bob" } as const;
  const restoring = (over: Partial<Observation>): Decision => at(50, { stage: "restoring", ending }, over);
  const canary = endpoints({ [canaryRevision("1.7.1")]: 2 });

  it.each<[string, Partial<Observation>]>([
    ["the target is not back on stable", { target: aTarget({ rolledOut: false }) }],
    [
      "an endpoint is not stable's",
      { target: aTarget(), endpoints: { primary: endpoints({ "pod1.7.0": 4, "pod1.7.1": 1 }), canary } },
    ],
  ])("leaves traffic on the canary while %s", (_, over) => {
    expect(restoring(over).state).toMatchObject({ weight: 50, run: { stage: "restoring" } });
  });

  it("takes traffic back when the primary is stable's alone", () => {
    expect(restoring({ target: aTarget(), endpoints: { primary: stable, canary } }).state.weight).toBe(0);
  });
});

describe("draining", () => {
  const ending = { outcome: "rejected", cause: "5 failed checks" } as const;
  const ended = {
    run: "r",
    images: {},
    requestedBy: "x",
    outcome: "reverted",
    cause: "",
    startedAt: 0,
    endedAt: 0,
  } as const;
  const few = { primary: endpoints({ "pod1.7.0": 2 }), canary: endpoints({ [canaryRevision("1.7.1")]: 2 }) };
  const draining = (weight: number, agoMs: number, over: Partial<Observation>): Decision =>
    at(weight, { stage: "draining", stageAt: start - agoMs, ending }, over);

  it("waits for a primary that has lost pods, but not for ever", () => {
    expect(draining(50, 0, { endpoints: few }).state).toMatchObject({
      weight: 50,
      reason: expect.stringMatching(/has 2 of the 4 ready pods that all traffic needs: weight 50 stays/) as string,
    });
    expect(draining(50, 30_000, { endpoints: few }).state.weight).toBe(0);
  });

  it("never sends users to a primary without any pod", () => {
    const none = { ...few, primary: endpoints() };
    expect(draining(50, 3_600_000, { endpoints: none }).state.weight).toBe(50);
  });

  it("keeps the canary's pods until its users are gone", () => {
    expect(draining(0, 5_999, { route: routeOver }).actions).toEqual([]);
    const { state: next, actions } = draining(0, 6_000, { route: routeOver });
    expect(next).toMatchObject({ phase: "Failed", rejected: [{ hash: hashOf("1.7.1"), cause: "5 failed checks" }] });
    expect(actions).toContainEqual({ kind: "scaleCanary", replicas: 0, over: "cafe1710-1" });
  });

  it("is over only when the route was written for it, so that nothing of it can be written any more", () => {
    for (const over of [undefined, "cafe1700-0"]) {
      const route = { weight: 0, ownWeight: 0, ...(over ? { over } : {}) };
      const { state: next, actions } = draining(0, 60_000, { route });
      expect(next.run).toMatchObject({ stage: "draining" });
      expect(actions).toEqual([takenBack]);
    }
  });

  it("writes into a canary Deployment without pods too that the run is over, once", () => {
    const over = aState({ phase: "Failed", history: [{ ...ended, run: "cafe1710-1" }] });
    const seen = (workload: Workload): Observation => aRunObservation(0, 0, { target: aTarget(), workload });
    const closing = decide(over, seen(aWorkload("1.7.1", 0)), policy).actions;
    expect(closing).toContainEqual({ kind: "scaleCanary", replicas: 0, over: "cafe1710-1" });
    const closed = decide(over, seen({ ...aWorkload("1.7.1", 0), over: "cafe1710-1" }), policy).actions;
    expect(closed.filter(({ kind }) => kind === "scaleCanary")).toEqual([]);
  });

  it("is over at once for a canary that never served, and only for such", () => {
    const target = aTarget({ held: true });
    expect(at(0, {}, { target }).state.run).toBeUndefined();
    const served = decide(aRunningState(25, { stage: "analysing" }), aRunObservation(25, 2, { target }), policy);
    expect(served.state.run).toMatchObject({ stage: "draining", stageAt: start });
  });

  it("keeps the last twenty runs in the history", () => {
    const state: CanaryState = {
      ...aRunningState(0, { stage: "draining", ending }),
      history: Array.from({ length: 20 }, () => ended),
    };
    const { state: next } = decide(state, aRunObservation(0, 2, { now: start + 6_000, route: routeOver }), policy);
    expect(next.history).toHaveLength(20);
    expect(next.history[0]?.outcome).toBe("rejected");
  });

  it.each<[string, Partial<CanaryState>, object, string]>([
    ["every check passed", {}, {}, "every check passed"],
    [
      "someone promoted it",
      { lastCommand: { id: "1", verb: "promote", by: "bob", accepted: true, message: "", at: start } },
      {},
      "promoted by bob",
    ],
    ["spec.skipAnalysis is set", {}, { skipAnalysis: true }, "analysis was skipped"],
  ])("records that %s", (_, over, asks, cause) => {
    const state = { ...aRunningState(50, { stage: "returning", step: 1 }), ...over };
    expect(decide(state, aRunObservation(50, 2), { ...policy, ...asks }).state.run?.ending?.cause).toBe(cause);
  });
});

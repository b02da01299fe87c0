/** `analysis.canaryReadyThreshold` and `primaryReadyThreshold`: with how many pods a step begins, and a promotion ends. */
import { describe, expect, it } from "vitest";
import {
  aHeldTarget,
  aPolicy,
  aRunningState,
  aRunObservation,
  aTarget,
  aVersion,
  aWorkload,
  canaryRevision,
  endpoints,
  hashOf,
  someMetrics,
  start,
} from "../../../test/builders.ts";
import type { Decision } from "../action.ts";
import { decide } from "../decide.ts";
import type { Policy } from "../spec/policy.ts";

const policy = aPolicy({ weights: [50, 100], canaryReadyPercent: 80, primaryReadyPercent: 80 });
const primary = endpoints({ "pod1.7.0": 10 });

interface Given {
  waitedMs: number;
  weight?: number;
  by?: Partial<Policy>;
}

/** The step at 100 % of ten pods is prepared, and `ready` of them are. */
function preparing(ready: number, { waitedMs, weight = 50, by = {} }: Given): Decision {
  const state = aRunningState(weight, { step: 1, stageAt: start - waitedMs, checkAt: start + 5_000 });
  const seen = aRunObservation(weight, ready, {
    target: aHeldTarget("1.7.1", { replicas: 10 }),
    workload: aWorkload("1.7.1", 10),
    endpoints: { primary, canary: endpoints({ [canaryRevision("1.7.1")]: ready }) },
    metrics: someMetrics(start),
  });
  return decide(state, seen, { ...policy, ...by });
}

describe("a step of which some pods are not ready", () => {
  it("begins when the others have had an interval, with the weight that those that are ready carry", () => {
    expect(preparing(9, { waitedMs: 9_999 }).state).toMatchObject({ weight: 50, run: { stage: "scaling" } });
    const { state, actions } = preparing(9, { waitedMs: 10_000 });
    expect(state).toMatchObject({ weight: 90, run: { stage: "analysing" } });
    expect(state.reason).toBe(
      "podinfo:1.7.1 gets 90% of traffic (step 2 of 2): 9 of the 10 pods for 100% are ready, and analysis.canaryReadyThreshold asks for no more.",
    );
    expect(actions).toContainEqual({ kind: "setWeight", weight: 90 });
  });

  it("waits where fewer are ready than were asked for, or where nothing was said", () => {
    expect(preparing(7, { waitedMs: 30_000 }).state.weight).toBe(50);
    expect(preparing(9, { waitedMs: 30_000, by: { canaryReadyPercent: 100 } }).state.weight).toBe(50);
  });

  it("has the step's own weight where all are ready", () => {
    expect(preparing(10, { waitedMs: 0 }).state.weight).toBe(100);
  });

  it("is rejected at the deadline where too few are ready, and not where enough are", () => {
    expect(preparing(7, { waitedMs: 60_000 }).state.run?.ending?.outcome).toBe("rejected");
    const slow = { intervalMs: 300_000 };
    expect(preparing(9, { waitedMs: 60_000, by: slow }).state.weight).toBe(90);
  });
});

/** The last step was begun with nine pods of ten; `ready` of them are now. */
function judging(ready: number, by: Partial<Policy> = {}): Decision {
  const due = { stage: "analysing", step: 1, stageAt: start - 10_000, checkAt: start } as const;
  const seen = aRunObservation(90, ready, {
    target: aHeldTarget("1.7.1", { replicas: 10 }),
    workload: aWorkload("1.7.1", 10),
    endpoints: { primary, canary: endpoints({ [canaryRevision("1.7.1")]: ready }) },
    metrics: someMetrics(start),
  });
  return decide(aRunningState(90, due), seen, { ...policy, ...by });
}

describe("the last step, begun without some of its pods", () => {
  it("is the last all the same: its checks have passed", () => {
    expect(judging(9).state).toMatchObject({ phase: "Promoting", weight: 90 });
  });

  it("goes on to its own weight where the others have come", () => {
    expect(judging(10).state).toMatchObject({ phase: "Progressing", run: { step: 1 } });
  });

  it("keeps what is left of its pods, and does not count those that the threshold gives away as lost", () => {
    const { state } = judging(8);
    expect(state).toMatchObject({ weight: 80, run: { stage: "scaling", losses: 0 } });
    expect(judging(7).state.run?.losses).toBe(1);
  });
});

/** Every pod of the target is new, `available` of ten are ready. */
function promoting(available: number, by: Partial<Policy> = {}): Decision {
  const target = aTarget({
    intent: hashOf("1.7.1"),
    promoting: aRunningState(0).run!.id,
    replicas: 10,
    rolledOut: false,
    available,
    active: [aVersion("1.7.1")],
    podTemplateHash: "pod1.7.1",
    stuck: "it has timed out progressing.",
  });
  const seen = aRunObservation(100, 10, {
    target,
    endpoints: {
      primary: endpoints({ "pod1.7.1": available }),
      canary: endpoints({ [canaryRevision("1.7.1")]: 10 }),
    },
  });
  const state = aRunningState(100, { stage: "promoting", step: 1 }, { phase: "Promoting" });
  return decide(state, seen, { ...policy, ...by });
}

describe("a promotion of which some pods do not become ready", () => {
  it("ends where the primary has as many as were asked for", () => {
    expect(promoting(8).state).toMatchObject({ phase: "Finalising", weight: 0 });
  });

  it("is stuck where it has fewer, or where nothing was said", () => {
    expect(promoting(7).state).toMatchObject({ phase: "Promoting", weight: 100, reasonCode: "promotion-stuck" });
    expect(promoting(9, { primaryReadyPercent: 100 }).state.reasonCode).toBe("promotion-stuck");
  });
});

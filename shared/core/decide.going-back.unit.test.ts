/** The last stretch of a run: traffic that returns by steps, and a promotion that is backed out of. */
import { describe, expect, it } from "vitest";
import {
  aPolicy,
  aRunningState,
  aRunObservation,
  aTarget,
  aVersion,
  canaryRevision,
  endpoints,
  hashOf,
  start,
} from "../../test/builders.ts";
import { decide } from "./decide.ts";
import type { Decision } from "./action.ts";
import type { Observation } from "./observation.ts";

const canary = endpoints({ [canaryRevision("1.7.1")]: 4 });

describe("traffic that returns by stepWeightPromotion", () => {
  const rolled = aTarget({ intent: hashOf("1.7.1"), promoting: "cafe1710-1", active: [aVersion("1.7.1")] });
  const returning = (ready: number, by: number): Decision => {
    const state = aRunningState(100, { stage: "returning", checkAt: start }, { phase: "Promoting" });
    const seen = { target: rolled, endpoints: { primary: endpoints({ "pod1.7.1": ready }), canary } };
    return decide(state, aRunObservation(100, 4, seen), aPolicy({ stepWeightPromotion: by }));
  };

  it("goes down when the primary has the pods for its share", () => {
    expect(returning(2, 50).actions).toEqual([{ kind: "setWeight", weight: 50 }]);
  });

  it("stays while the primary lacks them, and says how many", () => {
    const { state: next, actions } = returning(1, 50);
    expect(next).toMatchObject({ weight: 100, run: { stage: "returning" } });
    expect(next.reason).toBe(
      "podinfo:1.7.1 runs on every pod, but 1 of the 2 that 50% needs are ready: the canary keeps 100%.",
    );
    expect(actions).toEqual([]);
  });

  it("is not given all at once to a primary that has lost a pod", () => {
    expect(returning(3, 100).state).toMatchObject({ weight: 100, phase: "Promoting" });
  });
});

describe("backing out of a promotion", () => {
  const ending = { outcome: "rejected", cause: "rolled back by bob" } as const;
  const half = { primary: endpoints({ "pod1.7.0": 2, "pod1.7.1": 2 }), canary };
  const restoring = (agoMs: number, over: Partial<Observation>): Decision => {
    const state = aRunningState(50, { stage: "restoring", stageAt: start - agoMs, ending }, { phase: "Promoting" });
    return decide(state, aRunObservation(50, 4, { endpoints: half, ...over }), aPolicy());
  };

  it("says how far it is", () => {
    const { state: next } = restoring(1_000, { target: aTarget({ rolledOut: false }) });
    expect(next.reason).toBe("Rolling back: 2 of 4 pods are back on podinfo:1.7.0; traffic stays at 50% meanwhile.");
  });

  it("that takes longer than pods may take is stuck, in Kubernetes' words, said once", () => {
    const seen = { target: aTarget({ rolledOut: false, stuck: "timed out progressing." }) };
    const { state: next, events } = restoring(60_000, seen);
    expect(next).toMatchObject({ weight: 50, run: { stage: "restoring" } });
    expect(next.reason).toBe(
      "Going back is stuck: 2 of 4 pods are back on podinfo:1.7.0 (timed out progressing.). Traffic stays at 50% on the canary.",
    );
    expect(events).toHaveLength(1);
    expect(decide(next, aRunObservation(50, 4, { endpoints: half, ...seen }), aPolicy()).events).toEqual([]);
  });

  it("is stuck at once where nobody knows stable's template any more", () => {
    const target = aTarget({ intent: hashOf("1.7.1"), rolledOut: false, kept: ["pod1.7.1"] });
    expect(restoring(0, { target }).state.reason).toMatch(/the ReplicaSet of podinfo:1.7.0 is gone/);
  });

  it("ends where the Deployment is gone", () => {
    const { target: _target, ...gone } = aRunObservation(50, 4, { endpoints: half });
    const state = aRunningState(50, { stage: "restoring", ending }, { phase: "Promoting" });
    expect(decide(state, gone, aPolicy()).state.run?.stage).toBe("draining");
  });
});

/** Someone else edits the canary Deployment: what nobody asked for is neither judged nor promoted. */
import { describe, expect, it } from "vitest";
import {
  aHeldTarget,
  aPolicy,
  aRunningState,
  aRunObservation,
  aWorkload,
  endpoints,
  someMetrics,
  start,
} from "../../test/builders.ts";
import { decide } from "./decide.ts";

const policy = aPolicy();
const written = "stored-1.7.1";
const edited = aWorkload("1.7.1", 2, { template: "edited", podTemplateHash: "podedited" });
const primary = endpoints({ "pod1.7.0": 4 });
const onEdited = { primary, canary: endpoints({ podedited: 2 }) };
const last = { stage: "analysing", step: 9, checkAt: start, canaryTemplate: written } as const;

describe("the canary Deployment", () => {
  it("is remembered as the API server stored it for this run", () => {
    const { state: next } = decide(aRunningState(0), aRunObservation(0, 1), policy);
    expect(next.run?.canaryTemplate).toBe(written);
  });

  it("of an earlier run of the same version is written anew, for it may have been edited since", () => {
    const workload = aWorkload("1.7.1", 0, { over: "cafe1710-0", template: "edited" });
    const { state: next, actions } = decide(aRunningState(0), aRunObservation(0, 0, { workload }), policy);
    expect(actions).toEqual([{ kind: "runCanary", intent: next.run?.intent, replicas: 1 }]);
    expect(next.run?.canaryTemplate).toBeUndefined();
  });

  it("that was edited loses its traffic, however well it does", () => {
    const seen = { workload: edited, endpoints: onEdited, metrics: someMetrics(start) };
    const { state: next, actions, events } = decide(aRunningState(100, last), aRunObservation(100, 4, seen), policy);
    expect(next).toMatchObject({ weight: 0, run: { stage: "scaling", losses: 1 } });
    expect(next.reason).toMatch(/^Deployment podinfo-canary was edited by someone else at weight 100/);
    expect(events).toHaveLength(1);
    expect(actions).toEqual([{ kind: "setWeight", weight: 0 }]);
  });

  it("is written anew when nobody sends to it any more", () => {
    const seen = { workload: edited, endpoints: onEdited };
    const at = (agoMs: number) =>
      decide(
        aRunningState(0, { stage: "scaling", step: 9, stageAt: start - agoMs, canaryTemplate: written, losses: 1 }),
        aRunObservation(0, 4, seen),
        policy,
      );
    expect(at(1_000).actions).toEqual([]);
    expect(at(policy.drainMs).actions).toMatchObject([{ kind: "runCanary", replicas: 4 }]);
    expect(at(policy.drainMs).state).toMatchObject({ weight: 0, run: { losses: 1 } });
  });

  it("that is edited again and again ends the run", () => {
    const state = aRunningState(100, { ...last, losses: 4 });
    const { state: next } = decide(state, aRunObservation(100, 4, { workload: edited, endpoints: onEdited }), policy);
    expect(next.run?.ending?.cause).toMatch(/Deployment podinfo-canary was edited by someone else, 5 times/);
  });

  it("is let alone while it carries a promotion", () => {
    const target = aHeldTarget("1.7.1", { held: false, promoting: "cafe1710-1" });
    const seen = { workload: edited, endpoints: onEdited, target };
    const state = aRunningState(100, { ...last, stage: "promoting" }, { phase: "Promoting" });
    expect(decide(state, aRunObservation(100, 4, seen), policy).actions).toEqual([]);
  });

  it("is not promoted where the analysis is skipped, however low its weight is", () => {
    const state = aRunningState(0, { stage: "analysing", step: 0, checkAt: start, canaryTemplate: written });
    const seen = { workload: edited, endpoints: onEdited };
    const { state: next } = decide(state, aRunObservation(0, 4, seen), { ...policy, skipAnalysis: true });
    expect(next.run?.stage).toBe("scaling");
  });

  it("is not promoted by hand while it runs what nobody asked for", () => {
    const command = { id: "c1", verb: "promote", by: "bob" } as const;
    const seen = { workload: edited, endpoints: onEdited, command };
    const { state: next } = decide(aRunningState(50, last), aRunObservation(50, 4, seen), policy);
    expect(next.lastCommand).toMatchObject({ accepted: false });
  });
});

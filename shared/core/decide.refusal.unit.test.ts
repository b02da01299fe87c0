/** A write of ours that the API server refuses is news, and no reason to stop. */
import { describe, expect, it } from "vitest";
import { anObservation, aPolicy, aRunningState, aRunObservation, aState, start } from "../../test/builders.ts";
import { decide } from "./decide.ts";

const refusal = {
  write: "runCanary/Invalid",
  what: "The API server refuses Deployment podinfo-canary (runCanary, 422): spec.replicas: no. It is tried again.",
};
const policy = aPolicy();

describe("a refused write", () => {
  const { workload: _none, ...without } = aRunObservation(0, 0);
  const state = aRunningState(0);

  it("is in the status with its code, and in one Event", () => {
    const { state: next, events } = decide(state, { ...without, refusal }, policy);
    expect(next.blocked).toEqual({ kind: "obstacle", code: "write-refused", ...refusal });
    expect(next.reason).toContain("spec.replicas: no");
    expect(events).toContainEqual({ type: "Warning", message: refusal.what });
    expect(decide(next, { ...without, refusal }, policy).events).toEqual([]);
  });

  it("is said anew where it is another, by its code: the API server's words may have other numbers each time", () => {
    const { state: next } = decide(state, { ...without, refusal }, policy);
    const said = (other: typeof refusal, before = next): number =>
      decide(before, { ...without, refusal: other }, policy).events.length;
    expect(said({ ...refusal, what: "exceeded quota: used 7 of 8" })).toBe(0);
    expect(said({ ...refusal, write: "runCanary/Forbidden" })).toBe(1);
    const { write: _unknown, ...earlier } = next.blocked!;
    expect(said(refusal, { ...next, blocked: earlier })).toBe(0);
  });

  it("is tried again, and counts against the deadline of the canary's pods", () => {
    expect(decide(state, { ...without, refusal }, policy).actions).toMatchObject([{ kind: "runCanary" }]);
    const late = aRunningState(0, { stageAt: start - policy.progressDeadlineMs });
    const { state: next } = decide(late, { ...without, refusal }, policy);
    expect(next.history[0]?.cause).toMatch(/not ready within 1m.*The API server refuses Deployment podinfo-canary/);
  });

  it("is said between runs too, and is gone when nothing is refused any more", () => {
    const { state: next } = decide(aState(), anObservation({ refusal }), policy);
    expect(next.reason).toContain("No canary can start: The API server refuses");
    expect(decide(next, anObservation(), policy).state.blocked).toBeUndefined();
  });
});

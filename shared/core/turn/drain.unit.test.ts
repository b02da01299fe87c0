/** What becomes of a promoted canary's pods: the run is over, and requests may still be open at them. */
import { describe, expect, it } from "vitest";
import {
  aHeldTarget,
  aPolicy,
  aRunningState,
  aRunObservation,
  aState,
  aTarget,
  aVersion,
  aWorkload,
  hashOf,
  imagesAt,
  routeOver,
  start,
  unmet,
} from "../../../test/builders.ts";
import type { Action } from "../action.ts";
import { decide } from "../decide.ts";
import type { Observation } from "../observation.ts";
import type { CanaryState } from "../state.ts";

const policy = aPolicy({ weights: [25, 50] });
const { drainMs } = policy;
const run = "cafe1710-1";
const pods = aWorkload("1.7.1", 2);
const closing = { kind: "scaleCanary", replicas: 0, over: run } as const;

const entry = { run, intent: hashOf("1.7.1"), images: imagesAt("1.7.1"), requestedBy: "alice", startedAt: start };
const promoted = { ...entry, outcome: "promoted", cause: "every check passed", endedAt: start } as const;
const after = (over: Partial<CanaryState> = {}): CanaryState =>
  aState({ phase: "Succeeded", stable: aVersion("1.7.1"), history: [promoted], runs: 1, ...over });

/** By ms after the end of the run. */
function world(agoMs: number, over: Partial<Observation> = {}): Observation {
  const active = [aVersion("1.7.1")];
  const target = aTarget({ intent: hashOf("1.7.1"), active, stableMark: "pod1.7.1", kept: ["pod1.7.1"] });
  return aRunObservation(0, 2, { now: start + agoMs, target, workload: pods, route: routeOver, ...over });
}

const scaled = (actions: readonly Action[]): Action[] =>
  actions.filter(({ kind }) => kind === "scaleCanary" || kind === "runCanary");

describe("a promoted run", () => {
  const ending = { outcome: "promoted", cause: "every check passed" } as const;
  const draining = aRunningState(0, { stage: "draining", ending }, { phase: "Finalising" });

  it("is over as soon as stable has all traffic, and its canary's pods stay", () => {
    const { state, actions, requeueAfterMs } = decide(draining, world(0), policy);
    expect(state).toMatchObject({ phase: "Succeeded", stable: { hash: hashOf("1.7.1") }, history: [promoted] });
    expect(state.run).toBeUndefined();
    expect(scaled(actions)).toEqual([]);
    expect(requeueAfterMs).toBe(drainMs);
  });

  it("is not over while its route may still be written", () => {
    const { state } = decide(draining, world(0, { route: { weight: 0, ownWeight: 0 } }), policy);
    expect(state).toMatchObject({ phase: "Finalising", run: { stage: "draining" } });
  });
});

describe("its canary's pods", () => {
  it("stay until open requests have ended, and go then, whoever leads", () => {
    const before = decide(after(), world(drainMs - 1), policy);
    expect([scaled(before.actions), before.requeueAfterMs]).toEqual([[], 1]);
    expect(scaled(decide(after(), world(drainMs), policy).actions)).toEqual([closing]);
    const closed = world(drainMs, { workload: { ...pods, replicas: 0, over: run } });
    expect(scaled(decide(after(), closed, policy).actions)).toEqual([]);
  });

  it("stay as long where the target is gone", () => {
    const gone = (agoMs: number): Action[] => {
      const { target: _gone, ...seen } = world(agoMs);
      return scaled(decide(after({ targetMissingSince: start }), seen, policy).actions);
    };
    expect([gone(drainMs - 1), gone(drainMs)]).toEqual([[], [closing]]);
  });

  it("go behind a barrier too, but nobody else's", () => {
    for (const barred of [aPolicy({ suspend: true }), policy]) {
      const seen = (over: Partial<Observation> = {}): Observation =>
        world(drainMs, { ...over, ...(barred === policy ? unmet("obstacle", "Flagger is at work here.") : {}) });
      const done = (over: Partial<Observation> = {}): readonly Action[] => decide(after(), seen(over), barred).actions;
      expect(done()).toEqual([closing]);
      expect(done({ workload: { ...pods, over: run } })).toEqual([]);
      expect(done({ workload: { ...pods, isUnsealed: true } })).toEqual([]);
      expect(done({ workload: { ...pods, intent: hashOf("1.7.4") } })).toEqual([]);
    }
  });
});

describe("another change meanwhile", () => {
  const target = aHeldTarget("1.7.2", { active: [aVersion("1.7.1")], stableMark: "pod1.7.1", kept: ["pod1.7.1"] });

  it("waits until they are gone: they cannot be another version's while somebody may send to them", () => {
    const waiting = decide(after(), world(1_000, { target }), policy);
    expect(waiting.state).toMatchObject({ phase: "Succeeded", runs: 1 });
    expect(waiting.state.reason).toMatch(/its canary starts when the requests that are still open/);
    expect([scaled(waiting.actions), waiting.requeueAfterMs]).toEqual([[], drainMs - 1_000]);
    const last = decide(waiting.state, world(drainMs, { target }), policy);
    expect([last.state.run, scaled(last.actions)]).toEqual([undefined, [closing]]);
    const closed = { ...pods, replicas: 0, over: run };
    const started = decide(last.state, world(drainMs, { target, workload: closed }), policy);
    expect(started.state).toMatchObject({ phase: "Progressing", run: { intent: hashOf("1.7.2") } });
    expect(scaled(started.actions)).toMatchObject([{ kind: "runCanary", intent: hashOf("1.7.2") }]);
  });

  it("goes back at once to a version within the rollback window, and lets them end", () => {
    const older = { ...promoted, run: "cafe1700-0", intent: hashOf("1.7.2"), endedAt: start - 60_000 };
    const state = after({ history: [promoted, older] });
    const back = aPolicy({ rollbackWindow: { versions: 1 } });
    const going = decide(state, world(1_000, { target }), back);
    expect(going.state).toMatchObject({ phase: "Promoting", run: { stage: "promoting", back: { how: "window" } } });
    expect(scaled(going.actions)).toEqual([]);
    expect(scaled(decide(going.state, world(drainMs, { target }), back).actions)).toMatchObject([{ replicas: 0 }]);
  });
});

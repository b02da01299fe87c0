/** Pods of a rejected canary that stay for a look. */
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
} from "../../../test/builders.ts";
import { parseStatus, printStatus } from "../../canary-status.ts";
import type { Action } from "../action.ts";
import { decide } from "../decide.ts";
import type { Command } from "../objects/command.ts";
import type { Observation } from "../observation.ts";
import type { CanaryState } from "../state.ts";

const keepFailedMs = 600_000;
const policy = aPolicy({ keepFailedMs });
const closing = { kind: "scaleCanary", replicas: 0, over: "cafe1710-1" };
const scaled = (actions: readonly Action[]): Action[] =>
  actions.filter(({ kind }) => kind === "scaleCanary" || kind === "runCanary");

const world = (agoMs: number, over: Partial<Observation> = {}): Observation =>
  aRunObservation(0, 2, { now: start + agoMs, route: routeOver, ...over });

const ending = { outcome: "rejected", cause: "5 failed checks" } as const;
const draining = aRunningState(0, { stage: "draining", stageAt: start - policy.drainMs, ending });
const { state: kept, actions, events, requeueAfterMs } = decide(draining, world(0), policy);

describe("the pods of a rejected canary", () => {
  it("stay, and it is said for how long and what ends that", () => {
    expect(kept).toMatchObject({ phase: "Failed", weight: 0, keptUntil: start + keepFailedMs });
    expect([scaled(actions), requeueAfterMs]).toEqual([[], keepFailedMs]);
    expect(events.map(({ message }) => message).join("\n")).toMatch(
      /The pods of podinfo:1.7.1 stay for 10m for a look, without traffic; until then kubectl canary rollback/,
    );
  });

  it("go when that is over, whoever leads by then", () => {
    const canary = {
      ...{ apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: {} },
      spec: { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" }, analysis: {} },
      status: printStatus(kept, { generation: 1, steps: 2, now: start }),
    };
    const read = parseStatus(canary);
    expect(scaled(decide(read, world(keepFailedMs - 1), policy).actions)).toEqual([]);
    const after = decide(read, world(keepFailedMs), policy);
    expect(scaled(after.actions)).toEqual([closing]);
    expect(after.state.keptUntil).toBeUndefined();
  });

  it("go as without the field where it is not given, or none is there", () => {
    expect(scaled(decide(draining, world(0), aPolicy()).actions)).toEqual([closing]);
    const none = decide(draining, world(0, { workload: aWorkload("1.7.1", 0) }), policy);
    expect(none.state.keptUntil).toBeUndefined();
  });

  it("stay also where a promotion was rolled back, and stable's template is ours", () => {
    const target = aTarget({ intent: hashOf("1.7.0") });
    expect(scaled(decide(kept, world(1_000, { target }), policy).actions)).toEqual([]);
  });

  const ends: [string, Partial<Observation>][] = [
    ["another version", { target: aHeldTarget("1.7.2") }],
    ["stable, put back by its user", { target: aHeldTarget("1.7.0") }],
    ["a target without replicas", { target: aHeldTarget("1.7.1", { replicas: 0 }) }],
    ["a rollback", { command: { id: "x", verb: "rollback", by: "bob" } }],
    ["an edit of the canary", { workload: aWorkload("1.7.1", 2, { isUnsealed: true }) }],
  ];

  it.each(ends)("go at once by %s", (_what, over) => {
    const { state, actions: done } = decide(kept, world(1_000, over), policy);
    expect(state.keptUntil).toBeUndefined();
    expect(state.run).toBeUndefined();
    expect(scaled(done)).toEqual([closing]);
  });

  it("go at once by a shorter time in the spec, or none", () => {
    for (const shorter of [aPolicy({ keepFailedMs: 500 }), aPolicy()])
      expect(scaled(decide(kept, world(1_000), shorter).actions)).toEqual([closing]);
  });

  it("go before a retry begins, which has pods of its own", () => {
    const command: Command = { id: "x", verb: "retry", by: "bob" };
    const asked = decide(kept, world(1_000, { command }), policy);
    expect(asked.state.lastCommand).toMatchObject({ accepted: true });
    expect([asked.state.run, scaled(asked.actions)]).toEqual([undefined, [closing]]);
    const workload = aWorkload("1.7.1", 0, { over: "cafe1710-1" });
    const next = decide(asked.state, world(2_000, { workload }), policy);
    expect(next.state.run).toMatchObject({ intent: hashOf("1.7.1"), stage: "scaling" });
  });

  it("are not dropped by a rollback that was meant for the run which is over", () => {
    const command: Command = { id: "x", verb: "rollback", run: "cafe1710-1", by: "bob" };
    expect(decide(kept, world(1_000, { command }), policy).state.keptUntil).toBe(start + keepFailedMs);
  });

  it("are nobody's where the run before was not rejected", () => {
    const entry = { run: "cafe1710-1", intent: hashOf("1.7.1"), images: imagesAt("1.7.1"), requestedBy: "alice" };
    const promoted = { ...entry, outcome: "promoted", cause: "ok", startedAt: start, endedAt: start } as const;
    const state: CanaryState = aState({
      phase: "Failed",
      stable: aVersion("1.7.0"),
      history: [promoted],
      keptUntil: start + 9,
    });
    expect(decide(state, world(1), policy).state.keptUntil).toBeUndefined();
  });
});

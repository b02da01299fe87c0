import { describe, expect, it } from "vitest";
import {
  aHeldTarget,
  anObservation,
  aPolicy,
  aRun,
  aRunningState,
  aRunObservation,
  aVersion,
  hashOf,
  imagesAt,
  start,
} from "../../../test/builders.ts";
import type { Decision } from "../action.ts";
import { decide } from "../decide.ts";
import type { Observation } from "../observation.ts";
import type { CanaryState } from "../state.ts";

type Entry = CanaryState["history"][number];

const command = { id: "c1", verb: "undo-now", by: "bob", reason: "errors" } as const;

function entry(tag: string, over: Partial<Entry> = {}): Entry {
  const times = { startedAt: start - 7_200_000, endedAt: start - 3_600_000 };
  const ran = { run: `run-${tag}`, intent: hashOf(tag), images: imagesAt(tag), requestedBy: "alice" };
  return { ...ran, ...times, outcome: "promoted", cause: "every check passed", ...over };
}

/** 1.7.1 under way; it was stable before 1.7.0. */
const known = [entry("1.7.0"), entry("1.7.1")];

function answer(history: Entry[], seen: Partial<Observation> = {}, weight = 0): Decision {
  const state = aRunningState(weight, weight > 0 ? { stage: "analysing" } : {}, { history });
  return decide(state, aRunObservation(weight, 2, { command, ...seen }), aPolicy());
}

describe("undo-now", () => {
  it.each([0, 50])("lets a version out that was promoted before, from weight %i", (weight) => {
    const { state, events, actions } = answer(known, {}, weight);
    expect(state).toMatchObject({
      phase: "Promoting",
      weight,
      run: { stage: "promoting", back: { how: "command", run: "run-1.7.1" } },
      lastCommand: { accepted: true, verb: "undo-now", by: "bob" },
    });
    expect(events[0]?.message).toBe(
      "Going back to podinfo:1.7.1 in podinfo.test at once, asked for by bob (errors): run run-1.7.1 had promoted it",
    );
    expect(actions).toContainEqual({ kind: "releaseTarget", intent: hashOf("1.7.1"), run: aRun().id });
  });

  it("lets the version out that ran before the first canary", () => {
    const { state } = answer([entry("1.7.0", { before: aVersion("1.7.1") })]);
    expect(state.run?.back?.cause).toBe("bob let it out at once: it was stable until run run-1.7.0");
  });

  it.each<[string, Entry[], Partial<Observation>, RegExp]>([
    ["it was never stable", [entry("1.7.0")], {}, /no version that was stable here.*promote podinfo -n test --force/],
    ["it was rejected since", [entry("1.7.1", { outcome: "rejected" }), ...known], {}, /or it was rejected since/],
    [
      "its user has paused the Deployment",
      known,
      { target: aHeldTarget("1.7.1", { pausedByUser: true }) },
      /paused by its user/,
    ],
    ["the target holds another", known, { target: aHeldTarget("1.7.2") }, /no longer holds the version/],
    [
      "the target may have nobody while it rolls",
      known,
      { target: aHeldTarget("1.7.1", { mayLeaveNobody: true }) },
      /may have no ready pod while it rolls.*maxSurge/,
    ],
  ])("is refused where %s", (_, history, seen, why) => {
    const { state } = answer(history, seen);
    expect(state.lastCommand).toMatchObject({ accepted: false });
    expect(state.lastCommand?.message).toMatch(why);
    expect(state.run?.stage).toBe("scaling");
  });

  it("is refused where nothing runs", () => {
    const state = { ...aRunningState(0), history: known };
    const { run: _run, ...idle } = state;
    const after = decide({ ...idle, phase: "Succeeded" }, anObservation({ command }), aPolicy());
    expect(after.state.lastCommand?.message).toMatch(/^cannot undo-now: nothing is running/);
  });
});

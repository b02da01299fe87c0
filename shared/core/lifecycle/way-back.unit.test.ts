import { describe, expect, it } from "vitest";
import {
  aHeldTarget,
  anObservation,
  aPolicy,
  aState,
  aVersion,
  endpoints,
  hashOf,
  imagesAt,
  start,
} from "../../../test/builders.ts";
import { decide } from "../decide.ts";
import type { RollbackWindow } from "../spec/rollback-window.ts";
import type { CanaryState } from "../state.ts";
import { pastVersion, withinWindow } from "./way-back.ts";

type Entry = CanaryState["history"][number];

const hour = 3_600_000;

/** `ago` in hours. */
function entry(tag: string, ago: number, over: Partial<Entry> = {}): Entry {
  return {
    run: `run-${tag}`,
    intent: hashOf(tag),
    images: imagesAt(tag),
    requestedBy: "alice",
    outcome: "promoted",
    cause: "every check passed",
    startedAt: start - ago * hour - 60_000,
    endedAt: start - ago * hour,
    ...over,
  };
}

/** Stable is the first of them. */
const promoted = [entry("1.7.3", 1), entry("1.7.2", 5), entry("1.7.1", 30, { before: aVersion("1.7.0") })];

interface Case {
  history?: Entry[];
  window?: RollbackWindow;
  stable?: string;
}

function back(tag: string, { history = promoted, window = { versions: 5 }, stable = "1.7.3" }: Case = {}) {
  const state = aState({ history, stable: aVersion(stable) });
  const policy = { ...aPolicy(), rollbackWindow: window };
  return withinWindow({ state, seen: anObservation({ target: aHeldTarget(tag) }), policy }, hashOf(tag));
}

describe("a version goes out again at once", () => {
  it.each<[string, string, Case]>([
    ["the one before stable", "1.7.2", {}],
    ["one of as many as the window has", "1.7.1", { window: { versions: 2 } }],
    ["one whose place was taken within the time", "1.7.2", { window: { durationMs: 2 * hour } }],
    ["one that is in both", "1.7.2", { window: { versions: 1, durationMs: hour } }],
    [
      "one that was rejected, and then promoted",
      "1.7.2",
      { history: [promoted[0]!, promoted[1]!, entry("1.7.2", 6, { outcome: "rejected" })] },
    ],
    [
      "one that someone went back from, and that was judged again since",
      "1.7.2",
      {
        history: [
          promoted[0]!,
          entry("1.7.2", 2, { before: aVersion("1.7.1") }),
          entry("1.7.1", 3, { back: true, before: aVersion("1.7.2") }),
          ...promoted.slice(1),
        ],
      },
    ],
    [
      "one that a later version took the place of",
      "1.7.2",
      { history: [entry("1.7.3", 1, { before: aVersion("1.7.2") }), ...promoted.slice(1)] },
    ],
    [
      "one whose later run was only superseded",
      "1.7.2",
      { history: [entry("1.7.2", 0, { outcome: "superseded" }), ...promoted] },
    ],
  ])("%s", (_, tag, given) => {
    expect(back(tag, given)).toMatchObject({ how: "window", run: `run-${tag}` });
  });
});

describe("a version is judged", () => {
  it.each<[string, string, Case]>([
    ["that was never promoted", "1.7.9", {}],
    ["that ran before the first canary, and was never judged", "1.7.0", {}],
    ["older than as many as the window has", "1.7.1", { window: { versions: 1 } }],
    ["whose place was taken before the time", "1.7.1", { window: { durationMs: 2 * hour } }],
    ["that is in one of two windows only", "1.7.1", { window: { versions: 5, durationMs: 2 * hour } }],
    ["that was rejected since", "1.7.2", { history: [entry("1.7.2", 0.5, { outcome: "rejected" }), ...promoted] }],
    [
      "newer than stable, which came back at once",
      "1.7.3",
      { stable: "1.7.2", history: [entry("1.7.2", 0, { back: true }), ...promoted] },
    ],
    [
      "newer than stable, which came back by a canary",
      "1.7.3",
      { stable: "1.7.2", history: [entry("1.7.2", 0), ...promoted] },
    ],
    [
      "that someone went back from at once, whatever was promoted later",
      "1.7.2",
      { history: [promoted[0]!, entry("1.7.1", 3, { back: true, before: aVersion("1.7.2") }), ...promoted.slice(1)] },
    ],
    [
      "that someone went back from by a canary, whatever was promoted later",
      "1.7.2",
      { history: [promoted[0]!, entry("1.7.1", 3, { before: aVersion("1.7.2") }), ...promoted.slice(1)] },
    ],
    ["where stable was adopted, and nobody knows how old it is", "1.7.2", { stable: "1.8.0" }],
    [
      "whose run an earlier controller recorded without its template",
      "1.7.2",
      { history: [promoted[0]!, withoutIntent(promoted[1]!)] },
    ],
  ])("%s", (_, tag, given) => {
    expect(back(tag, given)).toBeUndefined();
  });

  it("where no window is given", () => {
    const state = aState({ history: promoted, stable: aVersion("1.7.3") });
    expect(withinWindow({ state, seen: anObservation(), policy: aPolicy() }, hashOf("1.7.2"))).toBeUndefined();
  });

  it("where the target may have no ready pod while it rolls, unless it has none now", () => {
    const state = aState({ history: promoted, stable: aVersion("1.7.3") });
    const policy = { ...aPolicy(), rollbackWindow: { versions: 1 } };
    const target = aHeldTarget("1.7.2", { mayLeaveNobody: true });
    expect(withinWindow({ state, seen: anObservation({ target }), policy }, hashOf("1.7.2"))).toBeUndefined();
    const nobody = anObservation({ target, endpoints: { primary: endpoints(), canary: endpoints() } });
    expect(withinWindow({ state, seen: nobody, policy }, hashOf("1.7.2"))).toBeDefined();
  });
});

describe("what was stable once", () => {
  it("is known by the run that promoted it", () => {
    expect(pastVersion({ history: promoted }, hashOf("1.7.2"))).toMatchObject({ run: "run-1.7.2", isPromoted: true });
  });

  it("is known before the first canary too, by the run that took its place", () => {
    expect(pastVersion({ history: promoted }, hashOf("1.7.0"))).toEqual({
      hash: hashOf("1.7.0"),
      run: "run-1.7.1",
      isPromoted: false,
      until: start - 30 * hour,
    });
  });

  it("is not known where it was rejected since, or never was stable", () => {
    const history = [entry("1.7.2", 0, { outcome: "rejected" }), ...promoted];
    expect(pastVersion({ history }, hashOf("1.7.2"))).toBeUndefined();
    expect(pastVersion({ history }, hashOf("1.7.9"))).toBeUndefined();
  });
});

describe("a change to it", () => {
  const state = aState({ history: promoted, stable: aVersion("1.7.3"), runs: 3 });
  const policy = { ...aPolicy(), rollbackWindow: { versions: 1 } };
  const target = aHeldTarget("1.7.2", { active: [aVersion("1.7.3")], stableMark: "pod1.7.3", kept: ["pod1.7.3"] });
  const primary = endpoints({ "pod1.7.3": 4 });
  const seen = anObservation({ target, endpoints: { primary, canary: endpoints() } });

  it("lets the target roll at once, at weight 0, without a pod of a canary", () => {
    const { state: next, actions, events } = decide(state, seen, policy);
    expect(next).toMatchObject({ phase: "Promoting", weight: 0, run: { stage: "promoting", back: { how: "window" } } });
    expect(actions).toEqual([{ kind: "releaseTarget", intent: hashOf("1.7.2"), run: next.run?.id }]);
    expect(events.map(({ message }) => message)).toEqual([
      "Going back to podinfo:1.7.2 in podinfo.test at once: run run-1.7.2 had promoted it",
    ]);
  });

  it("waits where the Deployment was paused by its user, as every change does", () => {
    const paused = { ...seen, target: { ...target, pausedByUser: true } };
    expect(decide(state, paused, policy).state.run).toBeUndefined();
  });
});

function withoutIntent({ intent: _intent, ...rest }: Entry): Entry {
  return rest;
}

/** pause, resume, promote --to-step, retry, adopt and undo: what each does, and the sentence where it cannot. */
import { describe, expect, it } from "vitest";
import {
  aHeldTarget,
  anObservation,
  aPolicy,
  aRunningState,
  aRunObservation,
  aState,
  aTarget,
  aVersion,
  hashOf,
  imagesAt,
  start,
} from "../../test/builders.ts";
import type { Command } from "./objects/command.ts";
import { decide } from "./decide.ts";
import type { CanaryState, Unvetted } from "./state.ts";
import type { Decision } from "./action.ts";
import type { Observation } from "./observation.ts";

const policy = aPolicy({ weights: [25, 50, 75] });
const analysing = aRunningState(25, { stage: "analysing", checkAt: start + 5_000 });

function ask(state: CanaryState, given: Omit<Command, "id" | "by">, over: Partial<Observation> = {}): Decision {
  const command: Command = { id: "c1", by: "bob", ...given };
  const seen = state.run ? aRunObservation(state.weight, 1, { command, ...over }) : anObservation({ command, ...over });
  return decide(state, seen, policy);
}

const message = ({ state: next }: Decision): string => next.lastCommand?.message ?? "";

describe("pause", () => {
  it("is kept with who, why and until when", () => {
    const { state: next } = ask(analysing, { verb: "pause", for: "30m", reason: "lunch" });
    expect(next.run).toMatchObject({
      paused: { by: "bob", reason: "lunch", until: start + 1_800_000 },
      wait: "paused",
    });
  });

  it.each<[string, CanaryState, Omit<Command, "id" | "by">, RegExp]>([
    ["the duration is none", analysing, { verb: "pause", for: "soon" }, /"soon" is not a duration such as 30m/],
    [
      "the target rolls already",
      aRunningState(25, { stage: "promoting" }),
      { verb: "pause" },
      /only rollback stops that/,
    ],
    ["nothing runs", aState(), { verb: "pause" }, /nothing is running/],
    ["nothing is paused", analysing, { verb: "resume" }, /nothing is paused/],
    ["there is no such step", analysing, { verb: "promote", toStep: 4 }, /no step 4: there are 3 \(25, 50, 75\)/],
    [
      "the step is over",
      aRunningState(50, { stage: "analysing", step: 1 }),
      { verb: "promote", toStep: 1 },
      /step 1 is over/,
    ],
  ])("or its like is refused when %s", (_, state, command, why) => {
    const decision = ask(state, command);
    expect(decision.state.lastCommand?.accepted).toBe(false);
    expect(message(decision)).toMatch(why);
    expect(decision.state.run).toMatchObject(state.run!);
  });
});

describe("resume", () => {
  it("after a weight by hand prepares the step's own weight again", () => {
    const lowered = aRunningState(5, { stage: "analysing", step: 1, ceiling: 5, wait: "lowered-by-hand" });
    const { state: next } = ask(lowered, { verb: "resume" });
    expect(next.run).toMatchObject({ stage: "scaling", step: 1 });
    expect(next.run).not.toHaveProperty("ceiling");
  });

  it("does not resume what its user paused, and says how to", () => {
    const paused = aRunningState(25, { stage: "analysing", paused: { by: "bob", at: start } });
    const decision = ask(paused, { verb: "resume" }, { target: aHeldTarget("1.7.1", { pausedByUser: true }) });
    expect(message(decision)).toMatch(/rollout resume deploy podinfo/);
  });
});

describe("retry", () => {
  const rejected = aState({
    phase: "Failed",
    rejected: [{ hash: hashOf("1.7.1"), at: start, cause: "5 failed checks" }],
  });

  it("starts one run of a rejected version", () => {
    const { state: next, events } = ask(rejected, { verb: "retry" }, { target: aHeldTarget("1.7.1") });
    expect(next).toMatchObject({ phase: "Progressing", rejected: [], run: { intent: hashOf("1.7.1") } });
    expect(events[0]?.message).toBe("Retry of podinfo:1.7.1 in podinfo.test asked for by bob");
  });

  it.each<[string, CanaryState, Partial<Observation>, RegExp]>([
    ["nothing was rejected", aState(), {}, /does not have a rejected version/],
    ["a run is under way", analysing, {}, /podinfo:1.7.1 is under way/],
    ["the user paused it", rejected, { target: aHeldTarget("1.7.1", { pausedByUser: true }) }, /paused by its user/],
  ])("is refused when %s", (_, state, over, why) => {
    const decision = ask(state, { verb: "retry" }, over);
    expect(decision.state).toMatchObject({ rejected: state.rejected, lastCommand: { accepted: false } });
    expect(message(decision)).toMatch(why);
  });
});

describe("an unvetted change", () => {
  const unvetted: Unvetted = {
    hash: hashOf("1.7.2"),
    images: imagesAt("1.7.2"),
    by: "helm",
    how: "break-glass",
    at: start,
  };
  const state = aState({ unvetted });
  const live = aTarget({
    intent: hashOf("1.7.2"),
    images: imagesAt("1.7.2"),
    active: [aVersion("1.7.2")],
    bypass: true,
  });
  const rolling = { ...live, rolledOut: false, active: [aVersion("1.7.0"), aVersion("1.7.2")] };

  it("is said once, with who and how, and spends the break-glass label", () => {
    const first = decide(aState(), anObservation({ target: live }), policy);
    expect(first.state.unvetted).toEqual({ ...unvetted, by: "kubectl-set" });
    expect(first.events.map((event) => event.message)).toEqual([
      "Unvetted change by kubectl-set: podinfo:1.7.0 to podinfo:1.7.2 went past the canary (break-glass) and runs everywhere.",
    ]);
    expect(first.actions).toEqual([{ kind: "consumeBypass" }]);
    expect(decide(first.state, anObservation({ target: { ...live, bypass: false } }), policy).events).toEqual([]);
  });

  it("becomes stable when it is adopted", () => {
    const { state: next, actions } = ask(state, { verb: "adopt" }, { target: { ...live, bypass: false } });
    expect(next.stable).toEqual(aVersion("1.7.2"));
    expect(next.unvetted).toBeUndefined();
    expect(actions).toEqual([{ kind: "markStable", podTemplateHash: "pod1.7.2" }]);
  });

  it("is followed by stable's template when it is undone", () => {
    const { state: next, actions } = ask(state, { verb: "undo" }, { target: { ...live, bypass: false } });
    expect(next.unvetted).toMatchObject({ undoneBy: "bob" });
    expect(actions).toEqual([{ kind: "restoreStable", podTemplateHash: "pod1.7.0" }]);
  });

  it("is not taken back over a change that was asked for on top of it", () => {
    const target = aHeldTarget("1.7.3", { active: [aVersion("1.7.2")], kept: ["pod1.7.0", "pod1.7.2"] });
    expect(message(ask(state, { verb: "undo" }, { target }))).toMatch(
      /1.7.3 was asked for on top of it and would be lost/,
    );
    const undoing = aState({ unvetted: { ...unvetted, undoneBy: "bob" } });
    const { actions } = decide(undoing, anObservation({ target }), policy);
    expect(actions.some((action) => action.kind === "restoreStable")).toBe(false);
  });

  it("that stopped half-way under another change is adopted as the newest version that runs", () => {
    const target = aHeldTarget("1.7.3", { active: [aVersion("1.7.0"), aVersion("1.7.2")] });
    const { state: next } = ask(state, { verb: "adopt" }, { target });
    expect(next).toMatchObject({ stable: aVersion("1.7.2"), run: { intent: hashOf("1.7.3") } });
  });

  it("keeps the break-glass label that its user sets for a better fix", () => {
    const spent = decide(state, anObservation({ target: { ...live, bypass: false } }), policy).state;
    expect(decide(spent, anObservation({ target: live }), policy).actions).toEqual([]);
    const fix = { ...live, intent: hashOf("1.7.4"), active: [aVersion("1.7.4")] };
    expect(decide(spent, anObservation({ target: fix }), policy).actions).toEqual([{ kind: "consumeBypass" }]);
  });

  it("that its user takes back by break-glass spends the label too", () => {
    const { actions } = decide(state, anObservation({ target: aTarget({ bypass: true }) }), policy);
    expect(actions).toContainEqual({ kind: "consumeBypass" });
  });

  it("takes the mark of a promotion off that it went past", () => {
    const { actions } = decide(state, anObservation({ target: { ...live, promoting: "cafe1710-1" } }), policy);
    expect(actions[0]).toEqual({ kind: "markStable", podTemplateHash: "pod1.7.0" });
  });

  it("that is adopted is not remembered as rejected", () => {
    const rejected = [{ hash: hashOf("1.7.2"), at: start, cause: "5 failed checks" }];
    expect(ask({ ...state, rejected }, { verb: "adopt" }, { target: live }).state.rejected).toEqual([]);
  });

  it.each<[Command["verb"], CanaryState, Observation["target"], RegExp]>([
    ["adopt", aState(), aTarget(), /there is no unvetted change/],
    ["undo", aState(), aTarget(), /there is no unvetted change/],
    ["adopt", state, rolling, /still rolling to podinfo:1.7.2/],
    ["undo", state, { ...live, kept: [] }, /ReplicaSet of podinfo:1.7.0 is gone/],
  ])("%s is refused where it cannot be (%#)", (verb, given, target, why) => {
    const decision = ask(given, { verb }, target ? { target } : {});
    expect(decision.state.lastCommand?.accepted).toBe(false);
    expect(message(decision)).toMatch(why);
  });

  it("keeps the next version waiting, and says what to do first", () => {
    const target = aHeldTarget("1.7.3", { active: [aVersion("1.7.2")] });
    const { state: next } = decide(state, anObservation({ target }), policy);
    expect(next.run).toBeUndefined();
    expect(next.reason).toMatch(/adopt it or undo it, then the change starts/);
  });
});

describe("a target that leaves in mid-run", () => {
  it.each<[string, Partial<Observation["target"] & object> | undefined, string]>([
    ["is deleted", undefined, "Deployment podinfo was deleted"],
    ["is recreated", { held: false, optedIn: false }, "Deployment podinfo was recreated by kubectl-set"],
    [
      "is let go",
      { held: false, bypass: true },
      "let go without a canary by kubectl-set (label kubectl-canary.io/bypass)",
    ],
  ])("that %s ends the run as aborted, and not as rejected", (_, over, cause) => {
    const { target: _target, ...rest } = aRunObservation(25, 1);
    const seen: Observation = over ? { ...rest, target: aHeldTarget("1.7.1", over) } : rest;
    expect(decide(analysing, seen, policy).state.run?.ending).toEqual({ outcome: "aborted", cause });
  });
});

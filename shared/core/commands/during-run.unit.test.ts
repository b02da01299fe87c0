import { describe, expect, it } from "vitest";
import {
  aCheck,
  aHeldTarget,
  anObservation,
  aPolicy,
  aRunningState,
  aRunObservation,
  aState,
  start,
  takenBack,
} from "../../../test/builders.ts";
import type { Command } from "../objects/command.ts";
import { decide } from "../decide.ts";
import type { CanaryState } from "../state.ts";
import type { Decision } from "../action.ts";
import type { Observation } from "../observation.ts";

const command = (verb: Command["verb"], over: Partial<Command> = {}): Command => ({
  id: "c1",
  verb,
  by: "bob",
  ...over,
});
const analysing = aRunningState(50, { stage: "analysing", checkAt: start + 5_000 });
const forced = command("promote", { force: true });
const ended = aRunningState(50, { stage: "draining", ending: { outcome: "rejected", cause: "5 failed checks" } });

function answer(state: CanaryState, given: Command, over: Partial<Observation> = {}): Decision {
  return decide(state, aRunObservation(state.weight, 2, { command: given, ...over }), aPolicy());
}

describe("promote", () => {
  it("starts the promotion and says who asked", () => {
    const { state: next, events, actions } = answer(analysing, command("promote", { reason: "looks good" }));
    expect(next).toMatchObject({ phase: "Promoting", run: { stage: "promoting" }, lastCommand: { accepted: true } });
    expect(events[0]?.message).toBe("Promotion of podinfo.test asked for by bob (looks good)");
    expect(actions.map((action) => action.kind)).toEqual(["releaseTarget"]);
  });

  it.each<[string, [CanaryState, Command, Partial<Observation>?], RegExp]>([
    ["nothing runs", [aState(), command("promote")], /nothing is running/],
    [
      "it was meant for another run",
      [analysing, command("promote", { run: "cafe1690-7" })],
      /meant for run cafe1690-7, but cafe1710-1/,
    ],
    [
      "the canary has too few ready pods",
      [aRunningState(100, { stage: "analysing" }), command("promote")],
      /2 of 4 pods. --force/,
    ],
    [
      "the last check failed",
      [{ ...analysing, checks: [aCheck({ outcome: "fail", message: "91% < 99%" })] }, command("promote")],
      /91% < 99%. --force/,
    ],
    [
      "the user paused the rollout",
      [analysing, forced, { target: aHeldTarget("1.7.1", { pausedByUser: true }) }],
      /paused by its user/,
    ],
    [
      "the target holds another version",
      [analysing, forced, { target: aHeldTarget("1.7.2") }],
      /no longer holds the version/,
    ],
    [
      "it is promoted already",
      [aRunningState(50, { stage: "promoting" }), command("promote")],
      /being promoted already/,
    ],
    ["it is rolled back already", [ended, command("promote")], /being ended already: 5 failed checks/],
  ])("is refused while %s, and the weight stays", (_, [state, given, over], why) => {
    const { state: next, events } = answer(state, given, over);
    expect(next.lastCommand).toMatchObject({ id: "c1", accepted: false, by: "bob" });
    expect(next.lastCommand?.message).toMatch(/^cannot promote: /);
    expect(next.lastCommand?.message).toMatch(why);
    expect(next).toMatchObject({ phase: state.phase, weight: state.weight });
    expect(events).toEqual([]);
  });

  it("by force is done although the canary is not ready and its check failed", () => {
    const state = { ...aRunningState(100, { stage: "analysing" }), checks: [aCheck({ outcome: "fail" })] };
    expect(answer(state, command("promote", { force: true })).state.run?.stage).toBe("promoting");
  });

  it("is answered once", () => {
    const first = answer(analysing, command("promote", { run: "other" }));
    const second = answer(first.state, command("promote", { run: "other" }));
    expect(second.state.lastCommand).toEqual(first.state.lastCommand);
    expect(second.requeueAfterMs).not.toBe(0);
  });
});

describe("rollback", () => {
  it("of a run takes its traffic back at once", () => {
    const { state: next, actions } = answer(analysing, command("rollback"));
    expect(next).toMatchObject({ weight: 0, run: { stage: "draining", ending: { outcome: "rejected" } } });
    expect(actions).toEqual([takenBack]);
  });

  it.each(["promoting", "returning"] as const)(
    "while %s puts stable's template back and leaves the weight",
    (stage) => {
      const { state: next, actions } = answer(aRunningState(50, { stage }), command("rollback"));
      expect(next).toMatchObject({ phase: "Promoting", weight: 50, run: { stage: "restoring" } });
      expect(actions).toContainEqual({ kind: "restoreStable", podTemplateHash: "pod1.7.0" });
    },
  );

  it("of a promoted run that is only drained still goes back", () => {
    const state = aRunningState(0, { stage: "draining", ending: { outcome: "promoted", cause: "every check passed" } });
    expect(answer(state, command("rollback")).state.run?.stage).toBe("restoring");
  });

  it("is refused when nothing runs, with what became of the last run", () => {
    const history = [
      {
        run: "r",
        images: { a: "podinfo:1.6.9" },
        requestedBy: "x",
        outcome: "reverted",
        cause: "",
        startedAt: 0,
        endedAt: 0,
      },
    ] as const;
    const seen = anObservation({ command: command("rollback") });
    const { state: next } = decide(aState({ history: [...history], reason: "All is calm." }), seen, aPolicy());
    expect(next.lastCommand?.message).toBe(
      "cannot rollback: nothing is running: All is calm. The last run, of podinfo:1.6.9, was reverted.",
    );
  });
});

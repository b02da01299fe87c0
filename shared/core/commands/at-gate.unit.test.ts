/** What a person's commands do to a run that stands at a gate. */
import { describe, expect, it } from "vitest";
import { aHook } from "../../../test/simulation/hooks.ts";
import { aPolicy, aRunningState, aRunObservation, start, takenBack } from "../../../test/builders.ts";
import { decide } from "../decide.ts";
import type { Decision } from "../action.ts";
import type { Command } from "../objects/command.ts";
import type { GateType, HookType } from "../objects/hook-types.ts";
import type { CanaryState, Run } from "../state.ts";

const at = (type: GateType, over: Partial<Run> = {}): CanaryState =>
  aRunningState(type === "confirm-rollout" || type === "pre-rollout" ? 0 : 50, {
    stage: type === "confirm-rollout" || type === "pre-rollout" ? "scaling" : "analysing",
    step: type === "confirm-rollout" || type === "pre-rollout" ? 0 : 9,
    wait: "gate",
    waitSince: start,
    checkAt: start + 5_000,
    gate: {
      type,
      name: type === "pause" ? "100" : "qa",
      since: start,
      askAt: start + 5_000,
      answer: "it answered 403",
    },
    ...over,
  });

function given(state: CanaryState, verb: Command["verb"], over: Partial<Command> = {}): Decision {
  const hookTypes: HookType[] = ["confirm-rollout", "pre-rollout", "confirm-promotion"];
  const policy = aPolicy({ hooks: hookTypes.map((type) => aHook(type)), pauses: [{ weight: 100 }] });
  const command = { id: "c1", verb, by: "bob", ...over };
  return decide(state, aRunObservation(state.weight, state.weight === 0 ? 0 : 4, { command }), policy);
}

describe("resume", () => {
  it("lets a run through before any pod of it, whose pods are then made", () => {
    const { state, events, actions } = given(at("confirm-rollout"), "resume");
    expect(state).toMatchObject({ phase: "Progressing", run: { passed: ["confirm-rollout/qa"] } });
    expect(state.run).not.toHaveProperty("gate");
    expect(events.map(({ message }) => message)).toEqual([
      "podinfo.test: gate qa (confirm-rollout) opened by bob",
      "New revision detected! Scaling up podinfo.test",
    ]);
    expect(actions.map(({ kind }) => kind)).toContain("scaleCanary");
  });

  it.each<[GateType, string]>([
    ["confirm-promotion", "confirm-promotion/qa"],
    ["pause", "pause/100"],
  ])("lets it through (%s), and has it checked at once", (type, passed) => {
    const { state } = given(at(type), "resume");
    expect(state.run).toMatchObject({ stage: "analysing", passed: [passed] });
    for (const key of ["gate", "wait", "checkAt"]) expect(state.run).not.toHaveProperty(key);
    expect(state.lastCommand).toMatchObject({ accepted: true });
  });

  it("ends a person's own pause first, and leaves the gate closed", () => {
    const { state } = given(at("confirm-promotion", { paused: { by: "carol", at: start } }), "resume");
    expect(state.run).toMatchObject({ gate: { type: "confirm-promotion" } });
    expect(state.run).not.toHaveProperty("paused");
    expect(state.run).not.toHaveProperty("passed");
  });

  it("does not pass acceptance tests that refuse", () => {
    const { state } = given(at("pre-rollout"), "resume");
    expect(state.lastCommand).toMatchObject({ accepted: false });
  });
});

describe("promote", () => {
  it("before any pod only opens the gate: there is nothing to promote yet", () => {
    const { state } = given(at("confirm-rollout"), "promote");
    expect(state).toMatchObject({ phase: "Progressing", run: { stage: "scaling", passed: ["confirm-rollout/qa"] } });
  });

  it("at a confirm-promotion gate ends the analysis", () => {
    expect(given(at("confirm-promotion"), "promote").state).toMatchObject({ phase: "Promoting" });
  });

  it("is refused while acceptance tests refuse, and done by force", () => {
    const { state } = given(at("pre-rollout"), "promote");
    expect(state.lastCommand?.message).toBe(
      "cannot promote: webhook qa (pre-rollout) has not passed: it answered 403. --force promotes it all the same.",
    );
    expect(given(at("pre-rollout"), "promote", { force: true }).state.phase).toBe("Promoting");
  });
});

describe("rollback", () => {
  it.each<GateType>(["confirm-rollout", "pre-rollout"])("at %s rejects the change at once", (type) => {
    expect(given(at(type), "rollback").state).toMatchObject({ phase: "Failed", weight: 0 });
  });

  it.each<GateType>(["confirm-promotion", "pause"])("at %s takes all traffic back", (type) => {
    const { state, actions } = given(at(type), "rollback");
    expect(state).toMatchObject({ weight: 0, run: { stage: "draining" } });
    expect(actions).toContainEqual(takenBack);
  });
});

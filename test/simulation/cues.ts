/** What happens in played runs, and when: the words of `scripts.ts`. */
import type { Policy } from "../../shared/core/spec/policy.ts";
import type { Phase, Stage as RunStage } from "../../shared/core/state.ts";
import type { Cue, Script, Stage } from "./play.ts";
import { ask, setImage, setImageUnseen, type Build, type World } from "./world.ts";

export const build = (tag: string, over: Partial<Build> = {}): Build => ({
  tag,
  readyAfterMs: 3_000,
  successPercent: 99.8,
  latencyMs: 12,
  ...over,
});

/** The next minor details are the same for all: initialized, then 1.7.1 is asked for. */
export const newImage: Cue = {
  say: "alice: kubectl -n test set image deployment/podinfo podinfod=podinfo:1.7.1",
  when: inPhase("Initialized"),
  afterMs: 5_000,
  act: (world) => setImage(world, "1.7.1"),
};

export function failing(world: World): void {
  world.builds["1.7.1"] = build("1.7.1", { successPercent: 90.4 });
}

export function unseen(tag: string): (world: World) => void {
  return (world) => setImageUnseen(world, tag);
}

export function paused({ state }: Stage): boolean {
  return state.run?.paused !== undefined;
}

export function isUnvetted({ state }: Stage): boolean {
  return state.unvetted !== undefined;
}

export function everywhere({ state }: Stage): boolean {
  return state.unvetted !== undefined && state.reason.includes("runs everywhere");
}

export function rollbackIn(stage: RunStage, policy: Partial<Policy>): Script {
  return {
    title: `kubectl canary rollback while ${stage}`,
    policy,
    cues: [
      newImage,
      cue("bob: kubectl canary rollback podinfo", inStage(stage), (world) => ask(world, { verb: "rollback" }), 1_000),
    ],
  };
}

export function cue(say: string, when: (stage: Stage) => boolean, act: (world: World) => void, afterMs = 0): Cue {
  return { say, when, act, afterMs };
}

export function inPhase(phase: Phase): (stage: Stage) => boolean {
  return ({ state }) => state.phase === phase;
}

export function inStage(stage: RunStage): (stage: Stage) => boolean {
  return ({ state }) => state.run?.stage === stage;
}

export function atWeight(weight: number): (stage: Stage) => boolean {
  return ({ world }) => world.route?.weight === weight;
}

/** The state and the route agree on it: nothing of an earlier decision is left to be done. */
export function carrying(weight: number): (stage: Stage) => boolean {
  return ({ state, world }) => state.weight === weight && world.route?.weight === weight;
}

export function lowered({ state }: Stage): boolean {
  return state.run?.ceiling !== undefined;
}

export function failedOnce({ state }: Stage): boolean {
  return state.failedChecks > 0;
}

export function stuck({ state }: Stage): boolean {
  return state.reason.includes("stuck");
}

export function prometheus(to: World["prometheus"]): (world: World) => void {
  return (world) => {
    world.prometheus = to;
  };
}

export function prometheusIs(what: World["prometheus"]): (stage: Stage) => boolean {
  return ({ world }) => world.prometheus === what;
}

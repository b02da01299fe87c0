/**
 * Each type of webhook by each kind of answer: where the run ends, what the status says meanwhile, and that a person's rollback ends it
 * there. What real servers have to do for each of these answers is in webhook/hooks/ask-hook.unit.test.ts.
 */
import { describe, expect, it } from "vitest";
import { type HookType, hookTypes } from "../shared/core/objects/hook-types.ts";
import type { CanaryState, RunOutcome } from "../shared/core/state.ts";
import { cue, newImage } from "./simulation/cues.ts";
import { aHook, type HookSays, hookWords } from "./simulation/hooks.ts";
import { type Cue, type Played, play, type Stage } from "./simulation/play.ts";
import { ask, type World } from "./simulation/world.ts";

const refusals = (Object.keys(hookWords) as HookSays[]).filter((one) => one !== "opens" && one !== "endless");
const passes = ["opens", "endless"] as const;

/** Where a refusal leaves the run: at a phase and a weight until someone opens, or at its end. */
const onRefusal: Record<HookType, { phase: CanaryState["phase"]; weight: number } | RunOutcome> = {
  "confirm-rollout": { phase: "Waiting", weight: 0 },
  "pre-rollout": "rejected",
  rollout: "rejected",
  "confirm-traffic-increase": { phase: "Progressing", weight: 0 },
  "confirm-promotion": { phase: "WaitingPromotion", weight: 50 },
  rollback: "promoted",
  "post-rollout": "promoted",
  event: "promoted",
};

const onPass = (type: HookType): RunOutcome => (type === "rollback" ? "rejected" : "promoted");

const waiting = hookTypes.filter((type) => typeof onRefusal[type] === "object");
const ending = hookTypes.filter((type) => typeof onRefusal[type] === "string");

function playedAt(type: HookType, says: HookSays, ...more: Cue[]): Played {
  const policy = { weights: [25, 50], threshold: 2, hooks: [aHook(type)] };
  const world: Partial<World> = { hooks: { [`${type}/qa`]: says } };
  return play({ title: `${type} ${says}`, policy, world, cues: [newImage, ...more] });
}

const rollback = (when: (stage: Stage) => boolean): Cue =>
  cue("bob: kubectl canary rollback podinfo", when, (world) => ask(world, { verb: "rollback" }), 25_000);

const hasRefused = ({ state }: Stage): boolean => state.run?.gate?.answer !== undefined;

function statesOf({ turns }: Played): CanaryState[] {
  return turns.flatMap((entry) => (entry.kind === "turn" ? [entry.turn.decision.state] : []));
}

/** At rest on the version that the outcome leaves stable, with nothing left of the canary. */
function expectRest({ world, state }: Played, outcome: RunOutcome): void {
  expect(state.history[0]?.outcome).toBe(outcome);
  expect(state.run).toBeUndefined();
  const tag = outcome === "promoted" ? "1.7.1" : "1.7.0";
  expect(new Set(world.target.pods.map((pod) => pod.tag))).toEqual(new Set([tag]));
  expect([world.route?.weight, world.canary?.replicas ?? 0]).toEqual([0, 0]);
  expect(world.violations).toEqual([]);
}

const each = (types: readonly HookType[], all: readonly HookSays[]): [HookType, HookSays][] =>
  types.flatMap((type) => all.map((says): [HookType, HookSays] => [type, says]));

describe("a webhook that passes", () => {
  it.each(each(hookTypes, passes))("%s, whose server %s, lets the run come to its end", (type, says) => {
    expectRest(playedAt(type, says), onPass(type));
  });
});

describe("a webhook that refuses", () => {
  it.each(each(waiting, refusals))(
    "%s, whose server %s, keeps the run waiting, and the status says by what",
    (type, says) => {
      const played = playedAt(type, says, rollback(hasRefused));
      const stands = statesOf(played).filter(({ run }) => run?.wait === "gate");
      expect(stands.length).toBeGreaterThan(0);
      for (const { phase, weight, reason, next } of stands) {
        expect({ phase, weight }).toEqual(onRefusal[type]);
        expect(reason).toContain(`gate qa (${type}): ${hookWords[says]}`);
        expect(next).toContain("kubectl canary");
      }
      expectRest(played, "rejected");
      expect(played.state.history[0]?.cause).toBe("rolled back by bob");
    },
  );

  it.each(each(ending, refusals))("%s, whose server %s, ends as it should, and says by what", (type, says) => {
    const played = playedAt(type, says);
    const outcome = onRefusal[type] as RunOutcome;
    expectRest(played, outcome);
    if (outcome === "rejected") expect(played.state.history[0]?.cause).toContain(hookWords[says]);
  });

  it.each(each(["pre-rollout", "rollout"], refusals))(
    "%s, whose server %s, is no matter to a rollback",
    (type, says) => {
      const failed = ({ state }: Stage): boolean => state.failedChecks === 1;
      const now = cue("bob: kubectl canary rollback podinfo", failed, (world) => ask(world, { verb: "rollback" }));
      const played = playedAt(type, says, now);
      expectRest(played, "rejected");
      expect(played.state.history[0]?.cause).toBe("rolled back by bob");
    },
  );
});

describe("a webhook whose answer is awaited", () => {
  it.each(waiting)("%s keeps nobody from rolling back", (type) => {
    const isAwaited = ({ state }: Stage): boolean => state.run?.wait === "hook";
    const now = cue(
      "bob: kubectl canary rollback podinfo",
      isAwaited,
      (world) => ask(world, { verb: "rollback" }),
      1_000,
    );
    const played = playedAt(type, "silent", now);
    expectRest(played, "rejected");
    expect(played.state.history[0]?.cause).toBe("rolled back by bob");
  });
});

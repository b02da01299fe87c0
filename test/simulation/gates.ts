/** Runs with webhooks and declared pauses: each type that passes, refuses or does not answer, and people who answer instead. */
import type { Policy } from "../../shared/core/spec/policy.ts";
import type { WaitCause } from "../../shared/core/objects/wait-causes.ts";
import type { HookType } from "../../shared/core/objects/hook-types.ts";
import { atWeight, build, cue, newImage } from "./cues.ts";
import { aHook, type HookSays } from "./hooks.ts";
import type { Cue, Script, Stage } from "./play.ts";
import { ask, setImage, type World } from "./world.ts";

const few: Partial<Policy> = { weights: [25, 50], threshold: 2 };

function hooked(...types: HookType[]): Partial<Policy> {
  return { ...few, hooks: types.map((type) => aHook(type)) };
}

const atGate = ({ state }: Stage): boolean => state.run?.wait === "gate" || state.run?.wait === "declared-pause";

const inWait =
  (cause: WaitCause) =>
  ({ state }: Stage): boolean =>
    state.run?.wait === cause;

const says = (type: HookType, what: HookSays): Partial<World> => ({ hooks: { [`${type}/qa`]: what } });

const opens = (type: HookType, afterMs = 25_000): Cue =>
  cue(`the gate (${type}) is opened`, atGate, (world) => (world.hooks[`${type}/qa`] = "opens"), afterMs);

const asks = (verb: "promote" | "resume" | "rollback", afterMs = 25_000): Cue =>
  cue(`bob: kubectl canary ${verb} podinfo`, atGate, (world) => ask(world, { verb }), afterMs);

const refusing = (type: HookType, title: string, ...cues: Cue[]): Script => ({
  title,
  policy: hooked(type),
  world: says(type, "refuses"),
  cues: [newImage, ...cues],
});

export const gates: Record<string, Script> = {
  "gates-all-open": {
    title: "every type of webhook, and each lets it through at once",
    policy: hooked(
      ...(["confirm-rollout", "pre-rollout", "rollout", "confirm-traffic-increase"] as const),
      ...(["confirm-promotion", "post-rollout", "event"] as const),
    ),
    cues: [newImage],
  },
  "confirm-rollout-opened": refusing(
    "confirm-rollout",
    "a confirm-rollout gate refuses, and is opened after a while",
    opens("confirm-rollout"),
  ),
  "confirm-rollout-by-hand": refusing(
    "confirm-rollout",
    "a confirm-rollout gate refuses, and bob lets it through",
    asks("promote"),
  ),
  "confirm-rollout-rolled-back": refusing(
    "confirm-rollout",
    "a confirm-rollout gate refuses, and bob rejects the change there",
    asks("rollback"),
  ),
  "confirm-rollout-taken-back": refusing(
    "confirm-rollout",
    "a confirm-rollout gate refuses, and alice puts the old image back",
    cue("alice puts 1.7.0 back", atGate, (world) => setImage(world, "1.7.0"), 5_000),
  ),
  "confirm-rollout-silent": {
    title: "a confirm-rollout gate does not answer, and is asked again until bob lets the run through",
    policy: hooked("confirm-rollout"),
    world: says("confirm-rollout", "silent"),
    cues: [newImage, asks("resume")],
  },
  "pre-rollout-failing": refusing("pre-rollout", "acceptance tests fail until the run is rejected, without any user"),
  "pre-rollout-passes-late": refusing(
    "pre-rollout",
    "acceptance tests fail once and pass then: they are not asked anew",
    cue(
      "the tests are mended",
      ({ state }) => state.failedChecks === 1,
      (world) => {
        world.hooks["pre-rollout/qa"] = "opens";
      },
    ),
  ),
  "rollout-failing": refusing("rollout", "a rollout webhook fails at every check: rolled back at the threshold"),
  "rollout-silent": {
    title: "a rollout webhook does not answer: its timeout is a failed check",
    policy: hooked("rollout"),
    world: says("rollout", "silent"),
    cues: [newImage],
  },
  "increase-opened": refusing(
    "confirm-traffic-increase",
    "a confirm-traffic-increase gate refuses before the first users, and is opened: it stays open",
    opens("confirm-traffic-increase"),
  ),
  "increase-by-hand": {
    title: "a confirm-traffic-increase gate closes at weight 25, and bob resumes there and before the promotion",
    policy: hooked("confirm-traffic-increase"),
    cues: [
      newImage,
      cue("the gate is closed", atWeight(25), (world) => (world.hooks["confirm-traffic-increase/qa"] = "refuses")),
      asks("resume"),
      cue(
        "bob: kubectl canary resume podinfo",
        ({ state }) => state.weight === 50 && state.run?.wait === "gate",
        (world) => ask(world, { verb: "resume" }),
      ),
    ],
  },
  "promotion-opened": refusing(
    "confirm-promotion",
    "a confirm-promotion gate refuses, checks go on, and it is opened",
    opens("confirm-promotion"),
  ),
  "promotion-by-hand": refusing(
    "confirm-promotion",
    "a confirm-promotion gate refuses, and bob promotes",
    asks("promote"),
  ),
  "promotion-failing": refusing(
    "confirm-promotion",
    "1.7.1 begins to fail while it waits at a confirm-promotion gate: rolled back all the same",
    cue("1.7.1 begins to fail", atGate, (world) => {
      world.builds["1.7.1"] = build("1.7.1", { successPercent: 90.4 });
    }),
  ),
  "promotion-rolled-back": refusing(
    "confirm-promotion",
    "a confirm-promotion gate refuses, and bob rolls back",
    asks("rollback"),
  ),
  "rollback-hook-analysing": refusing(
    "rollback",
    "a rollback webhook answers 2xx while 1.7.1 is analysed",
    cue("the rollback gate is opened", atWeight(25), (world) => (world.hooks["rollback/qa"] = "opens"), 1_000),
  ),
  "rollback-hook-waiting": {
    title: "a rollback webhook answers 2xx while the run waits at a confirm-rollout gate",
    policy: hooked("confirm-rollout", "rollback"),
    world: { hooks: { "confirm-rollout/qa": "refuses", "rollback/qa": "refuses" } },
    cues: [newImage, cue("the rollback gate is opened", atGate, (world) => (world.hooks["rollback/qa"] = "opens"))],
  },
  "rollback-hook-silent": {
    title: "a rollback webhook does not answer: the run goes on",
    policy: hooked("rollback"),
    world: says("rollback", "silent"),
    cues: [newImage],
  },
  "post-rollout-failing": refusing("post-rollout", "a post-rollout webhook refuses: said, and nothing more"),
  "post-rollout-silent": {
    title: "a post-rollout webhook does not answer: nothing waits for it",
    policy: hooked("post-rollout"),
    world: says("post-rollout", "silent"),
    cues: [newImage],
  },
  "pause-declared": {
    title: "a pause is declared before the first users and at weight 25: bob resumes twice",
    policy: { ...few, pauses: [{ weight: 0 }, { weight: 25 }] },
    cues: [
      newImage,
      asks("resume"),
      cue(
        "bob: kubectl canary resume podinfo",
        ({ state }) => state.weight === 25 && atGate({ state } as Stage),
        (world) => ask(world, { verb: "resume" }),
        60_000,
      ),
    ],
  },
  "pause-timed": {
    title: "weight 25 is given two minutes",
    policy: { ...few, pauses: [{ weight: 25, durationMs: 120_000 }] },
    cues: [newImage],
  },
  "pause-timed-deserted": {
    title: "weight 25 is given a minute, in which its users go away: then it waits for them, and not for ever",
    policy: {
      ...few,
      pauses: [{ weight: 25, durationMs: 60_000 }],
      noEvidence: { policy: "hold", deadlineMs: 60_000 },
    },
    cues: [newImage, cue("the users go away", inWait("timed-pause"), (world) => (world.requestsPerSecond = 0), 5_000)],
  },
  "pause-failing": {
    title: "1.7.1 begins to fail at a declared pause: rolled back all the same",
    policy: { ...few, pauses: [{ weight: 25 }] },
    cues: [
      newImage,
      cue("1.7.1 begins to fail", atGate, (world) => {
        world.builds["1.7.1"] = build("1.7.1", { successPercent: 90.4 });
      }),
    ],
  },
};

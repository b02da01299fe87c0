/** Runs by other strategies than rising weights: checked before any user, and then all users at once. */
import type { Policy } from "../../shared/core/spec/policy.ts";
import { strategyOf } from "../../shared/core/spec/strategy.ts";
import { build, cue, failing, inStage, newImage } from "./cues.ts";
import { aHook } from "./hooks.ts";
import type { Script, Stage } from "./play.ts";
import { ask, aWorld, loseCanaryPods, setWeightByHand, type World } from "./world.ts";

const three: Partial<Policy> = strategyOf({ iterations: 3 });
const tested: Partial<World> = { loadTestPerSecond: 10 };

const asked = [{ headers: { "x-canary": { exact: "insider" } } }];
const matched: Partial<Policy> = strategyOf({ iterations: 3, match: asked });
const onRoute: Partial<World> = { takesRules: true };
const previewed = strategyOf({ stepWeights: [25, 50], preview: { header: { name: "x-canary", value: "preview" } } });
const sticky = strategyOf({ stepWeights: [25, 50], sessionAffinity: { cookieName: "track", maxAge: 3_600 } });

const inIteration =
  (step: number) =>
  ({ state: { run } }: Stage): boolean =>
    run?.stage === "analysing" && run.step === step - 1;

export const strategies: Record<string, Script> = {
  "blue-green": {
    title: "Blue/Green: three checks of what a load test gets, then all users at once, then promotion",
    policy: three,
    world: tested,
    cues: [newImage],
  },
  "blue-green-failing": {
    title: "Blue/Green: the load test finds errors at two checks, and no user ever gets 1.7.1",
    policy: { ...three, threshold: 2 },
    world: { ...tested, builds: { "1.7.1": build("1.7.1", { successPercent: 90.4 }) } },
    cues: [newImage],
  },
  "blue-green-failing-after-the-switch": {
    title: "Blue/Green: what a load test does not find users do, and get stable back",
    policy: { ...three, threshold: 2 },
    world: tested,
    cues: [newImage, cue("1.7.1 begins to fail", inIteration(4), failing, 2_000)],
  },
  "blue-green-untested": {
    title: "Blue/Green: nobody sends a load test, until bob does",
    policy: three,
    cues: [
      newImage,
      cue(
        "bob starts a load test of podinfo-canary",
        ({ state }) => state.run?.wait === "no-evidence",
        (world) => {
          world.loadTestPerSecond = 10;
        },
        30_000,
      ),
    ],
  },
  "blue-green-without-metrics": {
    title: "Blue/Green without metrics: readiness alone is awaited, and users before the promotion",
    policy: { ...three, metrics: [] },
    cues: [newImage],
  },
  "blue-green-pods-lost": {
    title: "Blue/Green: the canary's pods die in the second iteration and are back after 20s",
    policy: three,
    world: tested,
    cues: [newImage, cue("the canary's pods die", inIteration(2), (world) => loseCanaryPods(world, 20_000), 2_000)],
  },
  "blue-green-lowered-by-hand": {
    title: "Blue/Green: someone takes the weight back to 30 after the switch; bob resumes",
    policy: three,
    world: tested,
    cues: [
      newImage,
      cue("someone sets weight 30", inIteration(4), (world) => setWeightByHand(world, 30), 2_000),
      cue(
        "bob: kubectl canary resume podinfo",
        ({ state }) => state.run?.ceiling !== undefined,
        (world) => ask(world, { verb: "resume" }),
        15_000,
      ),
    ],
  },
  "blue-green-back-in-steps": {
    title: "Blue/Green with stepWeightPromotion 50: users return to the primary in two steps",
    policy: { ...three, stepWeightPromotion: 50 },
    world: tested,
    cues: [newImage],
  },
  "blue-green-rolled-back": {
    title: "kubectl canary rollback in an iteration",
    policy: three,
    world: tested,
    cues: [
      newImage,
      cue(
        "bob: kubectl canary rollback podinfo",
        inStage("analysing"),
        (world) => ask(world, { verb: "rollback" }),
        4_000,
      ),
    ],
  },
  "blue-green-gates": {
    title:
      "Blue/Green with gates: pre-rollout once, a load test at each check, the promotion confirmed before the switch",
    policy: { ...three, hooks: (["pre-rollout", "rollout", "confirm-promotion"] as const).map((type) => aHook(type)) },
    world: { ...tested, hooks: { "confirm-promotion/qa": "refuses" } },
    cues: [
      newImage,
      cue(
        "the gate (confirm-promotion) is opened",
        ({ state }) => state.run?.wait === "gate",
        (world) => (world.hooks["confirm-promotion/qa"] = "opens"),
        25_000,
      ),
    ],
  },
  "a-b": {
    title: "A/B: those who send x-canary: insider get 1.7.1 for three checks, all others stable; then promotion",
    policy: matched,
    world: onRoute,
    cues: [newImage],
  },
  "a-b-failing": {
    title: "A/B: 1.7.1 fails those who match at two checks, and nobody else",
    policy: { ...matched, threshold: 2 },
    world: { ...onRoute, builds: { "1.7.1": build("1.7.1", { successPercent: 90.4 }) } },
    cues: [newImage],
  },
  "a-b-nobody-matches": {
    title: "A/B: nobody sends the header: given up after the deadline",
    policy: { ...matched, noEvidence: { policy: "hold", deadlineMs: 60_000 } },
    world: { ...onRoute, matching: 0 },
    cues: [newImage],
  },
  "a-b-stops-first": {
    title: "A/B, one replica, maxSurge 0: everybody is on the canary while the target has nobody",
    policy: matched,
    world: {
      ...onRoute,
      target: { ...aWorld().target, replicas: 1, pods: aWorld().target.pods.slice(0, 1), stopsFirst: true },
    },
    cues: [newImage],
  },
  preview: {
    title: "preview: who sends x-canary: preview gets 1.7.1 from its first ready pod on, whatever the weight",
    policy: { ...previewed, pauses: [{ weight: 0, durationMs: 20_000 }] },
    world: onRoute,
    cues: [newImage],
  },
  "preview-rolled-back": {
    title: "preview: rolled back before the first weight: the rule goes first, then a drain, then the pods",
    policy: { ...previewed, pauses: [{ weight: 0 }] },
    world: onRoute,
    cues: [
      newImage,
      cue(
        "bob: kubectl canary rollback podinfo",
        ({ state }) => state.run?.wait === "declared-pause",
        (world) => ask(world, { verb: "rollback" }),
        5_000,
      ),
    ],
  },
  "preview-pods-lost": {
    title: "preview: the canary's pods die at the pause before the first users",
    policy: { ...previewed, pauses: [{ weight: 0, durationMs: 30_000 }] },
    world: onRoute,
    cues: [
      newImage,
      cue(
        "the canary's pods die",
        ({ state }) => state.run?.wait === "timed-pause",
        (world) => loseCanaryPods(world, 20_000),
        5_000,
      ),
    ],
  },
  affinity: {
    title: "session affinity: each track's users keep it, and a new weight divides only those it must",
    policy: sticky,
    world: onRoute,
    cues: [newImage],
  },
  "affinity-failing": {
    title: "session affinity: the version fails, and everybody is stable's at once",
    policy: { ...sticky, threshold: 2 },
    world: { ...onRoute, builds: { "1.7.1": build("1.7.1", { successPercent: 90.4 }) } },
    cues: [newImage],
  },
};

/** The runs that are played: each is the tutorial's canary with something happening to it. */
import type { Policy } from "../../shared/core/policy.ts";
import type { Phase, Stage as RunStage } from "../../shared/core/state.ts";
import type { Cue, Script, Stage } from "./play.ts";
import { ask, loseCanaryPods, setImage, setImageUnseen, setWeightByHand, type Build, type World } from "./world.ts";

const build = (tag: string, over: Partial<Build> = {}): Build => ({
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

const few: Partial<Policy> = { weights: [25, 50] };

export const scripts: Record<string, Script> = {
  promote: { title: "the tutorial: ten steps of 10 every 10s, then promotion", cues: [newImage] },
  "rollback-errors": {
    title: "1.7.1 fails a tenth of its users' requests: five failed checks, then rollback",
    world: { builds: { "1.7.1": build("1.7.1", { successPercent: 90.4 }) } },
    cues: [newImage],
  },
  "rollback-slow": {
    title: "1.7.1 is slow: its 99th percentile is above the limit",
    policy: { threshold: 2 },
    world: { builds: { "1.7.1": build("1.7.1", { latencyMs: 1_200 }) } },
    cues: [newImage],
  },
  "revert-mid-run": {
    title: "the old image is put back while 1.7.1 has traffic",
    cues: [newImage, cue("alice puts 1.7.0 back", atWeight(20), (world) => setImage(world, "1.7.0"))],
  },
  "replace-before-traffic": {
    title: "1.7.2 follows 1.7.1 before any traffic: it takes the same run over",
    policy: few,
    cues: [
      newImage,
      cue("bob sets image 1.7.2", inStage("scaling"), (world) => setImage(world, "1.7.2", "bob"), 1_000),
    ],
  },
  "supersede-mid-run": {
    title: "1.7.2 is asked for while 1.7.1 has traffic",
    policy: few,
    cues: [newImage, cue("bob sets image 1.7.2", atWeight(25), (world) => setImage(world, "1.7.2", "bob"), 4_000)],
  },
  "promote-by-hand": {
    title: "kubectl canary promote at weight 20",
    cues: [
      newImage,
      cue("bob: kubectl canary promote podinfo", atWeight(20), (world) => ask(world, { verb: "promote" })),
    ],
  },
  "promote-refused": {
    title: "kubectl canary promote with a failed check is refused, with --force it is done",
    world: { builds: { "1.7.1": build("1.7.1", { successPercent: 90.4 }) } },
    cues: [
      newImage,
      cue("bob: kubectl canary promote podinfo", failedOnce, (world) => ask(world, { verb: "promote" }), 1_000),
      cue(
        "bob: kubectl canary promote podinfo --force",
        failedOnce,
        (world) => ask(world, { verb: "promote", force: true }),
        1_000,
      ),
    ],
  },
  "rollback-while-scaling": rollbackIn("scaling", few),
  "rollback-while-analysing": rollbackIn("analysing", few),
  "rollback-while-promoting": rollbackIn("promoting", few),
  "rollback-while-returning": rollbackIn("returning", { ...few, stepWeightPromotion: 20 }),
  "rollback-while-draining": rollbackIn("draining", few),
  "pods-never-ready": {
    title: "1.7.1's pods never become ready",
    world: { builds: { "1.7.1": build("1.7.1", { readyAfterMs: Infinity }) } },
    cues: [newImage],
  },
  "target-stuck": {
    title: "1.7.1 starts as a canary, but the target's own pods of it do not; bob rolls back",
    policy: few,
    cues: [
      newImage,
      cue("the nodes run full", inStage("analysing"), (world) => {
        world.builds["1.7.1"] = build("1.7.1", { readyAfterMs: Infinity });
      }),
      cue("bob: kubectl canary rollback podinfo", stuck, (world) => ask(world, { verb: "rollback" }), 5_000),
    ],
  },
  "weight-lowered-by-hand": {
    title: "somebody sets the canary's weight from 50 to 5; bob promotes in the end",
    policy: few,
    cues: [
      newImage,
      cue("carol: kubectl edit trafficsplit podinfo (5)", atWeight(50), (world) => setWeightByHand(world, 5), 2_000),
      cue("bob: kubectl canary promote podinfo", lowered, (world) => ask(world, { verb: "promote" }), 60_000),
    ],
  },
  "weight-zeroed-then-rolled-back": {
    title: "somebody sets the weight to 0 and rolls back; the next version gets its traffic all the same",
    policy: few,
    cues: [
      newImage,
      cue("carol: kubectl edit trafficsplit podinfo (0)", atWeight(25), (world) => setWeightByHand(world, 0), 2_000),
      cue("carol: kubectl canary rollback podinfo", lowered, (world) => ask(world, { verb: "rollback" }), 5_000),
      cue("alice sets image 1.7.2", inPhase("Failed"), (world) => setImage(world, "1.7.2"), 5_000),
    ],
  },
  "endpoints-vanish": {
    title: "every canary pod dies at weight 50 and is back after 20s",
    policy: few,
    cues: [newImage, cue("the canary's pods die", atWeight(50), (world) => loseCanaryPods(world, 20_000), 2_000)],
  },
  "endpoints-vanish-while-promoting": {
    title: "every canary pod dies while the target rolls",
    policy: few,
    cues: [
      newImage,
      cue("the canary's pods die", inStage("promoting"), (world) => loseCanaryPods(world, 60_000), 4_000),
    ],
  },
  "prometheus-down": {
    title: "Prometheus is away for 100s at weight 25",
    policy: few,
    cues: [
      newImage,
      cue("Prometheus goes away", atWeight(25), prometheus("down"), 2_000),
      cue("Prometheus is back", prometheusIs("down"), prometheus("up"), 100_000),
    ],
  },
  "prometheus-down-long": {
    title: "Prometheus is away for an hour: nothing counts, nobody is blamed",
    policy: few,
    cues: [
      newImage,
      cue("Prometheus goes away", atWeight(25), prometheus("down"), 2_000),
      cue("Prometheus is back", prometheusIs("down"), prometheus("up"), 3_600_000),
    ],
  },
  "not-reached": {
    title: "callers older than the split ignore it; they are restarted after a minute",
    policy: few,
    world: { obeyed: false },
    cues: [
      newImage,
      cue(
        "alice restarts the callers",
        atWeight(25),
        (world) => {
          world.obeyed = true;
        },
        60_000,
      ),
    ],
  },
  "never-reached": {
    title: "no user ever reaches the canary: given up after the deadline",
    policy: { ...few, evidenceDeadlineMs: 60_000 },
    world: { obeyed: false },
    cues: [newImage],
  },
  "skip-analysis": { title: "spec.skipAnalysis", policy: { ...few, skipAnalysis: true }, cues: [newImage] },
  "step-weights": {
    title: "spec.analysis.stepWeights [1, 2, 10, 80]",
    policy: { weights: [1, 2, 10, 80] },
    cues: [newImage],
  },
  "step-weight-promotion": {
    title: "traffic returns by stepWeightPromotion 40",
    policy: { ...few, stepWeightPromotion: 40 },
    cues: [newImage],
  },
  "max-weight": { title: "maxWeight 50", policy: { weights: [20, 40, 50] }, cues: [newImage] },
  "rejected-again": {
    title: "a rejected version is put back to stable and asked for again",
    policy: { ...few, threshold: 1 },
    world: { builds: { "1.7.1": build("1.7.1", { successPercent: 90.4 }) } },
    cues: [
      newImage,
      cue("alice puts 1.7.0 back", inPhase("Failed"), (world) => setImage(world, "1.7.0"), 5_000),
      cue("alice sets image 1.7.1 again", inPhase("Initialized"), (world) => setImage(world, "1.7.1"), 5_000),
    ],
  },
  "past-the-webhook": {
    title: "a change that the webhook did not see",
    cues: [
      cue(
        "1.7.2 is set while the webhook is away",
        inPhase("Initialized"),
        (world) => setImageUnseen(world, "1.7.2"),
        5_000,
      ),
    ],
  },
};

// --- internal ---

function rollbackIn(stage: RunStage, policy: Partial<Policy>): Script {
  return {
    title: `kubectl canary rollback while ${stage}`,
    policy,
    cues: [
      newImage,
      cue("bob: kubectl canary rollback podinfo", inStage(stage), (world) => ask(world, { verb: "rollback" }), 1_000),
    ],
  };
}

function cue(say: string, when: (stage: Stage) => boolean, act: (world: World) => void, afterMs = 0): Cue {
  return { say, when, act, afterMs };
}

function inPhase(phase: Phase): (stage: Stage) => boolean {
  return ({ state }) => state.phase === phase;
}

function inStage(stage: RunStage): (stage: Stage) => boolean {
  return ({ state }) => state.run?.stage === stage;
}

function atWeight(weight: number): (stage: Stage) => boolean {
  return ({ world }) => world.route?.weight === weight;
}

function lowered({ world }: Stage): boolean {
  return world.route !== undefined && world.route.weight < world.route.ownWeight;
}

function failedOnce({ state }: Stage): boolean {
  return state.failedChecks > 0;
}

function stuck({ state }: Stage): boolean {
  return state.reason.includes("stuck");
}

function prometheus(to: World["prometheus"]): (world: World) => void {
  return (world) => {
    world.prometheus = to;
  };
}

function prometheusIs(what: World["prometheus"]): (stage: Stage) => boolean {
  return ({ world }) => world.prometheus === what;
}

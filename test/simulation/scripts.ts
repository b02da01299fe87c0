/** The runs that are played: each is the tutorial's canary with something happening to it. */
import type { Policy } from "../../shared/core/spec/policy.ts";
import { build, newImage, cue, inPhase, inStage, atWeight, carrying, stuck, prometheus, prometheusIs } from "./cues.ts";
import type { Script } from "./play.ts";
import { ask, aWorld, loseCanaryPods, scaleTo, setImage } from "./world.ts";
import { gates } from "./gates.ts";
import { people } from "./people.ts";
import { wayBack } from "./way-back.ts";
import { strategies } from "./strategies.ts";

const few: Partial<Policy> = { weights: [25, 50] };

const runs: Record<string, Script> = {
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
  "own-failure-limit": {
    title: "1.7.1 is slow, which may be so once; that it fails too is a dry run",
    policy: {
      metrics: [
        { name: "request-success-rate", thresholdRange: { min: 99 }, dryRun: true },
        { name: "request-duration", thresholdRange: { max: 500 }, failureLimit: 1 },
      ],
    },
    world: { builds: { "1.7.1": build("1.7.1", { latencyMs: 1_200, successPercent: 90.4 }) } },
    cues: [newImage],
  },
  "kept-for-a-look": {
    title: "1.7.1 is slow, and its pods stay 10m for a look: 1.7.2 ends that",
    policy: { threshold: 1, keepFailedMs: 600_000 },
    world: { builds: { "1.7.1": build("1.7.1", { latencyMs: 1_200 }) } },
    cues: [
      newImage,
      cue("bob sets image 1.7.2", inPhase("Failed"), (world) => setImage(world, "1.7.2", "bob"), 90_000),
    ],
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
  "pods-flap": {
    title: "the canary's pods die at every weight they get: given up at the third time",
    policy: { ...few, threshold: 1 },
    cues: [
      newImage,
      ...[1, 2, 3].map(() =>
        cue("the canary's pods die", carrying(25), (world) => loseCanaryPods(world, 20_000), 2_000),
      ),
    ],
  },
  "endpoints-vanish": {
    title: "every canary pod dies at weight 50 and is back after 20s",
    policy: few,
    cues: [newImage, cue("the canary's pods die", atWeight(50), (world) => loseCanaryPods(world, 20_000), 2_000)],
  },
  "pods-lost-in-part": {
    title: "one of two canary pods dies at weight 50 and is back after 20s",
    policy: few,
    cues: [newImage, cue("a canary pod dies", atWeight(50), (world) => loseCanaryPods(world, 20_000, 1), 2_000)],
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
    title: "Prometheus is away for longer than an outage may last: taken back, without blame for a check",
    policy: { ...few, cannotAskDeadlineMs: 60_000 },
    cues: [newImage, cue("Prometheus goes away", atWeight(25), prometheus("down"), 2_000)],
  },
  "prometheus-down-before-traffic": {
    title: "Prometheus is away when the canary's pods are ready: no user is sent to what nobody can judge",
    policy: few,
    cues: [
      cue("Prometheus goes away", inPhase("Initialized"), prometheus("down"), 1_000),
      newImage,
      cue("Prometheus is back", prometheusIs("down"), prometheus("up"), 60_000),
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
    policy: { ...few, noEvidence: { policy: "hold", deadlineMs: 60_000 } },
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
  "stops-before-it-starts": {
    title: "one replica, maxSurge 0, maxWeight 50: the canary carries everything while the target has nobody",
    policy: few,
    world: { target: { ...aWorld().target, replicas: 1, pods: aWorld().target.pods.slice(0, 1), stopsFirst: true } },
    cues: [newImage],
  },
  "scaled-to-zero": {
    title: "the target is scaled to 0 at weight 50, and back to 4 in the morning",
    policy: few,
    cues: [
      newImage,
      cue("a downscaler: kubectl -n test scale deploy podinfo --replicas=0", atWeight(50), scaleTo(0), 2_000),
      cue("and back: --replicas=4", inPhase("Initialized"), scaleTo(4), 40_000),
    ],
  },
  "scaled-to-zero-while-promoting": {
    title: "the target is scaled to 0 while it rolls to the judged version",
    policy: few,
    cues: [
      newImage,
      cue("a downscaler scales to 0", inStage("promoting"), scaleTo(0), 2_000),
      cue("and back", inPhase("Succeeded"), scaleTo(4), 40_000),
    ],
  },
  "scaled-to-zero-while-going-back": {
    title: "the target is scaled to 0 while its promotion is rolled back",
    policy: few,
    cues: [
      newImage,
      cue(
        "bob: kubectl canary rollback podinfo",
        inStage("promoting"),
        (world) => ask(world, { verb: "rollback" }),
        5_000,
      ),
      cue("a downscaler scales to 0", inStage("restoring"), scaleTo(0), 1_000),
      cue("and back", inPhase("Failed"), scaleTo(4), 40_000),
    ],
  },
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
};

export const scripts: Record<string, Script> = { ...runs, ...people, ...gates, ...wayBack, ...strategies };

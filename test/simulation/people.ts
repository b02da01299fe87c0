/** Runs in which a person steps in: commands, weights by hand, changes that go past the webhook. */
import type { Policy } from "../../shared/core/spec/policy.ts";
import {
  build,
  newImage,
  failing,
  unseen,
  paused,
  isUnvetted,
  everywhere,
  rollbackIn,
  cue,
  inPhase,
  atWeight,
  lowered,
  failedOnce,
} from "./cues.ts";
import type { Script } from "./play.ts";
import { ask, loseCanaryPods, setImage, setImageUnseen, setWeightByHand } from "./world.ts";

const few: Partial<Policy> = { weights: [25, 50] };

export const people: Record<string, Script> = {
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
  "rollback-too-late": {
    title: "kubectl canary rollback a second after the promotion, while open requests to the canary end",
    policy: few,
    cues: [
      newImage,
      cue(
        "bob: kubectl canary rollback podinfo",
        inPhase("Succeeded"),
        (world) => ask(world, { verb: "rollback" }),
        1_000,
      ),
    ],
  },
  "image-right-after-promotion": {
    title: "1.7.2 is asked for a second after 1.7.1 was promoted, while open requests to its canary end",
    policy: few,
    cues: [newImage, cue("alice sets image 1.7.2", inPhase("Succeeded"), (world) => setImage(world, "1.7.2"), 1_000)],
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
  "weight-lowered-then-raised-by-hand": {
    title: "somebody sets the weight from 50 to 5, to 20, and back to 50: the run goes on from there",
    policy: few,
    cues: [
      newImage,
      cue("carol: kubectl edit trafficsplit podinfo (5)", atWeight(50), (world) => setWeightByHand(world, 5), 2_000),
      cue("carol: kubectl edit trafficsplit podinfo (20)", lowered, (world) => setWeightByHand(world, 20), 15_000),
      cue("carol: kubectl edit trafficsplit podinfo (50)", atWeight(20), (world) => setWeightByHand(world, 50), 15_000),
    ],
  },
  "weight-lowered-and-failing": {
    title: "the weight is lowered by hand, and the canary fails there: it is taken back all the same",
    policy: { ...few, threshold: 2 },
    cues: [
      newImage,
      cue("carol: kubectl edit trafficsplit podinfo (5)", atWeight(25), (world) => setWeightByHand(world, 5), 2_000),
      cue("1.7.1 begins to fail", lowered, failing, 15_000),
    ],
  },
  "weight-lowered-and-deserted": {
    title: "the weight is lowered by hand, then every canary pod dies: what comes back gets no more than before",
    policy: few,
    cues: [
      newImage,
      cue("carol: kubectl edit trafficsplit podinfo (5)", atWeight(50), (world) => setWeightByHand(world, 5), 2_000),
      cue("the canary's pods die", lowered, (world) => loseCanaryPods(world, 20_000), 15_000),
      cue("bob: kubectl canary resume podinfo", atWeight(5), (world) => ask(world, { verb: "resume" }), 90_000),
    ],
  },
  "paused-and-resumed": {
    title: "bob pauses at weight 25 and resumes after three minutes",
    policy: few,
    cues: [
      newImage,
      cue(
        "bob: kubectl canary pause podinfo --reason 'looking at traces'",
        atWeight(25),
        (world) => ask(world, { verb: "pause", reason: "looking at traces" }),
        2_000,
      ),
      cue("bob: kubectl canary resume podinfo", paused, (world) => ask(world, { verb: "resume" }), 180_000),
    ],
  },
  "paused-for-a-minute": {
    title: "bob pauses for a minute: it goes on by itself",
    policy: few,
    cues: [
      newImage,
      cue(
        "bob: kubectl canary pause podinfo --for 1m",
        atWeight(25),
        (world) => ask(world, { verb: "pause", for: "1m" }),
        2_000,
      ),
    ],
  },
  "paused-and-failing": {
    title: "a paused canary that fails is taken back",
    policy: { ...few, threshold: 2 },
    cues: [
      newImage,
      cue("bob: kubectl canary pause podinfo", atWeight(25), (world) => ask(world, { verb: "pause" }), 2_000),
      cue("1.7.1 begins to fail", paused, failing, 30_000),
    ],
  },
  "to-a-later-step": {
    title: "kubectl canary promote --to-step 5 at weight 20",
    cues: [
      newImage,
      cue(
        "bob: kubectl canary promote podinfo --to-step 5",
        atWeight(20),
        (world) => ask(world, { verb: "promote", toStep: 5 }),
        2_000,
      ),
    ],
  },
  "paused-by-its-user": {
    title: "alice pauses her Deployment's rollout at weight 25, and resumes it when every check has passed",
    policy: few,
    cues: [
      newImage,
      cue(
        "alice: kubectl -n test rollout pause deploy podinfo",
        atWeight(25),
        ({ target }) => {
          target.pausedByUser = true;
        },
        2_000,
      ),
      cue(
        "alice: kubectl -n test rollout resume deploy podinfo",
        inPhase("WaitingPromotion"),
        ({ target }) => {
          target.pausedByUser = false;
        },
        600_000,
      ),
    ],
  },
  retry: {
    title: "a rejected version is tried again by hand, and is well this time",
    policy: { ...few, threshold: 1 },
    world: { builds: { "1.7.1": build("1.7.1", { successPercent: 90.4 }) } },
    cues: [
      newImage,
      cue(
        "bob: kubectl canary retry podinfo",
        inPhase("Failed"),
        (world) => {
          world.builds["1.7.1"] = build("1.7.1");
          ask(world, { verb: "retry" });
        },
        60_000,
      ),
    ],
  },
  "break-glass-mid-run": {
    title: "alice lets 1.7.1 go past its own canary: the run ends, and says that nobody has judged it; bob adopts it",
    policy: few,
    cues: [
      newImage,
      cue(
        "alice: kubectl label deploy podinfo kubectl-canary.io/bypass=now; rollout resume",
        atWeight(25),
        (world) => {
          world.target.bypass = true;
          setImageUnseen(world, "1.7.1", "alice");
        },
        2_000,
      ),
      cue("bob: kubectl canary adopt podinfo", everywhere, (world) => ask(world, { verb: "adopt" }), 5_000),
    ],
  },
  "unvetted-then-undone": {
    title: "a change went past the webhook; bob takes it back",
    cues: [
      cue("1.7.2 is set while the webhook is away", inPhase("Initialized"), unseen("1.7.2"), 5_000),
      cue("bob: kubectl canary adopt podinfo", isUnvetted, (world) => ask(world, { verb: "adopt" }), 1_000),
      cue("bob: kubectl canary undo podinfo", everywhere, (world) => ask(world, { verb: "undo" }), 5_000),
    ],
  },
  "unvetted-then-changed": {
    title: "after an unvetted change the next version waits until that is adopted",
    policy: few,
    cues: [
      cue("1.7.2 is set while the webhook is away", inPhase("Initialized"), unseen("1.7.2"), 5_000),
      cue("alice sets image 1.7.1", everywhere, (world) => setImage(world, "1.7.1"), 5_000),
      cue("bob: kubectl canary adopt podinfo", isUnvetted, (world) => ask(world, { verb: "adopt" }), 30_000),
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
  "past-the-webhook": {
    title: "a change that the webhook did not see is adopted once it runs everywhere",
    cues: [
      cue("1.7.2 is set while the webhook is away", inPhase("Initialized"), unseen("1.7.2"), 5_000),
      cue("bob: kubectl canary adopt podinfo", everywhere, (world) => ask(world, { verb: "adopt" }), 60_000),
    ],
  },
};

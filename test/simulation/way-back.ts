/** Runs that go back to a version that was promoted before, at once. */
import type { Policy } from "../../shared/core/spec/policy.ts";
import { cue, inPhase, inStage, newImage } from "./cues.ts";
import type { Cue, Script, Stage } from "./play.ts";
import { ask, setImage } from "./world.ts";

const policy: Partial<Policy> = { weights: [50], rollbackWindow: { versions: 1 } };

/** 1.7.1 and then 1.7.2 have been promoted. */
const twoReleases: Cue[] = [
  newImage,
  cue("alice sets image 1.7.2", stableIs("1.7.1"), (world) => setImage(world, "1.7.2"), 5_000),
];

const backTo = (tag: string): Cue =>
  cue(`bob sets image ${tag} again`, stableIs("1.7.2"), (world) => setImage(world, tag, "bob"), 5_000);

export const wayBack: Record<string, Script> = {
  "rollback-window": {
    title: "rollbackWindow of 1 version: 1.7.1 goes out again at once, and 1.7.2 after it by a canary",
    policy,
    cues: [
      ...twoReleases,
      backTo("1.7.1"),
      cue("a GitOps tool sets image 1.7.2 once more", stableIs("1.7.1"), (world) => setImage(world, "1.7.2"), 5_000),
    ],
  },
  "rollback-window-mid-run": {
    title: "rollbackWindow: 1.7.1 is put back while 1.7.3 has traffic",
    policy,
    cues: [
      ...twoReleases,
      cue("alice sets image 1.7.3", stableIs("1.7.2"), (world) => setImage(world, "1.7.3"), 5_000),
      cue("bob sets image 1.7.1 again", inStage("analysing"), (world) => setImage(world, "1.7.1", "bob"), 2_000),
    ],
  },
  "rollback-window-rolled-back": {
    title: "rollbackWindow: bob takes the way back itself back",
    policy,
    cues: [
      ...twoReleases,
      backTo("1.7.1"),
      cue(
        "bob: kubectl canary rollback podinfo",
        inStage("promoting"),
        (world) => ask(world, { verb: "rollback" }),
        2_000,
      ),
    ],
  },
  "undo-now": {
    title: "kubectl canary undo --to 1.7.0 --now: the version that ran before the first canary",
    policy: { weights: [50] },
    cues: [
      ...twoReleases,
      backTo("1.7.0"),
      cue(
        "bob: kubectl canary undo podinfo --now",
        inStage("scaling"),
        (world) => ask(world, { verb: "undo-now" }),
        1_000,
      ),
    ],
  },
};

// --- internal ---

/** Promoted, with nothing left to do for it. */
function stableIs(tag: string): (stage: Stage) => boolean {
  const isRest = inPhase("Succeeded");
  return (stage) => isRest(stage) && stage.state.stable?.podTemplateHash === `pod${tag}`;
}

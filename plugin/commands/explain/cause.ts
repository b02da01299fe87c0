/** Why a canary stands where it does, and what would let it go on: the answer that `explain` gives first. Pure. */
import type { Stage } from "../../../shared/core/objects/canary-status.ts";
import { goingBack } from "../../../shared/core/lifecycle/way-back.ts";
import { isWaitCause, type WaitCause, waitCauses } from "../../../shared/core/objects/wait-causes.ts";
import { formatDuration } from "../../../shared/core/format/duration.ts";
import { imagesText } from "../../view/images.ts";
import { isGone } from "../../view/controller-health.ts";
import type { CanaryView, RunView } from "../../view/types.ts";
import { failedCount, isBlocked, weightDiffers } from "../../view/headline.ts";

export type CauseCode =
  | WaitCause
  | "controller-silent"
  | "not-seen"
  | "suspended"
  | "initializing"
  | "pods-not-ready"
  | "check-failed"
  | "weight-changed"
  | "rolling-out"
  | "ending"
  | "next-check"
  | "rejected"
  | "unvetted"
  | "obstacle"
  | "stable-not-ready"
  | "steady";

export interface Cause {
  code: CauseCode;
  /** Whether it moves by itself, without anyone doing anything. */
  moving: boolean;
  since: string | null;
  /** Short, without the numbers that the status' own reason has. */
  text: string;
  /** What would let it go on, each a sentence. */
  unblocks: string[];
}

export function explainCause(view: CanaryView, spec: { suspend?: boolean; minRequests: number }): Cause {
  const { controller, run } = view;
  if (isGone(controller))
    return stuck("controller-silent", controller.renewedAt, "no controller is alive, so nothing decides", [
      "a controller pod runs again; until then no command is answered",
    ]);
  if (view.phase === "")
    return stuck("not-seen", null, "the controller has not looked at this Canary yet", [
      "a controller that watches this namespace: doctor names what is missing",
    ]);
  if (spec.suspend) return stuck("suspended", null, "spec.suspend is true", ["spec.suspend is set to false"]);
  if (run) return causeOfRun(view, run, spec.minRequests);
  return causeBetweenRuns(view);
}

// --- internal ---

const stuck = (code: CauseCode, since: string | null, text: string, unblocks: string[]): Cause => ({
  code,
  moving: false,
  since,
  text,
  unblocks,
});
const moving = (code: CauseCode, since: string | null, text: string, unblocks: string[] = []): Cause => ({
  code,
  moving: true,
  since,
  text,
  unblocks,
});

function causeOfRun(view: CanaryView, run: RunView, minRequests: number): Cause {
  if (run.ending)
    return moving("ending", run.stageAt, `the run is being ended (${run.ending.outcome}): ${run.ending.cause}`);
  if (run.clientErrors && run.clientErrors.acceptedBy === null)
    return waitingFor(view, run, "client-errors", minRequests);
  if (run.paused) return pausedBy(run, run.paused);
  if (run.hold) return waitingFor(view, run, run.hold, minRequests);
  if (weightDiffers(view))
    return stuck("weight-changed", null, "someone else set the weight", [
      "the weight is set back, or promote, or rollback",
    ]);
  return causeOfStage(view, run);
}

function pausedBy(run: RunView, { by, at, until, reason }: NonNullable<RunView["paused"]>): Cause {
  const text = `paused by ${by || "someone"}${reason ? ` (${reason})` : ""}${until ? ` until ${until}` : ""}`;
  const ways = ["someone resumes it", ...(until ? [`or it is ${until}`] : [])];
  return { ...stuck("paused", at, text, [ways.join(", ")]), moving: until !== null };
}

function waitingFor(view: CanaryView, run: RunView, hold: WaitCause, minRequests: number): Cause {
  if (!isWaitCause(hold)) return stuck(hold, run.holdSince, hold, []);
  const apex = view.routeChoice?.name ?? view.name;
  const gate = run.gate && `${run.gate.name} (${run.gate.type})`;
  const facts = { apex, target: view.target, minRequests, ceiling: run.ceilingPercent, gate };
  const { why, unblocks, goesOn } = waitCauses[hold];
  return (goesOn ? moving : stuck)(hold, run.holdSince, why(facts), unblocks(facts));
}

function causeOfStage(view: CanaryView, run: RunView): Cause {
  const failed = failedCount(view);
  if (failed !== undefined)
    return moving("check-failed", null, `the last check failed, ${failed} until it is rolled back`, [
      "the failing metric keeps within its limit at the next check",
    ]);
  const byStage: Record<Stage, Cause> = {
    scaling: moving("pods-not-ready", run.stageAt, "the canary's pods for the next weight are not all ready", [
      "the canary's pods become ready (doctor says why they do not)",
    ]),
    analysing: moving("next-check", run.stageAt, "nothing holds it: the next step follows when the checks pass"),
    promoting: moving(
      "rolling-out",
      run.stageAt,
      view.reasonCode === goingBack
        ? "the Deployment rolls to a version that was stable before, without a canary"
        : "the Deployment rolls to the new version, and the canary serves meanwhile",
    ),
    returning: moving("rolling-out", run.stageAt, "requests return from the canary to the Deployment"),
    restoring: moving("ending", run.stageAt, "stable's template is being put back into the Deployment"),
    draining: moving("ending", run.stageAt, "the canary has no weight any more and is being drained"),
  };
  return byStage[run.stage as Stage] ?? moving("next-check", run.stageAt, run.stage);
}

function causeBetweenRuns(view: CanaryView): Cause {
  const { unvetted, phaseSince } = view;
  if (unvetted) {
    const what = `${imagesText(unvetted.images)} went live without a canary (${unvetted.how}, by ${unvetted.by || "someone"})`;
    if (unvetted.undoneBy) return moving("unvetted", unvetted.at, `${what}; ${unvetted.undoneBy} has stable put back`);
    return stuck("unvetted", unvetted.at, what, ["someone adopts or undoes it; no canary starts before"]);
  }
  if (isBlocked(view))
    return stuck("obstacle", null, "something is in the way of the next run", [
      "what the reason below names is put right",
    ]);
  const byPhase: Record<string, Cause> = {
    Initializing: moving("initializing", phaseSince, "it is being initialized", ["what the reason below waits for"]),
    Failed: stuck("rejected", phaseSince, `the last change was rejected${limitWords(view)}`, [
      "another change of the Deployment, or a retry of this one",
    ]),
    Waiting: stuck("obstacle", phaseSince, "it waits", ["what the reason below waits for"]),
  };
  if (view.stableReadyPods === 0 && !byPhase[view.phase])
    return stuck("stable-not-ready", null, "stable has no ready pod: nobody serves its requests", [
      "the Deployment's pods become ready; no canary can take their place between runs",
    ]);
  return (
    byPhase[view.phase] ??
    moving("steady", phaseSince, "nothing is to be done: the next change of the Deployment starts a run")
  );
}

function limitWords({ history }: CanaryView): string {
  const [last] = history;
  if (last?.outcome !== "rejected") return "";
  const tookMs = new Date(last.endedAt).getTime() - new Date(last.startedAt).getTime();
  return `, run ${last.run} after ${formatDuration(tookMs)}`;
}

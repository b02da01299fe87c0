import type { EventText } from "../action.ts";
import { hooksOfType } from "../gates/answers.ts";
import type { Target } from "../observation.ts";
import type { Rejection, CanaryState, Run, Version } from "../state.ts";
import { type Draft, type Turn, blockedBy, formatChange, draft } from "../turn/turn.ts";

/** What keeps an intent waiting; undefined: a run may start. */
export function startBlocker(turn: Turn, target: Target, stable: Version): string | undefined {
  const { seen } = turn;
  const { targetName, route } = seen;
  const blocked = blockedBy(turn);
  if (blocked) return blocked.what;
  if (target.pausedByUser)
    return `Deployment ${targetName} was paused by its user: the change waits for kubectl -n ${seen.namespace} rollout resume deploy ${targetName}.`;
  if (target.replicas === 0) return `Deployment ${targetName} has 0 replicas: the change waits until it is scaled up.`;
  if (target.active.length > 1 && !target.active.some((version) => version.hash === stable.hash))
    return `Deployment ${targetName} is still rolling: the change waits until that is done.`;
  if (!seen.servicesReady || !route) return `Services and route of ${seen.apexName} are being restored.`;
  return route.problem ? `The route ${seen.apexName} is not obeyed: ${route.problem}.` : undefined;
}

/** A run of the target's intent as it begins, and what is said of it. `runs` counts all of this Canary's. */
export function freshRun(
  target: Target,
  stable: Version | undefined,
  { runs, now }: { runs: number; now: number },
): { run: Run; reason: string } {
  const { intent, images, requestedBy } = target;
  // Names the intent as well, so that a command that was meant for one intent is not taken for another.
  const id = `${intent.slice(-8)}-${runs}`;
  const run: Run = { id, intent, images, requestedBy, stage: "scaling", step: 0, startedAt: now, stageAt: now };
  const reason = `New version ${formatChange(images, stable)} asked for by ${requestedBy}: starting its canary pods.`;
  return { run, reason };
}

/** A new run for the target's present intent, at weight 0 until its pods are ready. */
export function startRun(turn: Turn, target: Target, announcement: EventText): Draft {
  const { state, seen, policy } = turn;
  const runs = state.runs + 1;
  const { run, reason } = freshRun(target, state.stable, { runs, now: seen.now });
  // Nothing is scaled up before its gates let it through; that is said then.
  const events = hooksOfType(policy, "confirm-rollout").length > 0 ? [] : [announcement];
  return draft(
    { ...turn, state: withoutNumbers(state) },
    {
      phase: "Progressing",
      weight: 0,
      failedChecks: 0,
      checks: [],
      run,
      runs,
      reason,
      next: "first traffic when they are ready",
    },
    { events },
  );
}

/** The state without what was measured in an earlier run: its numbers must not stand beside another canary's name. */
export function withoutNumbers(state: CanaryState): CanaryState {
  const { tracks: _tracks, trend: _trend, ...rest } = state;
  return rest;
}

/** Sentence about a rejected intent that is still the target's template, the same for status and for the target's condition. */
export function rejectedWords(
  { state, seen }: Pick<Turn, "state" | "seen">,
  target: Target,
  rejection: Rejection,
): Pick<CanaryState, "reason" | "next"> {
  return {
    reason: `${formatChange(target.images, state.stable)} was rejected: ${rejection.cause}. Stable goes on serving.`,
    next: `set another image, or put the old one back: kubectl -n ${seen.namespace} get deploy ${seen.targetName} -o wide`,
  };
}

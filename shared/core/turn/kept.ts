/**
 * After a rejection: nobody is on the canary any more, and its pods stay for a while where the Canary says so, for a look at them. Whatever
 * needs their room ends that at once: another change, a retry, a rollback, stable's return by its user.
 */
import { formatDuration } from "../format/duration.ts";
import type { Observation, Target } from "../observation.ts";
import type { CanaryState } from "../state.ts";
import { isLeftBy } from "./drain.ts";
import { event } from "./event-messages.ts";
import { type DraftExtra, formatImages, type Turn, verbLine } from "./turn.ts";

/** A run is rejected now: until when its pods stay, and what is said of it. Nothing where they do not. */
export function keeping(
  { seen, policy }: Turn,
  images: Record<string, string>,
): Pick<CanaryState, "keptUntil"> & DraftExtra {
  const { keepFailedMs } = policy;
  if (keepFailedMs === undefined || (seen.workload?.replicas ?? 0) === 0) return {};
  const end = `until then ${verbLine(seen, "rollback")} ends that, and so does any change`;
  const said = `The pods of ${formatImages(images)} stay for ${formatDuration(keepFailedMs)} for a look, without traffic; ${end}`;
  return { keptUntil: seen.now + keepFailedMs, events: [event.normal(said)] };
}

/** `next` with the time until which the pods stay, as long as nothing has ended it. */
export function withKept(next: CanaryState, { seen, policy }: Turn): CanaryState {
  const { keptUntil, ...rest } = next;
  const until = Math.min(keptUntil ?? 0, endedAt(next) + (policy.keepFailedMs ?? 0));
  return until > seen.now && isWanted(next, seen) ? { ...rest, keptUntil: until } : rest;
}

/** They are told to go before another run begins: what that one is judged by is its own. */
export function isKept({ state, seen }: Turn): boolean {
  const [last] = state.history;
  return state.keptUntil !== undefined && last !== undefined && isLeftBy(last.run, seen.workload);
}

/** How soon they go. */
export function keptLeftMs({ keptUntil }: CanaryState, now: number): number | undefined {
  return keptUntil === undefined ? undefined : keptUntil - now;
}

// --- internal ---

const endedAt = ({ history: [last] }: CanaryState): number => last?.endedAt ?? 0;

function isWanted(next: CanaryState, { target, workload }: Observation): boolean {
  const [last] = next.history;
  const isOver = !next.run && next.phase === "Failed" && last?.outcome === "rejected";
  if (!isOver || !target?.replicas) return false;
  return isTheirs(last, workload) && isUnchanged(next, last.intent, target);
}

function isTheirs({ run, intent }: CanaryState["history"][number], workload: Observation["workload"]): boolean {
  return isLeftBy(run, workload) && workload?.intent === intent && workload?.isUnsealed !== true;
}

/** What was rejected is still asked for, or we have put stable back ourselves. */
function isUnchanged({ rejected, stable }: CanaryState, last: string | undefined, { intent, held }: Target): boolean {
  if (!rejected.some(({ hash }) => hash === last)) return false;
  return intent === last || (intent === stable?.hash && !held);
}

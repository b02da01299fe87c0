/**
 * A run under traffic behind a barrier: it goes on being judged, for its users are on it all the same. What leads back to stable is
 * done; what would lead forward is left undone until the barrier is gone.
 */
import type { CanaryState, Run } from "../state.ts";
import { failuresIn } from "../turn/metric-failures.ts";
import { draft, withoutWait, type Barrier, type Draft, type RunTurn } from "../turn/turn.ts";
import { optional } from "../format/compact.ts";
import { isLookedAt, lookingAgain } from "../comparison/comparison.ts";
import { runsOut } from "./wait.ts";

/** `judge` is what would be decided without the barrier. A run without traffic has nothing to be judged by. */
export function behindBarrier(turn: RunTurn, barrier: Barrier, judge: (turn: RunTurn) => Draft): Draft {
  const { run } = turn;
  if (!isLookedAt(turn.state))
    return keptBack(turn, barrier, { ...withoutWait(run), ...waitOf(turn, undefined, barrier) });
  const judged = judge(turn);
  return leadsBack(judged.state, turn.state) ? judged : counted(turn, barrier, judged);
}

// --- internal ---

/** A next step is none, even where an edited spec gives it less. */
function leadsBack(next: CanaryState, { weight, run }: CanaryState): boolean {
  if (!next.run || next.run.ending !== undefined) return true;
  return next.weight < weight && next.run.step === run?.step;
}

/** What was found counts; stage, step and weight stay. */
function counted(turn: RunTurn, barrier: Barrier, { state: next, events }: Draft): Draft {
  const { run, seen, state, policy } = turn;
  const { failedChecks, checks, staleCallers, tracks } = next;
  const dueAt = run.checkAt ?? seen.now;
  const checkAt = seen.now < dueAt ? dueAt : seen.now + policy.intervalMs;
  const { comparison, clientErrors, metricFailures } = next.run ?? {};
  const learnt = {
    ...{ ...optional("comparison", comparison), ...optional("clientErrors", clientErrors) },
    ...optional("metricFailures", metricFailures),
  };
  const found: Run = { ...withoutWait(run), ...waitOf(turn, next.run, barrier), checkAt, ...learnt };
  const known = { ...state, failedChecks, checks, staleCallers, ...(tracks ? { tracks } : {}) };
  const informed: RunTurn = { ...turn, state: known, run: found };
  const hasFailed = failedChecks > state.failedChecks || failuresIn(next.run) > failuresIn(run);
  const step = keptBack(informed, barrier, found, hasFailed ? ` Meanwhile: ${next.reason}` : "");
  const said = hasFailed ? [...step.events, ...events] : step.events;
  return lookingAgain({ state: step.state, events: said, requeueAfterMs: checkAt - seen.now }, informed);
}

/** Evidence that is missing behind an obstacle is missing all the same, and its deadline runs on. */
function waitOf(
  { run, seen }: RunTurn,
  next: Run | undefined,
  barrier: Barrier,
): Pick<Run, "wait" | "waitSince" | "waitCode"> {
  if (next?.wait && next.waitSince !== undefined && runsOut(next.wait, barrier.unexpected))
    return { wait: next.wait, waitSince: next.waitSince, ...optional("waitCode", next.waitCode) };
  return { wait: "obstacle", waitSince: (run.wait === "obstacle" ? run.waitSince : undefined) ?? seen.now };
}

function keptBack(turn: RunTurn, barrier: Barrier, run: Run, meanwhile = ""): Draft {
  const words = { reason: `${barrier.reason}${meanwhile}`, reasonCode: barrier.code, next: barrier.next };
  return draft(turn, { run, ...words });
}

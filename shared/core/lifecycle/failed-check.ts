/** Failed checks are counted; at the threshold the run is taken back. */
import { fullName, draft, withoutWait, type RunTurn, type Draft } from "../turn/turn.ts";
import { event } from "../turn/event-messages.ts";
import { haltWords } from "../analysis/verdict.ts";
import { reject } from "./end.ts";

/** `words`: what was found, in a clause. */
export function failedCheck(turn: RunTurn, words: string): Draft {
  const { run, seen, state, policy } = turn;
  const failedChecks = state.failedChecks + 1;
  const halted = event.warning(haltWords(fullName(seen), words));
  const counted: RunTurn = { ...turn, state: { ...state, failedChecks } };
  if (failedChecks >= policy.threshold) {
    const cause = `${failedChecks} failed check${failedChecks === 1 ? "" : "s"}, the last: ${words}`;
    const step = reject(counted, cause, event.thresholdReached(fullName(seen), failedChecks));
    return { ...step, events: [halted, ...step.events] };
  }
  return draft(
    counted,
    {
      phase: "Progressing",
      run: { ...withoutWait(run), checkAt: seen.now + policy.intervalMs },
      reason: `Check failed (${failedChecks} of ${policy.threshold}): ${words}.`,
      next: `rollback at ${policy.threshold} failed checks`,
    },
    { events: [halted], requeueAfterMs: policy.intervalMs },
  );
}

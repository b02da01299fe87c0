/** Failed checks are counted: of all metrics together up to the threshold, of one with a `failureLimit` up to that. Then the run is taken back. */
import { fullName, draft, withoutWait, type RunTurn, type Draft } from "../turn/turn.ts";
import { event } from "../turn/event-messages.ts";
import { deciding } from "../analysis/deciding.ts";
import { checkWords, haltWords } from "../analysis/verdict.ts";
import type { CheckStatus } from "../objects/canary-status.ts";
import { tallied } from "../turn/metric-failures.ts";
import { reject } from "./end.ts";

/** `words`: what was found, in a clause. */
export function failedCheck(turn: RunTurn, words: string): Draft {
  const { seen, state, policy } = turn;
  const failedChecks = state.failedChecks + 1;
  const counted: RunTurn = { ...turn, state: { ...state, failedChecks } };
  if (failedChecks >= policy.threshold) {
    const cause = `${timesFailed(failedChecks)}, the last: ${words}`;
    const step = reject(counted, cause, event.thresholdReached(fullName(seen), failedChecks));
    return { ...step, events: [halted(turn, words), ...step.events] };
  }
  const reason = `Check failed (${failedChecks} of ${policy.threshold}): ${words}.`;
  return stays(counted, words, { reason, next: `rollback at ${policy.threshold} failed checks` });
}

/** Some of `checks` that decide have failed. Those with a limit of their own count by themselves, and not with the others. */
export function failedMetrics(before: RunTurn, checks: readonly CheckStatus[]): Draft {
  const turn = tallied(before, checks);
  const failed = deciding(turn.state.checks).filter(({ outcome }) => outcome === "fail");
  const own = failed.filter(({ failureLimit }) => failureLimit !== undefined);
  const over = own.find(({ failures = 0, failureLimit = 0 }) => failures > failureLimit);
  if (over) return beyondLimit(turn, over);
  const shared = failed.find(({ failureLimit }) => failureLimit === undefined);
  if (shared) return failedCheck(turn, checkWords(shared));
  const [first] = own;
  return first ? withinLimit(turn, first) : draft(turn, {});
}

// --- internal ---

const timesFailed = (times: number): string => `${times} failed check${times === 1 ? "" : "s"}`;

const halted = ({ seen }: RunTurn, words: string): Draft["events"][number] =>
  event.warning(haltWords(fullName(seen), words));

function beyondLimit(turn: RunTurn, check: CheckStatus): Draft {
  const { metric, failures = 0, failureLimit = 0 } = check;
  const words = checkWords(check);
  const cause = `${timesFailed(failures)} of ${metric}, which may have ${failureLimit} (failureLimit), the last: ${words}`;
  const step = reject(turn, cause, event.rollingBack(fullName(turn.seen), cause));
  return { ...step, events: [halted(turn, words), ...step.events] };
}

function withinLimit(turn: RunTurn, check: CheckStatus): Draft {
  const { metric, failures = 0, failureLimit = 0 } = check;
  const words = checkWords(check);
  const reason = `Check failed (${failures} of the ${failureLimit} that ${metric} may have): ${words}.`;
  return stays(turn, words, { reason, next: `rollback at ${timesFailed(failureLimit + 1)} of ${metric}` });
}

function stays(turn: RunTurn, words: string, said: { reason: string; next: string }): Draft {
  const { run, seen, policy } = turn;
  return draft(
    turn,
    { phase: "Progressing", run: { ...withoutWait(run), checkAt: seen.now + policy.intervalMs }, ...said },
    { events: [halted(turn, words)], requeueAfterMs: policy.intervalMs },
  );
}

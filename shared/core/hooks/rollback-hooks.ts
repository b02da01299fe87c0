/** A `rollback` webhook that answers 2xx takes a run back that is being judged, whatever that waits for and whatever stands in its way. */
import { answerTo, hooksOfType } from "../gates/answers.ts";
import { hookTable } from "../gates/gate-types.ts";
import { rollbackSince } from "../gates/questions.ts";
import { reject } from "../lifecycle/end.ts";
import { event } from "../turn/event-messages.ts";
import { fullName, type Draft, type RunTurn, type Turn } from "../turn/turn.ts";

/** Undefined while none does. */
export function rollbackAsked(turn: Turn): Draft | undefined {
  const { run } = turn.state;
  if (!run || run.ending || (run.stage !== "scaling" && run.stage !== "analysing")) return undefined;
  const hook = hooksOfType(turn.policy, "rollback").find((one) => hasAsked({ ...turn, run }, one));
  if (!hook) return undefined;
  const step = reject({ ...turn, run }, `webhook ${hook.name} asked for a rollback`, rollingBack(turn));
  return { ...step, events: [event.warning(hookTable.rollback.passed(hook.name)), ...step.events] };
}

// --- internal ---

function hasAsked(turn: RunTurn, hook: Parameters<typeof answerTo>[0]): boolean {
  // A longer look back than it is asked again: an answer does not lose its force while the next one is awaited.
  const since = Math.max(turn.run.startedAt, rollbackSince(turn.run, turn) - turn.policy.intervalMs);
  return answerTo(hook, since, turn.seen)?.passed === true;
}

const rollingBack = ({ seen }: Turn): ReturnType<typeof event.warning> =>
  event.warning(`Rolling back ${fullName(seen)} manual webhook invoked`);

/** The end of an analysis: promotion, unless a person is to be waited for. */
import type { Draft, RunTurn } from "../turn/turn.ts";
import { promote } from "./promote.ts";
import { waitBecause, waitsForPerson } from "./wait.ts";

export function finishOrWait(turn: RunTurn, because: string): Draft {
  const waiting = waitsForPerson(turn);
  return waiting ? waitBecause(turn, waiting) : finishAnalysis(turn, because);
}

export function finishAnalysis(turn: RunTurn, because: string): Draft {
  const { run, seen } = turn;
  if (seen.target?.intent === run.intent && seen.target.held && !seen.target.pausedByUser) return promote(turn);
  const reason = `${because}, but Deployment ${seen.targetName} was paused by its user: it is not promoted.`;
  const next = `kubectl -n ${seen.namespace} rollout resume deploy ${seen.targetName}`;
  return waitBecause(turn, { cause: "paused-by-user", reason, next });
}

/** What a person asked for: each command is answered once, with what it did or why it could not. */
import type { Command } from "./canary.ts";
import { podsFor, readyCanaries } from "./capacity.ts";
import { formatImages, fullName, step, verbLine, type RunTurn, type Step, type Turn } from "./decision.ts";
import { event } from "./events.ts";
import { decisive } from "./judge.ts";
import { promote } from "./promote.ts";
import type { Run } from "./state.ts";
import { reject, restore } from "./unwind.ts";

/** A command that has not been answered yet, if there is one. */
export function pendingCommand({ state, seen }: Turn): Command | undefined {
  const { command } = seen;
  return command && command.id !== state.lastCommand?.id ? command : undefined;
}

export function steer(turn: Turn, command: Command): Step {
  const { run } = turn.state;
  const nothing = nothingToSteer(turn, command, run);
  if (nothing || !run) return refused(turn, command, nothing ?? "nothing is running.");
  const running: RunTurn = { ...turn, run };
  switch (command.verb) {
    case "promote":
      return promoteNow(running, command);
    case "rollback":
      return rollBackNow(running, command);
    default:
      return refused(turn, command, `this controller does not know how to ${command.verb}.`);
  }
}

// --- internal ---

function nothingToSteer({ state, seen }: Turn, command: Command, run: Run | undefined): string | undefined {
  const [last] = state.history;
  if (!run) {
    const before = last ? ` The last run, of ${formatImages(last.images)}, was ${last.outcome}.` : "";
    return `nothing is running: ${state.reason || `${seen.targetName} is not initialized.`}${before}`;
  }
  if (command.run !== undefined && command.run !== run.id)
    return `it was meant for run ${command.run}, but ${run.id} (${formatImages(run.images)}) is running now; look again: ${verbLine(seen, "status")}`;
  if (run.ending && run.ending.outcome !== "promoted") return `the run is being ended already: ${run.ending.cause}.`;
  return undefined;
}

function promoteNow(turn: RunTurn, command: Command): Step {
  const { run, seen } = turn;
  if (run.stage !== "scaling" && run.stage !== "analysing")
    return refused(turn, command, `${formatImages(run.images)} is being promoted already.`);
  const against = againstPromotion(turn, command.force ?? false);
  if (against) return refused(turn, command, against);
  const step = promote(turn, [
    event.normal(`Promotion of ${fullName(seen)} asked for by ${by(command)}${why(command)}`),
  ]);
  return answered(
    step,
    turn,
    command,
    `promoting ${formatImages(run.images)}: Deployment ${seen.targetName} rolls to it now.`,
  );
}

/** Why promotion is not safe to start now; `force` overrules doubt, never impossibility. */
function againstPromotion(turn: RunTurn, force: boolean): string | undefined {
  const { run, seen, state } = turn;
  if (seen.target?.intent !== run.intent || !seen.target.held)
    return `Deployment ${seen.targetName} no longer holds the version of this run.`;
  if (seen.target.pausedByUser)
    return `Deployment ${seen.targetName} was paused by its user: kubectl -n ${seen.namespace} rollout resume deploy ${seen.targetName} first.`;
  if (force) return undefined;
  const needed = Math.max(1, podsFor(state.weight, seen.target.replicas));
  const ready = readyCanaries(run, seen);
  if (ready < needed) return `the canary is not ready: ${ready} of ${needed} pods. --force promotes it all the same.`;
  const failed = decisive(state.checks);
  if (failed?.outcome === "fail") return `its last check failed: ${failed.message}. --force promotes it all the same.`;
  return undefined;
}

function rollBackNow(turn: RunTurn, command: Command): Step {
  const { run, seen } = turn;
  const cause = `rolled back by ${by(command)}${why(command)}`;
  const announcement = event.warning(`Rolling back ${fullName(seen)} manual command by ${by(command)}`);
  if (run.stage === "scaling" || run.stage === "analysing")
    return answered(
      reject(turn, cause, announcement),
      turn,
      command,
      `rolling back ${formatImages(run.images)}: all traffic goes to stable.`,
    );
  const words = `backing out of the promotion: Deployment ${seen.targetName} goes back to stable first, then all traffic.`;
  return answered(restore(turn, cause, announcement), turn, command, words);
}

function answered(step: Step, turn: Turn, command: Command, message: string): Step {
  const result = { id: command.id, verb: command.verb, by: by(command), accepted: true, message, at: turn.seen.now };
  return { ...step, next: { ...step.next, lastCommand: result }, requeueAfterMs: 0 };
}

function refused(turn: Turn, command: Command, why: string): Step {
  const message = `cannot ${command.verb}: ${why}`;
  const result = { id: command.id, verb: command.verb, by: by(command), accepted: false, message, at: turn.seen.now };
  return step(turn, { lastCommand: result }, { requeueAfterMs: 0 });
}

function by(command: Command): string {
  return command.by ?? "an unnamed user";
}

function why(command: Command): string {
  return command.reason ? ` (${command.reason})` : "";
}

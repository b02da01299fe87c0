/** What the answers to commands have in common. */
import type { Command } from "../objects/command.ts";
import type { Draft, RunTurn } from "../turn/turn.ts";

/** What was done, in words; or, as text, why it was not. */
export type Answer = { step: Draft; message: string } | string;

/** Who asked, for sentences. */
export function by(command: Command): string {
  return command.by ?? "an unnamed user";
}

/** ` (the reason given)`, or nothing. */
export function why(command: Command): string {
  return command.reason ? ` (${command.reason})` : "";
}

/** Why the target cannot be let go: what force does not overrule. */
export function notHeld({ run, seen }: RunTurn): string | undefined {
  if (seen.target?.intent !== run.intent || !seen.target.held)
    return `Deployment ${seen.targetName} no longer holds the version of this run.`;
  if (seen.target.pausedByUser)
    return `Deployment ${seen.targetName} was paused by its user: kubectl -n ${seen.namespace} rollout resume deploy ${seen.targetName} first.`;
  return undefined;
}

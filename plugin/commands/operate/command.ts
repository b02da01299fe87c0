/** A command as it is written into a Canary, and what is found there of others. Pure but for the command's random id. */
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { commandIn, printCommand } from "../../../shared/core/commands/codec.ts";
import type { Command, Verb } from "../../../shared/core/objects/command.ts";
import { annotation } from "../../../shared/core/objects/names.ts";
import type { Scope } from "../../context.ts";

export interface CommandArgs {
  verb: Verb;
  /** `promote` only: although the canary is not ready or its last check failed. */
  force?: boolean | undefined;
  /** `promote` only: 1-based. */
  toStep?: number | undefined;
  /** `pause` only: go on by itself after this duration. */
  pauseFor?: string | undefined;
  reason?: string | undefined;
  /** Id of the run that is meant, instead of the one that is seen. */
  ifRun?: string | undefined;
}

/** For the run that was seen, unless another is named; the order of the fields is what the API server's policy knows. */
export function commandFrom(args: CommandArgs, canary: Canary): Command {
  const run = args.ifRun ?? canary.status?.run?.id;
  return {
    id: crypto.randomUUID(),
    verb: args.verb,
    ...(run === undefined ? {} : { run }),
    ...(args.toStep === undefined ? {} : { toStep: args.toStep }),
    ...(args.pauseFor === undefined ? {} : { for: args.pauseFor }),
    ...(args.force ? { force: true } : {}),
    ...(args.reason ? { reason: args.reason } : {}),
  };
}

/** The command in the annotation, if the controller has not answered it. */
export function waitingCommand(canary: Canary): Command | undefined {
  const command = commandIn(canary);
  return command && command.id !== canary.status?.lastCommand?.id ? command : undefined;
}

/** What puts the command into the Canary, and into no later version of it than the one that was seen. */
export function commandPatch(command: Command, canary: Canary): unknown {
  const { resourceVersion } = canary.metadata;
  return { metadata: { resourceVersion, annotations: { [annotation.command]: printCommand(command) } } };
}

/** The plain kubectl command that takes a command back before the controller has read it. */
export function withdrawCommand(name: string, scope: Scope): string {
  return `kubectl annotate canaries.flagger.app ${name} ${annotation.command}- -n ${scope.namespace}${scope.clusterFlags}`;
}

/**
 * The verbs that steer: write what is wanted into the Canary, for the run that was seen, and wait for the controller's
 * word. No weight is touched here; what may be done is the controller's to decide.
 */
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { Command, Verb } from "../../../shared/core/objects/command.ts";
import { CanaryError, hasCode } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { canaryCommand } from "../../view/suggestions.ts";
import { awaitAnswer, type CommandResult } from "./await-reply.ts";
import { type CommandArgs, commandFrom, commandPatch, waitingCommand, withdrawCommand } from "./command.ts";
import { type Deps, exitCode, type Scope } from "../../context.ts";
import { missingPermission, Refusal } from "../../errors.ts";
import { findCanary } from "../../cluster/find-canary.ts";
import { relative } from "../../terminal/time.ts";
import { look } from "../../read/look.ts";
import { printable } from "../../terminal/style.ts";

export interface OperateArgs extends CommandArgs {
  name: string;
  /** How long to wait for the controller's answer. */
  timeoutMs: number;
}

export async function operate(args: OperateArgs, deps: Deps, scope: Scope): Promise<number> {
  const canary = await findCanary(args.name, deps, scope);
  const command = commandFrom(args, canary);
  const written = await write(command, canary, { deps, scope });
  const answer = await awaitAnswer(written, command, deps, args.timeoutMs);
  const name = canary.metadata.name ?? args.name;
  if (answer === "interrupted") {
    deps.stderr.write(`\nNot waiting any longer. The ${args.verb} stays written: the controller will carry it out.\n`);
    return exitCode.interrupted;
  }
  if (answer === "silence") throw await silence(args, name, { deps, scope });
  return report(answer, { verb: args.verb, name }, { deps, scope });
}

// --- internal ---

interface Context {
  deps: Deps;
  scope: Scope;
}

/** How often another writer may come first; a controller that writes its status each second comes first rarely. */
const mostConflicts = 20;

/** The same command is written over a newer version of the Canary: the run that it names was seen before, not after. */
async function write(command: Command, seen: Canary, { deps, scope }: Context): Promise<Canary> {
  const at = { name: seen.metadata.name ?? "", namespace: seen.metadata.namespace ?? scope.namespace };
  let canary = seen;
  for (let conflicts = 0; ; conflicts++) {
    refuseOverRollback(command, canary, scope);
    try {
      return await deps.cluster.patch<Canary>(resource.canaries, at, {
        type: "merge",
        body: commandPatch(command, canary),
      });
    } catch (error) {
      const permission = missingPermission(error);
      if (permission) throw new Refusal(`You may not ${command.verb}: ${permission}.`);
      if (!hasCode(error, "Conflict") || conflicts >= mostConflicts) throw error;
      canary = await deps.cluster.get<Canary>(resource.canaries, at);
    }
  }
}

/** A rollback that somebody asked for a moment ago must not vanish under anything else. */
function refuseOverRollback(command: Command, canary: Canary, scope: Scope): void {
  const waiting = waitingCommand(canary);
  if (command.verb === "rollback" || waiting?.verb !== "rollback") return;
  const by = waiting.by ? ` by ${printable(waiting.by)}` : "";
  throw new Refusal(
    `A rollback has been asked for${by} and not been carried out yet: it goes first. To withdraw it:\n  ${withdrawCommand(canary.metadata.name ?? "", scope)}`,
  );
}

function report(answer: CommandResult, { verb, name }: { verb: Verb; name: string }, { deps, scope }: Context): number {
  const message = printable(answer.message);
  if (!answer.accepted) throw new Refusal(message || `${verb} was refused, without a reason.`);
  deps.stdout.write(`${name}: ${message || `${verb} accepted`}\n`);
  deps.stderr.write(`Follow it: ${canaryCommand("watch", name, scope)}\n`);
  return exitCode.ok;
}

/** Whatever cannot be read now: that the command is written must be said. */
async function silence(args: OperateArgs, name: string, context: Context): Promise<Refusal> {
  try {
    return await silenceSeen(args, name, context);
  } catch (error) {
    if (!(error instanceof CanaryError)) throw error;
    return new Refusal(
      `${error.message} The ${args.verb} was written before that and will be carried out when the controller reads it${withdraw(args.verb, name, context.scope)}`,
    );
  }
}

async function silenceSeen(args: OperateArgs, name: string, { deps, scope }: Context): Promise<Refusal> {
  const canary = await deps.cluster.get<Canary>(resource.canaries, { name, namespace: scope.namespace });
  const { view, now } = await look(canary, deps, scope);
  const stays = `The ${args.verb} stays written and will be carried out when it answers${withdraw(args.verb, name, scope)}`;
  if (view.controller.state !== "silent" || !view.controller.renewedAt) {
    const pods = `kubectl get pods -n ${scope.controllerNamespace}${scope.clusterFlags}`;
    return new Refusal(
      `The controller has not answered within ${args.timeoutMs / 1_000}s. ${stays}\nLook at it with:\n  ${pods}`,
    );
  }
  const since = `The controller has been silent since ${view.controller.renewedAt} (${relative(view.controller.renewedAt, now)}).`;
  const byHand = view.drainCommand ? `\nTo give stable every request now, by hand:\n  ${view.drainCommand}` : "";
  return new Refusal(`${since} ${stays}${byHand}`);
}

function withdraw(verb: Verb, name: string, scope: Scope): string {
  return verb === "rollback" ? "." : `; to withdraw it:\n  ${withdrawCommand(name, scope)}`;
}

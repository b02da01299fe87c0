/** `undo NAME --to VERSION --now`: when the run of that version has begun, the controller is asked to let it out at once. */
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { CanaryStatus, RunStatus } from "../../../shared/core/objects/canary-status.ts";
import { hasCode } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { Trigger } from "../../cluster/change-watcher.ts";
import { type Deps, exitCode, type Scope } from "../../context.ts";
import { missingPermission, Refusal } from "../../errors.ts";
import { printable } from "../../terminal/style.ts";
import { canaryCommand } from "../../view/suggestions.ts";
import { commandFrom, commandPatch } from "../operate/command.ts";
import { operate } from "../operate/operate.ts";

export interface NowArgs {
  name: string;
  /** As it was typed. */
  to: string;
  /** Hash of the version's template. */
  intent: string;
  reason?: string | undefined;
  /** For the run to begin, and again for the controller's answer. */
  timeoutMs: number;
}

/** Asked before anything is written: a version that is set, and then may not go out at once, would be judged instead. */
export async function rehearseNow(canary: Canary, deps: Deps): Promise<void> {
  const at = { name: canary.metadata.name ?? "", namespace: canary.metadata.namespace ?? "" };
  const { metadata } = commandPatch(commandFrom({ verb: "undo-now" }, canary), canary) as { metadata: object };
  const body = { metadata: { ...metadata, resourceVersion: undefined } };
  try {
    await deps.cluster.patch<Canary>(resource.canaries, at, { type: "merge", body, dryRun: true });
  } catch (error) {
    const permission = missingPermission(error);
    if (permission) throw new Refusal(`You may not undo at once: ${permission}.`);
    throw error;
  }
}

export async function letOutNow(args: NowArgs, deps: Deps, scope: Scope): Promise<number> {
  const run = await runOf(args, deps, scope);
  if (run === "interrupted") return exitCode.interrupted;
  if (run === "over" || run.back) {
    const how = run === "over" ? "went" : "goes";
    deps.stdout.write(`${args.name}: it ${how} out at once, within the Canary's own rollbackWindow.\n`);
    deps.stderr.write(`Follow it: ${canaryCommand("watch", args.name, scope)}\n`);
    return exitCode.ok;
  }
  const { name, reason, timeoutMs } = args;
  return operate({ verb: "undo-now", name, ifRun: run.id, reason, timeoutMs }, deps, scope);
}

// --- internal ---

/** A watch may be refused: then it is read again. */
const rereadMs = 1_000;

type Found = RunStatus | "over";

async function runOf(args: NowArgs, deps: Deps, scope: Scope): Promise<Found | "interrupted"> {
  const at = { name: args.name, namespace: scope.namespace };
  const trigger = new Trigger(deps);
  trigger.follow(resource.canaries, { namespace: at.namespace, fieldSelector: `metadata.name=${at.name}` });
  const deadline = deps.timers.now() + args.timeoutMs;
  try {
    for (;;) {
      const { status = {} } = await deps.cluster.get<Canary>(resource.canaries, at);
      const found = runIn(status, args.intent);
      if (found) return found;
      if (deps.signal.aborted) return "interrupted";
      const left = deadline - deps.timers.now();
      if (left <= 0) throw noRun(args, status, scope);
      await trigger.next(Math.min(left, rereadMs));
    }
  } catch (error) {
    if (hasCode(error, "NotFound")) throw new Refusal(`Canary "${args.name}" was deleted.`, exitCode.notFound);
    throw error;
  } finally {
    await trigger.stop();
  }
}

/** Between two looks a whole run may go by, if it goes back by itself. */
function runIn({ run, stable }: CanaryStatus, intent: string): Found | undefined {
  if (run) return run.intent === intent ? run : undefined;
  return stable?.hash === intent ? "over" : undefined;
}

function noRun({ name, to, timeoutMs }: NowArgs, { reason }: CanaryStatus, scope: Scope): Refusal {
  const why = reason === undefined ? "" : ` ${printable(reason)}`;
  const again = canaryCommand(`undo`, name, scope);
  return new Refusal(
    `The Deployment is set to it and held, but no run of it has begun within ${timeoutMs / 1_000}s.${why}\nAsk again when that is over:\n  ${again} --to ${to} --now`,
  );
}

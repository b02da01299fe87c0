/** Waits for the controller's answer to a command. */
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { CanaryStatus } from "../../../shared/core/objects/canary-status.ts";
import { commandIn } from "../../../shared/core/commands/codec.ts";
import type { Command } from "../../../shared/core/objects/command.ts";
import { deadline, pause } from "../../../shared/kube/clock.ts";
import { CanaryError, hasCode } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import type { Deps } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { printable } from "../../terminal/style.ts";

export type CommandResult = NonNullable<CanaryStatus["lastCommand"]>;
export type Answer = CommandResult | "silence" | "interrupted";

/**
 * `written` is the Canary as the patch returned it: watching from there, no version of it is missed, not even when the
 * controller is at once given the next command.
 */
export async function awaitAnswer(written: Canary, command: Command, deps: Deps, timeoutMs: number): Promise<Answer> {
  const { signal, cancel } = deadline(deps.timers, timeoutMs);
  try {
    return await answerBefore(AbortSignal.any([deps.signal, signal]), { written, command, deps });
  } finally {
    cancel();
  }
}

// --- internal ---

interface Asked {
  written: Canary;
  command: Command;
  deps: Deps;
}

async function answerBefore(signal: AbortSignal, { written, command, deps }: Asked): Promise<Answer> {
  let canary = written;
  while (!signal.aborted) {
    const answer = await watchFrom(canary, command, deps, signal);
    if (answer) return answer;
    const again = signal.aborted ? undefined : await lookAgain(canary, deps, signal);
    if (!again) continue;
    canary = again;
    const found = answerIn(canary, command, { gap: true });
    if (found) return found;
  }
  return deps.signal.aborted ? "interrupted" : "silence";
}

/** Undefined when the watch ended or could not be opened: try again. */
async function watchFrom(
  canary: Canary,
  command: Command,
  deps: Deps,
  signal: AbortSignal,
): Promise<CommandResult | undefined> {
  const { name = "", namespace = "", resourceVersion = "" } = canary.metadata;
  const query = { namespace, fieldSelector: `metadata.name=${name}`, resourceVersion };
  try {
    for await (const event of deps.cluster.watch<Canary>(resource.canaries, query, signal)) {
      if (event.type === "DELETED") throw new Refusal(`Canary "${name}" was deleted before the controller answered.`);
      const answer = event.type === "BOOKMARK" ? undefined : answerIn(event.object, command, { gap: false });
      if (answer) return answer;
    }
  } catch (error) {
    if (!mayPass(error)) throw error;
  }
  return undefined;
}

const lookAgainMs = 500;

/** After a pause, for the API server may be restarting; undefined if it cannot be asked just now. */
async function lookAgain(canary: Canary, deps: Deps, signal: AbortSignal): Promise<Canary | undefined> {
  const { name = "", namespace = "" } = canary.metadata;
  await pause(deps.timers, lookAgainMs, signal);
  try {
    return await deps.cluster.get<Canary>(resource.canaries, { name, namespace });
  } catch (error) {
    if (!mayPass(error)) throw error;
    return undefined;
  }
}

/** Without permission to watch, the Canary is read again and again. */
function mayPass(error: unknown): boolean {
  return hasCode(error, "Forbidden") || (error instanceof CanaryError && error.retry);
}

/** After a `gap` in what was seen, another command may have come before the answer, or after it. */
function answerIn(canary: Canary, command: Command, { gap }: { gap: boolean }): CommandResult | undefined {
  const last = canary.status?.lastCommand;
  if (last?.id === command.id) return last;
  const written = commandIn(canary);
  if (written?.id === command.id) return undefined;
  const by = written ? `${whose(written)} took its place` : "it was taken out of the Canary";
  const end = gap ? "; whether the controller had read it before is not known." : " before the controller had read it.";
  throw new Refusal(`The ${command.verb} was not answered: ${by}${end}`);
}

function whose({ verb, by }: Command): string {
  const what = printable(String(verb));
  return by ? `the ${what} of ${printable(by)}` : `another command, ${what},`;
}

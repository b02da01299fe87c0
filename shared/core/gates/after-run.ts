/** A run that is over is told to the `post-rollout` webhooks. Whatever they answer, and whether they do, nothing waits for it. */
import type { EventText } from "../action.ts";
import type { Observation } from "../observation.ts";
import type { Hook } from "../spec/hooks.ts";
import type { Policy } from "../spec/policy.ts";
import type { AfterRun, CanaryState, Run, RunOutcome } from "../state.ts";
import { event } from "../turn/event-messages.ts";
import { askedInTurn, hooksOfType } from "./answers.ts";
import { hookTable } from "./gate-types.ts";

/** Undefined where nobody is to be told: a run that another one replaces is not over for its users. */
export function afterRunOf(run: Run, outcome: RunOutcome, now: number, policy: Policy): AfterRun | undefined {
  if (outcome === "superseded" || hooksOfType(policy, "post-rollout").length === 0) return undefined;
  return { run: run.id, phase: outcome === "promoted" ? "Succeeded" : "Failed", at: now };
}

/** What is left to be told, and what is said of those who have been. */
export function told(
  state: CanaryState,
  seen: Observation,
  policy: Policy,
): { state: CanaryState; events: EventText[] } {
  const { afterRun, ...rest } = state;
  if (!afterRun) return { state, events: [] };
  const asked = askedInTurn(hooksOfType(policy, "post-rollout"), afterRun.at, seen);
  if (asked.outcome === "awaited") return { state, events: [] };
  if (asked.outcome === "passed") return { state: rest, events: asked.hooks.map(passed) };
  const { hook, answer, before } = asked;
  const failed = event.warning(hookTable[hook.type].refused(hook.name, answer.what));
  return { state: rest, events: [...before.map(passed), failed] };
}

// --- internal ---

const passed = ({ type, name }: Hook): EventText => event.normal(hookTable[type].passed(name));

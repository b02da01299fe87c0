/**
 * What webhooks are to be asked, derived from the state alone: whoever takes over asks again what has no answer yet, and nothing that a
 * run has behind it.
 */
import type { Question } from "../action.ts";
import type { HookType } from "../objects/hook-types.ts";
import type { Observation } from "../observation.ts";
import type { Hook } from "../spec/hooks.ts";
import type { Policy } from "../spec/policy.ts";
import type { CanaryState, Phase, Run } from "../state.ts";
import { askedInTurn, closedHooks, hooksOfType } from "./answers.ts";

export function questionsFor(next: CanaryState, seen: Observation, policy: Policy): Question[] {
  if (policy.hooks.length === 0) return [];
  const { run } = next;
  return [...(run ? duringRun(run, next, { seen, policy }) : []), ...afterRun(next, seen, policy)];
}

// --- internal ---

interface Given {
  seen: Observation;
  policy: Policy;
}

function duringRun(run: Run, { phase }: CanaryState, { seen, policy }: Given): Question[] {
  const isJudging = run.stage === "scaling" || run.stage === "analysing";
  if (!isJudging || run.ending) return [];
  // Flagger tells these three where the run stands, and the others that it progresses.
  const rollback = hooksOfType(policy, "rollback").map((hook): Question => ({
    hook,
    since: rollbackSince(run, { seen, policy }),
    run: run.id,
    phase,
  }));
  return [...rollback, ...atGate(run, { seen, policy }, phase), ...atCheck(run, { seen, policy })];
}

/** Once every interval, and at once when a run begins. */
export function rollbackSince(run: Run, { seen, policy }: Given): number {
  return Math.max(run.startedAt, seen.now - policy.intervalMs);
}

function atGate(run: Run, { seen, policy }: Given, phase: Phase): Question[] {
  const { gate } = run;
  if (!gate || gate.type === "pause" || seen.now < gate.askAt) return [];
  const hook = closedHooks(run, policy, gate.type, stepAhead(run))[0];
  return hook ? [{ hook, since: gate.askAt, run: run.id, phase: phaseFor(gate.type, phase) }] : [];
}

function phaseFor(type: HookType, phase: Phase): Phase {
  return type === "confirm-rollout" ? phase : "Progressing";
}

/** Index of the step whose weight is given next: while pods are awaited the present one. */
export function stepAhead({ stage, step }: Run): number {
  return stage === "scaling" ? step : step + 1;
}

function atCheck({ id, stage, hooksAt }: Run, { seen, policy }: Given): Question[] {
  if (stage !== "analysing" || hooksAt === undefined) return [];
  return inTurn(hooksOfType(policy, "rollout"), hooksAt, seen).map((hook) => ({
    hook,
    since: hooksAt,
    run: id,
    phase: "Progressing",
  }));
}

function afterRun({ afterRun: over }: CanaryState, seen: Observation, policy: Policy): Question[] {
  if (!over) return [];
  const { at: since, run, phase } = over;
  return inTurn(hooksOfType(policy, "post-rollout"), since, seen).map((hook) => ({ hook, since, run, phase }));
}

/** The one whose turn it is. */
function inTurn(hooks: readonly Hook[], since: number, seen: Observation): Hook[] {
  const asked = askedInTurn(hooks, since, seen);
  return asked.outcome === "awaited" ? [asked.hook] : [];
}

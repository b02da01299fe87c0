/** A step begins: its weight is given, or in an iteration none, and its checks are due an interval later. */
import type { EventText } from "../action.ts";
import { optional } from "../format/compact.ts";
import type { Run } from "../state.ts";
import { event } from "../turn/event-messages.ts";
import { iterationOf, stepName } from "../turn/step-words.ts";
import { readinessWords, weightCarried, type StepPods } from "./step-pods.ts";
import {
  draft,
  formatImages,
  fullName,
  fullTarget,
  ungated,
  withoutWait,
  type Draft,
  type RunTurn,
} from "../turn/turn.ts";

/** `passage`: the run with the gates behind it that it came to, and the Events of that. */
export function give(turn: RunTurn, pods: StepPods, passage: { run: Run; events: EventText[] }): Draft {
  const { run, seen, state, policy } = turn;
  const weight = weightCarried(turn, pods);
  const given = Math.min(weight, run.ceiling ?? weight);
  const isFirst = run.step === 0 && state.checks.length === 0 && state.weight === 0;
  const checkAt = seen.now + policy.intervalMs;
  const { paused: _over, only: _before, ...rest } = ungated(withoutWait(passage.run));
  const only = policy.strategy.kind === "ab-testing" ? policy.strategy.matches : undefined;
  const timing = { stageAt: seen.now, checkAt, givenFor: pods.full };
  const analysed: Run = { ...rest, stage: "analysing", ...timing, ...optional("only", only) };
  const events = [...passage.events, beginning(turn, given)];
  if (isFirst) events.unshift(event.starting(fullTarget(seen)));
  return draft(
    turn,
    {
      phase: "Progressing",
      weight: given,
      run: analysed,
      reason: `${formatImages(run.images)} ${whatItGets(turn, pods, given)}${readinessWords(pods)}.${uncountedWords(turn)}`,
      next: nextWords(turn, run.step + 1),
    },
    { events, requeueAfterMs: policy.intervalMs },
  );
}

// --- internal ---

/** Flagger's words for each strategy. */
function beginning({ run, seen, policy }: RunTurn, weight: number): EventText {
  const iteration = iterationOf(policy, run.step);
  if (iteration) return event.advanceIteration(fullName(seen), iteration);
  return policy.strategy.kind === "canary" ? event.advance(fullName(seen), weight) : event.routingToCanary();
}

function whatItGets({ run, seen, policy }: RunTurn, { ready }: StepPods, weight: number): string {
  const iteration = iterationOf(policy, run.step);
  if (iteration && policy.strategy.kind === "ab-testing")
    return `${matchedWords(weight)} (iteration ${iteration.index} of ${iteration.of})`;
  if (iteration) return `is checked before any user is on it (iteration ${iteration.index} of ${iteration.of})`;
  const stables = `${seen.target?.replicas ?? 1} pods of stable`;
  const share = seen.route?.isAbsent ? `runs in ${ready} beside the ${stables}` : `gets ${weight}% of traffic`;
  return `${share} (step ${run.step + 1} of ${policy.weights.length})`;
}

function uncountedWords({ policy }: RunTurn): string {
  if (policy.countsRequests) return "";
  return " Requests are not counted (analysis.requests): own queries and readiness judge it.";
}

function matchedWords(weight: number): string {
  return weight === 100 ? "gets every request that matches" : `gets ${weight}% of the requests that match`;
}

function nextWords({ policy }: RunTurn, step: number): string {
  return step < policy.weights.length ? `${stepName(policy, step)} if the checks pass` : "promotion if the checks pass";
}

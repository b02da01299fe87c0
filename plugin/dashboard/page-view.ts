/** All that the page of one Canary shows, out of what was read. Pure. */
import type { Canary } from "../../shared/core/objects/canary.ts";
import { leastStepsMs } from "../../shared/core/spec/hooks.ts";
import { parsePolicy, type Policy } from "../../shared/core/spec/policy.ts";
import { viewComparison } from "../commands/explain/compared.ts";
import type { EventView } from "../commands/events.ts";
import { viewHistory } from "../commands/history.ts";
import type { Scope } from "../context.ts";
import type { CanaryView } from "../view/types.ts";
import { offeredActions } from "./consequences.ts";
import type { PageView, SeriesView, StepView } from "./types.ts";

export interface Known {
  canary: Canary;
  view: CanaryView;
  series: SeriesView;
  /** Oldest first; a sentence where they may not be read. */
  events: EventView[] | string;
}

const mostRuns = 20;
const mostEvents = 50;

export function viewPage({ canary, view, series, events }: Known, scope: Scope): PageView {
  const isRefused = typeof events === "string";
  return {
    canary: view,
    series,
    steps: viewSteps(canary, view),
    compared: viewComparison(canary),
    history: viewHistory(canary, mostRuns).items,
    events: isRefused ? [] : events.slice(-mostEvents).reverse(),
    eventsRefused: isRefused ? events : null,
    actions: offeredActions(view, scope),
  };
}

/** None where the spec cannot be read. */
export function viewSteps({ spec }: Canary, { run }: CanaryView): StepView[] {
  const parsed = parsePolicy(spec);
  if (!parsed.ok) return [];
  const { weights } = parsed.policy;
  const present = run ? presentStep(run) : 0;
  const starts = run?.eta ? startsOf(parsed.policy, Date.parse(run.eta.earliestAt)) : [];
  return weights.map((weightPercent, index): StepView => {
    const number = index + 1;
    const state = stateOf(number, present);
    const at = state === "ahead" ? starts[index] : undefined;
    return { number, weightPercent, state, earliestAt: at === undefined ? null : new Date(at).toISOString() };
  });
}

// --- internal ---

/** The last step ends at the earliest end; each one before it by the time of the next one earlier. */
function startsOf(policy: Policy, endsAt: number): number[] {
  let at = endsAt;
  return leastStepsMs(policy, policy.weights)
    .reverse()
    .map((leastMs) => (at -= leastMs))
    .reverse();
}

/** Behind the last step while it is being promoted; 0 when there is no run. */
function presentStep({ stage, step, steps }: NonNullable<CanaryView["run"]>): number {
  return stage === "promoting" || stage === "returning" ? steps + 1 : step;
}

function stateOf(number: number, present: number): StepView["state"] {
  if (number === present) return "current";
  return number < present ? "done" : "ahead";
}

import { weightsOf } from "../../../shared/core/spec/strategy.ts";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { CanaryView } from "../../view/types.ts";
import { weightNow } from "../../view/headline.ts";
import type { Finding } from "../doctor/facts.ts";
import type { EventView } from "../events.ts";
import { viewComparison, type TestView } from "./compared.ts";
import { type Cause, type CauseCode, explainCause } from "./cause.ts";

export interface ExplainView {
  apiVersion: "kubectl-canary/v1";
  kind: "ExplainView";
  cause: Cause;
  weight: {
    /** What the controller means it to be. */
    meantPercent: number;
    /** What the route says; null where it cannot be read. */
    routePercent: number | null;
    /** Share of users' requests that the canary really got since the weight moved; null until that is known. */
    measuredPercent: number | null;
    measuredRequests: number | null;
  };
  /** Weights of all steps, in order. */
  stepWeightsPercent: number[];
  /** What `doctor` finds broken where it does not move; null where it finds nothing, or was not asked. */
  found: Finding | null;
  /** The tests of the run under way against the primary; none before its first traffic. */
  compared: TestView[];
  /** The last that the controller said, oldest first. */
  events: EventView[];
  canary: CanaryView;
}

/** Also what waits for pods or to be initialized may wait for ever. */
export function isStuck({ code, moving }: Cause): boolean {
  const personal: readonly CauseCode[] = [
    "rejected",
    "unvetted",
    "paused",
    "paused-by-user",
    "lowered-by-hand",
    "client-errors",
  ];
  return moving ? code === "pods-not-ready" || code === "initializing" : !personal.includes(code);
}

/** Of the requests since the weight moved: those of an earlier weight say nothing about this one. */
export function measuredShare({
  run,
}: CanaryView): Pick<ExplainView["weight"], "measuredPercent" | "measuredRequests"> {
  const { share = null } = run ?? {};
  if (!share) return { measuredPercent: null, measuredRequests: null };
  return { measuredPercent: Math.round((share.canary / share.all) * 1_000) / 10, measuredRequests: share.all };
}

export function viewExplanation(canary: Canary, view: CanaryView, events: readonly EventView[]): ExplainView {
  const { analysis = {}, suspend = false } = canary.spec;
  return {
    apiVersion: "kubectl-canary/v1",
    kind: "ExplainView",
    cause: explainCause(view, { suspend, minRequests: analysis.minRequests ?? 1 }),
    weight: {
      meantPercent: view.canaryWeightPercent,
      routePercent: view.route ? weightNow(view) : null,
      ...measuredShare(view),
    },
    stepWeightsPercent: weightsOf(analysis),
    found: null,
    compared: viewComparison(canary),
    events: events.slice(-mostEvents),
    canary: view,
  };
}

/** Events to show. */
export const mostEvents = 6;

/** What is asked of Prometheus for a check: first the requests, and by them how far each metric has to look back. Pure. */
import { windowSeconds } from "../../shared/core/queries/queries.ts";
import { builtIn, isBuiltIn } from "../../shared/core/analysis/verdict.ts";
import { requestsOver } from "./builtin-metrics.ts";
import { canaryTrack } from "./track-rows.ts";
import type { Answers, EvidenceRequest, Planned } from "./types.ts";
import { shownWindow, widened } from "../../shared/core/queries/windows.ts";

export interface Plan {
  /** The window of what status shows, in seconds. */
  shown: number;
  metrics: readonly Planned[];
}

/** Every metric over its own window; undefined where its interval cannot be read. */
export function planOf({ metrics }: EvidenceRequest): Plan {
  return {
    shown: shownWindow(metrics),
    metrics: metrics.map((spec) => ({ spec, window: windowSeconds(spec.interval) })),
  };
}

/** The plan with a longer window where `requests` shows too few in the metric's own, and the step is old enough at `now`, ms. */
export function widenedPlan(
  plan: Plan,
  request: EvidenceRequest,
  { requests, now }: Pick<Answers, "requests"> & { now: number },
): Plan {
  const stepSeconds = request.weight === undefined ? 0 : (now - request.notBefore) / 1_000;
  const metrics = plan.metrics.map(({ spec, window }): Planned => {
    if (window === undefined) return { spec, window };
    const came = Math.round(requestsOver({ requests }, canaryTrack(request), window)?.requests ?? 0);
    return { spec, window: came < minimumOf(request) ? widened(window, stepSeconds) : window };
  });
  return { ...plan, metrics };
}

/** Windows that requests are asked over, each once. */
export function requestWindows({ shown, metrics }: Plan): number[] {
  return [...new Set([shown, ...metrics.flatMap(({ window }) => window ?? [])])];
}

/** Windows that latencies are asked over, each once. */
export function latencyWindows({ shown, metrics }: Plan): number[] {
  const slow = metrics.filter(({ spec }) => isBuiltIn(spec) && spec.name === builtIn.duration);
  return [...new Set([shown, ...slow.flatMap(({ window }) => window ?? [])])];
}

/** Fewer users' requests than this are no evidence. */
export function minimumOf({ minRequests }: EvidenceRequest): number {
  return Math.max(1, minRequests ?? 1);
}

/**
 * Load that grows while a canary carries part of it. Stable keeps its floor, so its autoscaler asks for no more until stable's share alone is
 * too much: what all traffic needs by then is known from what stable's pods do, and from how many requests there are.
 */
import type { AutoscalerSeen } from "../objects/scaling/autoscaler.ts";
import type { MetricsSeen } from "../observation.ts";
import type { LoadBaseline } from "../objects/scaling/floor-status.ts";

/** Requests of both tracks as they are counted now, beside `replicas` of the target; undefined where they are not known. */
export function baselineOf(metrics: MetricsSeen | undefined, replicas: number): LoadBaseline | undefined {
  if (!metrics?.ok) return undefined;
  const requests = metrics.primary.requests + metrics.canary.requests;
  return { requests, seconds: metrics.windowSeconds, replicas };
}

/**
 * Replicas that all traffic needs by now, unrounded, where the canary has `weight`; 0 where nothing says that the load grew. The least of what stable's
 * pods do (whatever else they do grows with it), what the growth of requests comes to, and what the autoscaler may give.
 */
export function grownReplicas(
  baseline: LoadBaseline | undefined,
  weight: number,
  { metrics, autoscaler }: { metrics?: MetricsSeen; autoscaler?: AutoscalerSeen },
): number {
  const now = baselineOf(metrics, 0);
  if (!baseline || !now || autoscaler?.load === undefined || weight >= 100) return 0;
  const byWork = autoscaler.load / Math.max(1 - weight / 100, stablesShare(metrics));
  const byRequests = baseline.replicas * growth(baseline, now);
  return Math.min(byWork, byRequests, autoscaler.maxReplicas);
}

// --- internal ---

/** Of the requests that were counted. What an autoscaler has measured is older than a weight that was just raised, as they are. */
function stablesShare(metrics: MetricsSeen | undefined): number {
  if (!metrics?.ok) return 0;
  const { primary, canary } = metrics;
  return primary.requests / Math.max(1, primary.requests + canary.requests);
}

type Counted = Pick<LoadBaseline, "requests" | "seconds">;

/** At least by this factor: one standard deviation of either count is left to chance. */
function growth(before: Counted, now: Counted): number {
  const most = (before.requests + Math.sqrt(before.requests) + 1) / before.seconds;
  const least = Math.max(0, now.requests - Math.sqrt(now.requests)) / now.seconds;
  return least / most;
}

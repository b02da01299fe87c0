/** What the measurements of a check leave in the state: each track's live numbers, the checks, callers that must be restarted. */
import { readyCanaries } from "./capacity.ts";
import { withFailures } from "./metric-failures.ts";
import type { RunTurn } from "./turn.ts";
import type { CanaryState, Tracks, TrendPoint } from "../state.ts";
import type { TrackStatus, TrendNumbers } from "../objects/canary-status.ts";
import type { MetricsSeen } from "../observation.ts";
import { disagreementWords } from "../analysis/user-requests.ts";
import type { StaleCaller } from "../format/restart-command.ts";
import { canaryLeaf, canaryName, primaryLeaf } from "../objects/names.ts";

/** Metrics as they are when Prometheus has answered. */
export type Measured = Extract<MetricsSeen, { ok: true }>;

export function measurements(
  metrics: Measured,
  { seen, state, run, policy }: RunTurn,
): Pick<CanaryState, "checks" | "tracks" | "trend" | "staleCallers"> {
  // Nothing was measured that could be shown.
  const checks = withFailures(metrics.checks, run);
  if (!policy.countsRequests) return { checks, staleCallers: [] };
  const primary = {
    workload: seen.targetName,
    replicas: seen.target?.replicas ?? 0,
    ready: seen.endpoints.primary.ready,
    weightPercent: 100 - state.weight,
  };
  const canary = {
    workload: canaryName(seen.targetName),
    replicas: seen.workload?.replicas ?? 0,
    ready: readyCanaries(run, seen),
    weightPercent: state.weight,
  };
  const tracks = {
    at: metrics.askedAt,
    windowSeconds: metrics.windowSeconds,
    primary: trackOf(primaryLeaf(seen.apexName), metrics.primary, primary),
    canary: trackOf(canaryLeaf(seen.apexName), metrics.canary, canary),
  };
  return {
    checks,
    staleCallers: together(metrics.staleCallers, seen.counters?.share?.stale ?? []),
    tracks,
    trend: continued(state.trend ?? [], tracks),
  };
}

/** How many checks of a run are remembered: what fits into a line, and into a status. */
export const trendLength = 24;

// --- internal ---

interface TrackSizes {
  workload: string;
  replicas: number;
  ready: number;
  weightPercent: number;
}

function trackOf(name: string, of: Measured["primary"], { workload, ...sizes }: TrackSizes): TrackStatus {
  return {
    name,
    ...sizes,
    successPercent: of.requests > 0 ? (100 * (of.requests - of.failures)) / of.requests : null,
    requestsPerSecond: of.requests > 0 ? of.requestsPerSecond : null,
    latencyMsP50: of.latencyMs.p50,
    latencyMsP95: of.latencyMs.p95,
    latencyMsP99: of.latencyMs.p99,
    requests: of.requests,
    failures: of.failures,
    clientErrors: of.clientErrors,
    denied: of.denied,
    unanswered: of.unanswered,
    attempts: of.attempts,
    countedBy: of.countedBy,
    ...(of.disagreement === undefined ? {} : { disagreement: disagreementWords(of.disagreement, workload) }),
  };
}

/** An answer that was taken in before is no other point. */
function continued(before: readonly TrendPoint[], { at, primary, canary }: Tracks): TrendPoint[] {
  const earlier = before.filter((point) => point.at !== at);
  return [...earlier, { at, primary: inShort(primary), canary: inShort(canary) }].slice(-trendLength);
}

function inShort({ successPercent, latencyMsP99 }: TrackStatus): TrendNumbers {
  return {
    ...(successPercent === null ? {} : { successPercent: Math.round(1_000 * successPercent) / 1_000 }),
    ...(latencyMsP99 === null ? {} : { latencyMsP99: Math.round(latencyMsP99) }),
  };
}

/** Those that the share shows are named whether or not the run waits for them. */
function together(found: readonly StaleCaller[], measured: readonly StaleCaller[]): StaleCaller[] {
  const more = measured.filter(({ pod }) => !found.some((one) => one.pod === pod));
  return [...found, ...more.map(({ pod, workload }) => ({ pod, ...(workload === undefined ? {} : { workload }) }))];
}

/** What the measurements of a check leave in the state: each track's live numbers, the checks, callers that must be restarted. */
import { readyCanaries } from "./capacity.ts";
import type { RunTurn } from "./turn.ts";
import type { CanaryState } from "../state.ts";
import type { MetricsSeen } from "../observation.ts";
import { disagreementWords } from "../analysis/user-requests.ts";
import type { StaleCaller } from "../format/restart-command.ts";
import { canaryName } from "../objects/names.ts";

/** Metrics as they are when Prometheus has answered. */
export type Measured = Extract<MetricsSeen, { ok: true }>;

export function measurements(
  metrics: Measured,
  { seen, state, run }: RunTurn,
): Pick<CanaryState, "checks" | "tracks" | "staleCallers"> {
  const replicas = seen.target?.replicas ?? 0;
  const track = (
    name: string,
    of: Measured["primary"],
    { workload, ...sizes }: { workload: string; replicas: number; ready: number; weightPercent: number },
  ) => ({
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
  });
  const primary = {
    workload: seen.targetName,
    replicas,
    ready: seen.endpoints.primary.ready,
    weightPercent: 100 - state.weight,
  };
  const canary = {
    workload: canaryName(seen.targetName),
    replicas: seen.workload?.replicas ?? 0,
    ready: readyCanaries(run, seen),
    weightPercent: state.weight,
  };
  return {
    checks: metrics.checks,
    staleCallers: together(metrics.staleCallers, seen.counters?.share?.stale ?? []),
    tracks: {
      at: metrics.askedAt,
      windowSeconds: metrics.windowSeconds,
      primary: track(`${seen.apexName}-primary`, metrics.primary, primary),
      canary: track(`${seen.apexName}-canary`, metrics.canary, canary),
    },
  };
}

// --- internal ---

/** Those that the share shows are named whether or not the run is held by them. */
function together(found: readonly StaleCaller[], measured: readonly StaleCaller[]): StaleCaller[] {
  const more = measured.filter(({ pod }) => !found.some((one) => one.pod === pod));
  return [...found, ...more.map(({ pod, workload }) => ({ pod, ...(workload === undefined ? {} : { workload }) }))];
}

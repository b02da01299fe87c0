/** What the measurements of a check leave in the state: each track's live numbers, the checks, callers that must be restarted. */
import { readyCanaries } from "./capacity.ts";
import type { RunTurn } from "./turn.ts";
import type { CanaryState } from "../state.ts";
import type { MetricsSeen } from "../observation.ts";

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
    sizes: { replicas: number; ready: number; weightPercent: number },
  ) => ({
    name,
    ...sizes,
    successPercent: of.requests > 0 ? (100 * (of.requests - of.failures)) / of.requests : null,
    requestsPerSecond: of.requests > 0 ? of.requestsPerSecond : null,
    latencyMsP50: of.latencyMs.p50,
    latencyMsP95: of.latencyMs.p95,
    latencyMsP99: of.latencyMs.p99,
    requests: of.requests,
  });
  const primary = { replicas, ready: seen.endpoints.primary.ready, weightPercent: 100 - state.weight };
  const canary = {
    replicas: seen.workload?.replicas ?? 0,
    ready: readyCanaries(run, seen),
    weightPercent: state.weight,
  };
  return {
    checks: metrics.checks,
    staleCallers: metrics.staleCallers,
    tracks: {
      at: metrics.askedAt,
      windowSeconds: metrics.windowSeconds,
      primary: track(`${seen.apexName}-primary`, metrics.primary, primary),
      canary: track(`${seen.apexName}-canary`, metrics.canary, canary),
    },
  };
}

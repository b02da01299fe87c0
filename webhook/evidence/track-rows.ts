/** From the rows of a batched answer to the numbers of one track. Pure. */
import { ledger, type Track } from "../../shared/core/analysis/queries.ts";
import type { TrackMetrics } from "../../shared/core/observation.ts";
import type { Sample } from "../../shared/prometheus.ts";
import type { BatchAnswer } from "./query-batch.ts";
import type { EvidenceRequest } from "./types.ts";

/** A track of a version whose pods may not exist yet. */
export interface MaybeTrack {
  namespace: string;
  deployment: string;
  podTemplateHash: string | undefined;
}

/** Users' requests as Prometheus counted them: fractions, because increase() extrapolates to the edges of the window. */
export interface Requests {
  succeeded: number;
  failed: number;
}

export function primaryTrack({ namespace, target, stableHash }: EvidenceRequest): MaybeTrack {
  return { namespace, deployment: target, podTemplateHash: stableHash };
}

export function canaryTrack({ namespace, canary, canaryHash }: EvidenceRequest): MaybeTrack {
  return { namespace, deployment: canary, podTemplateHash: canaryHash };
}

export function requestsIn(samples: readonly Sample[], track: MaybeTrack): Requests {
  const rows = rowsOf(samples, track);
  const sum = (wanted: boolean): number =>
    rows
      .filter(({ labels }) => (labels.classification === "failure") === wanted)
      .reduce((total, { value }) => total + (Number.isFinite(value) ? value : 0), 0);
  return { succeeded: sum(false), failed: sum(true) };
}

/** Quantiles in milliseconds, as they came: NaN where there were no requests. */
export function latenciesIn(samples: readonly Sample[], track: MaybeTrack): Map<string, number> {
  return new Map(rowsOf(samples, track).map(({ labels, value }) => [labels.quantile ?? "", value]));
}

/** Whether these labels are those of the track's pods. */
export function isRowOf(
  labels: Record<string, string>,
  { namespace, deployment, podTemplateHash }: MaybeTrack,
): boolean {
  const isThere = podTemplateHash !== undefined && labels.pod_template_hash === podTemplateHash;
  return isThere && labels.namespace === namespace && labels.deployment === deployment;
}

/** Age in ms of the newest sample of each of the track's pods, by the ledger. */
export function sampleAgesIn(samples: readonly Sample[], track: MaybeTrack): Map<string, number> {
  const rows = rowsOf(samples, track).filter(({ labels }) => labels.question === ledger.age);
  return new Map(rows.map(({ labels, value }) => [labels.pod ?? "", value * 1000]));
}

/** Time (our clock) of the track's newest sample in an answer of the ledger; undefined if it has none. */
export function newestSampleIn({ askedAt, samples }: BatchAnswer, track: MaybeTrack): number | undefined {
  const ages = [...sampleAgesIn(samples, track).values()];
  return ages.length === 0 ? undefined : Math.round(askedAt - Math.min(...ages));
}

/** What status shows of a track. */
export function trackMetrics(
  { succeeded, failed }: Requests,
  latencies: ReadonlyMap<string, number>,
  windowSeconds: number,
): TrackMetrics {
  const quantile = (name: string): number | null => {
    const value = latencies.get(name);
    return value === undefined || !Number.isFinite(value) ? null : value;
  };
  return {
    requests: Math.round(succeeded + failed),
    failures: Math.round(failed),
    requestsPerSecond: (succeeded + failed) / windowSeconds,
    latencyMs: { p50: quantile("p50"), p95: quantile("p95"), p99: quantile("p99") },
  };
}

/** The exact track, for text that a person pastes; a version without pods has no series, and no hash is like it. */
export function exactTrack({ namespace, deployment, podTemplateHash }: MaybeTrack): Track {
  return { namespace, deployment, podTemplateHash: podTemplateHash ?? "none" };
}

function rowsOf(samples: readonly Sample[], track: MaybeTrack): Sample[] {
  return samples.filter(({ labels }) => isRowOf(labels, track));
}

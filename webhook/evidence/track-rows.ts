/** From the rows of a batched answer to the numbers of one track. Pure. */
import { callersKind, outcome, question } from "../../shared/core/queries/queries.ts";
import { canaryName } from "../../shared/core/objects/names.ts";
import type { ProxySide, Track } from "../../shared/core/queries/proxy-series.ts";
import type { Terms } from "../../shared/core/queries/track-queries.ts";
import {
  addSides,
  type BothSides,
  failedAttempts,
  nobody,
  retriedOf,
  type SideCounts,
  type UserRequests,
} from "../../shared/core/analysis/user-requests.ts";
import type { TrackMetrics } from "../../shared/core/observation.ts";
import type { Sample } from "../../shared/prometheus.ts";
import type { BatchAnswer } from "./batches/query-batch.ts";
import type { EvidenceRequest } from "./types.ts";

/** A track of a version whose pods may not exist yet, and the Service and Deployments that it shares with the other one. */
export interface MaybeTrack {
  namespace: string;
  deployment: string;
  podTemplateHash: string | undefined;
  service: string;
  deployments: readonly string[];
}

export function primaryTrack(request: EvidenceRequest): MaybeTrack {
  return { ...common(request), deployment: request.target, podTemplateHash: request.stableHash };
}

export function canaryTrack(request: EvidenceRequest): MaybeTrack {
  return { ...common(request), deployment: request.canary, podTemplateHash: request.canaryHash };
}

/** What both sides counted over a window. */
export function sidesIn(samples: readonly Sample[], track: MaybeTrack): BothSides {
  const of = (asked: string, side?: string): Sample[] =>
    rowsOf(samples, track, asked === question.sent ? "outbound" : "inbound").filter(
      ({ labels }) => labels.question === asked && (side === undefined || labels.side === side),
    );
  const inbound = (side: string): SideCounts =>
    addSides(totalOf(of(question.answered, side)), { ...nobody, denied: sumOf(of(question.denied, side)) });
  const unmeshed = inbound(callersKind.unmeshed);
  const unanswered = sumOf(of(question.asked)) - unmeshed.answered - sumOf(of(question.recent));
  const callers = totalOf(of(question.sent));
  return {
    callers,
    pods: inbound(callersKind.meshed),
    unmeshed: { ...unmeshed, unanswered: Math.max(0, unanswered) },
    retried: retriedIn(samples, track, callers),
  };
}

/** For the text that a person pastes: what there was any of. `recent`: how young a request may yet be answered, seconds. */
export function termsOf({ callers, pods, unmeshed, retried }: BothSides, track: MaybeTrack, recent: number): Terms {
  const { service, deployments } = track;
  return {
    callers: callers.answered + callers.unanswered > 0,
    unmeshed: unmeshed.answered > 0,
    denied: pods.denied + unmeshed.denied > 0,
    ...(unmeshed.unanswered > 0 ? { recent } : {}),
    ...(retried > 0 ? { retried: { service, deployments } } : {}),
  };
}

/** Quantiles in milliseconds, of both sides the slower; none where there were no requests. */
export function latenciesIn(samples: readonly Sample[], track: MaybeTrack): Map<string, number> {
  const found = new Map<string, number>();
  for (const { labels, value } of [...rowsOf(samples, track, "inbound"), ...rowsOf(samples, track, "outbound")]) {
    const name = labels.quantile ?? "";
    if (!Number.isNaN(value)) found.set(name, Math.max(value, found.get(name) ?? 0));
  }
  return found;
}

/** Whether these labels are those of the track's pods, as this side has them. */
export function isRowOf(labels: Record<string, string>, track: MaybeTrack, side: ProxySide): boolean {
  const at = side === "inbound" ? "" : "dst_";
  const isThere = track.podTemplateHash !== undefined && labels[`${at}pod_template_hash`] === track.podTemplateHash;
  return isThere && labels[`${at}namespace`] === track.namespace && labels[`${at}deployment`] === track.deployment;
}

/** What a row of answers counts, by kind. A pod's proxy has no word for what was never answered. */
export function countsOf({ labels, value }: Pick<Sample, "labels" | "value">): SideCounts {
  if (!Number.isFinite(value)) return nobody;
  if (labels.classification !== "failure") {
    return { ...nobody, answered: value, clientErrors: labels.outcome === outcome.clientError ? value : 0 };
  }
  const isLost = labels.question === question.sent && labels.outcome === outcome.unanswered;
  return isLost ? { ...nobody, unanswered: value } : { ...nobody, answered: value, failed: value };
}

/** Age in ms of the newest sample of each of the track's pods, by the counters. */
export function sampleAgesIn(samples: readonly Sample[], track: MaybeTrack): Map<string, number> {
  const rows = rowsOf(samples, track, "inbound").filter(({ labels }) => labels.question === question.age);
  return new Map(rows.map(({ labels, value }) => [labels.pod ?? "", value * 1000]));
}

/** Time (our clock) of the track's newest sample in an answer of the counters; undefined if it has none. */
export function newestSampleIn({ askedAt, samples }: BatchAnswer, track: MaybeTrack): number | undefined {
  const ages = [...sampleAgesIn(samples, track).values()];
  return ages.length === 0 ? undefined : Math.round(askedAt - Math.min(...ages));
}

/** The same of what callers' proxies count of the track. */
export function newestHeardIn({ askedAt, samples }: BatchAnswer, track: MaybeTrack): number | undefined {
  const [row] = rowsOf(samples, track, "outbound").filter(({ labels }) => labels.question === question.heard);
  return row && Math.round(askedAt - row.value * 1_000);
}

/** Pods that Prometheus knows of and cannot scrape. */
export function unscrapedIn({ samples }: BatchAnswer, track: MaybeTrack): string[] {
  const rows = rowsOf(samples, track, "inbound").filter(({ labels }) => labels.question === question.down);
  return rows.map(({ labels }) => labels.pod ?? "").sort();
}

/** Callers, as `namespace/pod`, whose proxies know no endpoint of the canary's leaf, though a route has made them ask for it. */
export function unawareIn({ samples }: BatchAnswer, { namespace, service }: MaybeTrack): string[] {
  const rows = samples.filter(
    ({ labels }) =>
      labels.question === question.unaware &&
      labels.backend_namespace === namespace &&
      labels.backend_name === canaryName(service),
  );
  return rows.map(({ labels }) => `${labels.namespace ?? ""}/${labels.pod ?? ""}`).sort();
}

/** What status shows of a track. */
export function trackMetrics(
  of: UserRequests,
  latencies: ReadonlyMap<string, number>,
  windowSeconds: number,
): TrackMetrics {
  const quantile = (name: string): number | null => {
    const value = latencies.get(name);
    return value === undefined || !Number.isFinite(value) ? null : value;
  };
  return {
    requests: Math.round(of.requests),
    failures: Math.round(of.failures),
    clientErrors: Math.round(of.clientErrors),
    denied: Math.round(of.denied),
    unanswered: Math.round(of.unanswered),
    attempts: Math.round(of.attempts),
    requestsPerSecond: of.requests / windowSeconds,
    latencyMs: { p50: quantile("p50"), p95: quantile("p95"), p99: quantile("p99") },
    countedBy: of.side,
    ...(of.disagreement === undefined ? {} : { disagreement: of.disagreement }),
  };
}

/** The exact track, for text that a person pastes; a version without pods has no series, and no hash is like it. */
export function exactTrack({ namespace, deployment, podTemplateHash }: MaybeTrack): Track {
  return { namespace, deployment, podTemplateHash: podTemplateHash ?? "none" };
}

/** Requests that callers' proxies sent again to the Service of the track, as this row has them; 0 for any other row. */
export function retriesIn({ labels, value }: Sample, { namespace, service }: MaybeTrack): number {
  const isIts = labels.parent_namespace === namespace && labels.parent_name === service;
  return labels.question === question.retried && isIts ? value : 0;
}

/** Failed attempts at either track, whichever version's. */
export function failedAtEither({ labels, value }: Sample, { namespace, deployments }: MaybeTrack): number {
  const isIts = labels.dst_namespace === namespace && deployments.includes(labels.dst_deployment ?? "");
  return labels.question === question.sent && isIts && labels.classification === "failure" ? value : 0;
}

// --- internal ---

function common({ namespace, apex, target, canary }: EvidenceRequest): Omit<MaybeTrack, "deployment"> {
  return { namespace, service: apex.name, deployments: [target, canary], podTemplateHash: undefined };
}

function rowsOf(samples: readonly Sample[], track: MaybeTrack, side: ProxySide): Sample[] {
  return samples.filter(({ labels }) => isRowOf(labels, track, side));
}

function totalOf(rows: readonly Sample[]): SideCounts {
  return rows.map(countsOf).reduce(addSides, nobody);
}

function sumOf(rows: readonly Sample[]): number {
  return rows.reduce((sum, { value }) => sum + (Number.isFinite(value) ? value : 0), 0);
}

function retriedIn(samples: readonly Sample[], track: MaybeTrack, callers: SideCounts): number {
  const all = (of: (row: Sample, track: MaybeTrack) => number): number =>
    samples.reduce((sum, row) => sum + of(row, track), 0);
  return retriedOf(all(retriesIn), { failed: failedAttempts(callers), ofAll: all(failedAtEither) });
}

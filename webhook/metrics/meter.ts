/**
 * What was counted between two readings of the ledger. Prometheus' counters are read as they stand, by pod: windows with increase() would
 * overlap from one look to the next, and guess at their edges. Kept in memory only: whoever takes over begins a new epoch.
 */
import type { Counts } from "../../shared/core/sequential.ts";
import { ledger } from "../../shared/core/queries.ts";
import type { Sample } from "../../shared/prometheus.ts";
import type { BatchAnswer } from "./batch.ts";
import { isRowOf, type MaybeTrack } from "./tracks.ts";

export interface MeterSubject {
  canary: MaybeTrack;
  primary: MaybeTrack;
  /** Whether a caller's row is about the canary's apex. */
  isToApex: (labels: Record<string, string>) => boolean;
  /** Name of the canary's leaf Service. */
  leaf: string;
}

/** Requests that one meshed pod sent to the apex, and how many of them its proxy gave to the canary. */
export interface Sent {
  namespace: string;
  pod: string;
  deployment: string;
  canary: number;
  all: number;
}

/** Since the last reading. */
export interface Increment {
  from: number;
  to: number;
  canary: Counts;
  primary: Counts;
  sent: Sent[];
}

/** Counts since the epoch began; of different epochs they cannot be compared. */
export interface Total {
  epoch: number;
  canary: Counts;
  primary: Counts;
}

export interface Meter {
  /** Undefined for the first reading, and for an answer that was read before. */
  read(answer: BatchAnswer): Increment | undefined;
  total(): Total;
}

const none: Counts = { requests: 0, failures: 0 };

export function createMeter(subject: MeterSubject): Meter {
  const canaryPods = new Map<string, Counts>();
  const primaryPods = new Map<string, Counts>();
  const callers = new Map<string, Sent>();
  let readAt: number | undefined;
  const total: Total = { epoch: 0, canary: none, primary: none };
  return {
    total: () => ({ ...total }),
    read({ askedAt, samples }) {
      if (readAt !== undefined && askedAt <= readAt) return undefined;
      const isFirst = readAt === undefined;
      // A canary's pods are young: all that a new one has counted came since. A primary's may be old, and only unseen for a moment.
      const canary = grown(canaryPods, countsByPod(samples, subject.canary), { newCounts: true });
      const primary = grown(primaryPods, countsByPod(samples, subject.primary), { newCounts: false });
      const sent = grownCallers(callers, sentByPod(samples, subject));
      const from = readAt ?? askedAt;
      readAt = askedAt;
      if (isFirst) total.epoch = askedAt;
      if (isFirst) return undefined;
      total.canary = sum(total.canary, canary);
      total.primary = sum(total.primary, primary);
      return { from, to: askedAt, canary, primary, sent };
    },
  };
}

// --- internal ---

function countsByPod(samples: readonly Sample[], track: MaybeTrack): Map<string, Counts> {
  const pods = new Map<string, Counts>();
  for (const { labels, value } of samples) {
    if (labels["question"] !== ledger.counted || !isRowOf(labels, track)) continue;
    const pod = labels["pod"] ?? "";
    const failures = labels["classification"] === "failure" ? value : 0;
    pods.set(pod, sum(pods.get(pod) ?? none, { requests: value, failures }));
  }
  return pods;
}

function sentByPod(samples: readonly Sample[], { isToApex, leaf }: MeterSubject): Map<string, Sent> {
  const callers = new Map<string, Sent>();
  for (const { labels, value } of samples) {
    if (labels["question"] !== ledger.sent || !isToApex(labels)) continue;
    const { namespace = "", pod = "", deployment = "" } = labels;
    const key = `${namespace}/${pod}`;
    const known = callers.get(key) ?? { namespace, pod, deployment, canary: 0, all: 0 };
    const canary = labels["dst_service"] === leaf ? value : 0;
    callers.set(key, { ...known, canary: known.canary + canary, all: known.all + value });
  }
  return callers;
}

/** By how much the pods have grown. One that shrank has restarted or dropped idle series: it counts again from here. */
function grown(known: Map<string, Counts>, now: Map<string, Counts>, { newCounts }: { newCounts: boolean }): Counts {
  let more = none;
  for (const [pod, counts] of now) {
    const before = known.get(pod) ?? (newCounts ? none : counts);
    const requests = counts.requests - before.requests;
    const failures = counts.failures - before.failures;
    if (requests >= failures && failures >= 0) more = sum(more, { requests, failures });
    known.set(pod, counts);
  }
  return more;
}

function grownCallers(known: Map<string, Sent>, now: Map<string, Sent>): Sent[] {
  const more: Sent[] = [];
  for (const [key, sent] of now) {
    const before = known.get(key);
    known.set(key, sent);
    if (!before) continue;
    const canary = sent.canary - before.canary;
    const all = sent.all - before.all;
    if (canary >= 0 && all > 0 && canary <= all) more.push({ ...sent, canary, all });
  }
  return more;
}

function sum(a: Counts, b: Counts): Counts {
  return { requests: a.requests + b.requests, failures: a.failures + b.failures };
}

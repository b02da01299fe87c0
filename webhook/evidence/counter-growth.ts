/**
 * What was counted between two readings of the ledger. Prometheus' counters are read as they stand, by pod: windows with increase() would
 * overlap from one look to the next, and guess at their edges. Kept in memory only: whoever takes over begins a new epoch.
 */
import { ledger } from "../../shared/core/analysis/queries.ts";
import { addCounts, countsSince, noCounts, type TrackCounts } from "../../shared/core/analysis/track-counts.ts";
import type { Sample } from "../../shared/prometheus.ts";
import type { BatchAnswer } from "./query-batch.ts";
import { isRowOf, sampleAgesIn, type MaybeTrack } from "./track-rows.ts";
import type { Warmth } from "./types.ts";

export interface GrowthSubject {
  canary: MaybeTrack;
  primary: MaybeTrack;
  /** Whether a caller's row is about the canary's apex. */
  isToApex: (labels: Record<string, string>) => boolean;
  /** Name of the canary's leaf Service. */
  leaf: string;
  /** What a pod answers in so long since it was first seen to answer a user is counted apart; 0 by default. */
  warmupMs?: number;
}

/** Requests that one meshed pod sent to the apex, and how many of them its proxy gave to the canary. */
export interface Sent {
  namespace: string;
  pod: string;
  deployment: string;
  canary: number;
  all: number;
}

/** Since the last reading, warm-up included. */
export interface Increment {
  from: number;
  to: number;
  canary: TrackCounts;
  primary: TrackCounts;
  sent: Sent[];
}

/** Counts since the epoch began; of different epochs they cannot be compared. */
export interface Total {
  epoch: number;
  canary: TrackCounts;
  primary: TrackCounts;
  /** Where warm-up is counted apart: see `WarmupSeen`. */
  warmup?: { canary: TrackCounts; primary: TrackCounts };
}

export interface CounterGrowth {
  /** Undefined for the first reading, and for an answer that was read before. */
  read(answer: BatchAnswer): Increment | undefined;
  total(): Total;
  warmth(): Warmth;
}

export function createCounterGrowth(subject: GrowthSubject): CounterGrowth {
  const { warmupMs = 0 } = subject;
  const canaryPods = new Map<string, Pod>();
  const primaryPods = new Map<string, Pod>();
  const callers = new Map<string, Sent>();
  let readAt: number | undefined;
  const total: Total = { epoch: 0, canary: noCounts, primary: noCounts };
  const apart = { canary: noCounts, primary: noCounts };

  /** The primary's requests count beside those of the canary that they were made with. */
  function add(canary: Growth, primary: Growth): void {
    total.canary = addCounts(total.canary, canary.warm);
    if (!canary.isAllCold) total.primary = addCounts(total.primary, primary.warm);
    apart.canary = addCounts(apart.canary, canary.cold);
    if (canary.hasCold) apart.primary = addCounts(apart.primary, addCounts(primary.warm, primary.cold));
  }

  return {
    total: () => ({ ...total, ...(warmupMs > 0 ? { warmup: { ...apart } } : {}) }),
    warmth: () => warmthOf([...canaryPods.values()], warmupMs),
    read(answer) {
      const { askedAt, samples } = answer;
      if (readAt !== undefined && askedAt <= readAt) return undefined;
      const isFirst = readAt === undefined;
      const growth = (known: Map<string, Pod>, track: MaybeTrack, kind: PodKind): Growth =>
        grown(known, seenPods(answer, track), { ...kind, warmupMs });
      // A canary's pods are young: all that a new one has counted came since. A primary's may be old, and only unseen for a moment.
      const canary = growth(canaryPods, subject.canary, { newCounts: true, newIsCold: true });
      const primary = growth(primaryPods, subject.primary, { newCounts: false, newIsCold: !isFirst });
      const sent = grownCallers(callers, sentByPod(samples, subject));
      const from = readAt ?? askedAt;
      readAt = askedAt;
      if (isFirst) total.epoch = askedAt;
      if (isFirst) return undefined;
      add(canary, primary);
      return {
        from,
        to: askedAt,
        canary: addCounts(canary.warm, canary.cold),
        primary: addCounts(primary.warm, primary.cold),
        sent,
      };
    },
  };
}

// --- internal ---

/** A pod as it was last read. */
interface Pod {
  counts: TrackCounts;
  /** Time of the sample, ms. */
  sampledAt: number;
  /** Of the first that showed a user's request; -Infinity for a pod that is taken for warm. */
  firstAt: number;
}

interface PodKind {
  /** What a pod has counted before it was first seen counts. */
  newCounts: boolean;
  /** A pod that is seen for the first time is taken for one that begins to serve. */
  newIsCold: boolean;
}

interface Growth {
  warm: TrackCounts;
  cold: TrackCounts;
  hasCold: boolean;
  isAllCold: boolean;
}

/** Counters and the time of the sample that shows them, by pod. */
function seenPods({ askedAt, samples }: BatchAnswer, track: MaybeTrack): Map<string, Omit<Pod, "firstAt">> {
  const ages = sampleAgesIn(samples, track);
  const pods = [...countsByPod(samples, track)];
  return new Map(pods.map(([pod, counts]) => [pod, { counts, sampledAt: askedAt - (ages.get(pod) ?? 0) }]));
}

function warmthOf(pods: readonly Pod[], warmupMs: number): Warmth {
  const young = pods.filter(({ firstAt }) => firstAt > -Infinity);
  if (young.length === 0) return { pods: 0 };
  const warmAt = young.map(({ firstAt }) => firstAt + warmupMs);
  const cold = young.filter(({ sampledAt }, index) => sampledAt < (warmAt[index] ?? 0));
  return { pods: cold.length, firstAt: Math.min(...warmAt), lastAt: Math.max(...warmAt) };
}

function countsByPod(samples: readonly Sample[], track: MaybeTrack): Map<string, TrackCounts> {
  const pods = new Map<string, TrackCounts>();
  for (const { labels, value } of samples) {
    if (labels["question"] !== ledger.counted || !isRowOf(labels, track)) continue;
    const pod = labels["pod"] ?? "";
    const failures = labels["classification"] === "failure" ? value : 0;
    pods.set(pod, addCounts(pods.get(pod) ?? noCounts, { ...noCounts, requests: value, failures }));
  }
  return pods;
}

function sentByPod(samples: readonly Sample[], { isToApex, leaf }: GrowthSubject): Map<string, Sent> {
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

/**
 * By how much the pods have grown. One that shrank has restarted or dropped idle series: it counts again from here.
 */
function grown(
  known: Map<string, Pod>,
  now: Map<string, Omit<Pod, "firstAt">>,
  { newCounts, newIsCold, warmupMs }: PodKind & { warmupMs: number },
): Growth {
  const unknown = (seen: Omit<Pod, "firstAt">): Pod => ({
    counts: newCounts ? noCounts : seen.counts,
    sampledAt: seen.sampledAt,
    firstAt: newIsCold ? seen.sampledAt : -Infinity,
  });
  const found = { warm: noCounts, cold: noCounts, hasCold: false, hasWarm: false };
  for (const [pod, seen] of now) {
    const before = known.get(pod);
    const { firstAt, counts } = before ?? unknown(seen);
    known.set(pod, { ...seen, firstAt });
    const more = growth(counts, seen.counts);
    const isCold = isColdSince(before, firstAt, warmupMs);
    const kind = isCold ? "cold" : "warm";
    found[kind] = addCounts(found[kind], more);
    found[isCold ? "hasCold" : "hasWarm"] = true;
  }
  return { ...found, isAllCold: found.hasCold && !found.hasWarm };
}

/** What came since the sample before may have come while the pod was cold. */
function isColdSince(before: Pod | undefined, firstAt: number, warmupMs: number): boolean {
  if (warmupMs === 0 || firstAt === -Infinity) return false;
  return before === undefined || before.sampledAt < firstAt + warmupMs;
}

/** Failures that shrank, or outgrew the requests, were counted by a process that is no more. */
function growth(before: TrackCounts, now: TrackCounts): TrackCounts {
  const more = countsSince(before, now);
  const failures = now.failures - before.failures;
  return failures < 0 || failures > more.requests ? noCounts : more;
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

/**
 * What was counted between two readings. Prometheus' counters are read as they stand, by pod: windows with increase() would
 * overlap from one look to the next, and guess at their edges. Kept in memory only: whoever takes over begins a new epoch.
 */
import { callersKind, question } from "../../../shared/core/queries/queries.ts";
import type { CountOrigin, DeniedBy, TrackCounts } from "../../../shared/core/analysis/track-counts.ts";
import { addSides, nobody, type SideCounts } from "../../../shared/core/analysis/user-requests.ts";
import type { Sample } from "../../../shared/prometheus.ts";
import { createCallersGrowth, type CallersGrown, type CallersSubject, type Sent } from "./callers-growth.ts";
import { type Counters, createCounters, keepRecent } from "./counters.ts";
import type { BatchAnswer } from "../batches/query-batch.ts";
import { addStretches, createTally, emptyStretch, type Stretch, type Tally } from "./tally.ts";
import { countsOf, isRowOf, sampleAgesIn, type MaybeTrack } from "../track-rows.ts";
import type { Warmth } from "../types.ts";

export interface GrowthSubject extends CallersSubject {
  /** How long after it was first seen to answer a user what a pod answers is counted apart, ms; 0 by default. */
  warmupMs?: number;
}

/** Since the last reading, warm-up included. */
export interface Increment {
  from: number;
  to: number;
  /** Requests that the tracks' pods received. */
  received: { canary: number; primary: number };
  sent: Sent[];
  /** Every caller that is there, as `namespace/pod`. */
  callers: ReadonlySet<string>;
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
  /** What has refused the canary's users, last. */
  deniedBy(): DeniedBy | undefined;
  /** Of the canary's counts. */
  canaryOrigin(): CountOrigin | undefined;
}

export function createCounterGrowth(subject: GrowthSubject): CounterGrowth {
  const { warmupMs = 0 } = subject;
  const [canaryPods, primaryPods] = [createPods(warmupMs), createPods(warmupMs)];
  const callers = createCallersGrowth(subject);
  const tally = (): Tally => createTally(subject);
  const [total, apart] = [
    { canary: tally(), primary: tally() },
    { canary: tally(), primary: tally() },
  ];
  let epoch = 0;
  let denied: DeniedBy | undefined;
  let readAt: number | undefined;

  /** The primary's requests count beside those of the canary that they were made with. */
  function add(canary: Growth, primary: Growth, at: number): void {
    total.canary.add(canary.warm, at);
    if (!canary.isAllCold) total.primary.add(primary.warm, at);
    apart.canary.add(canary.cold, at);
    if (canary.hasCold) apart.primary.add(addStretches(primary.warm, primary.cold), at);
  }

  function read({ askedAt, samples }: BatchAnswer): Increment | undefined {
    if (readAt !== undefined && askedAt <= readAt) return undefined;
    const isFirst = readAt === undefined;
    const of = (track: MaybeTrack): Map<string, PodCounts> => podCounts({ askedAt, samples }, { track, ...subject });
    // A canary's pods are young: all that a new one has counted came since. A primary's may be old, and only unseen for a moment; so may
    // a canary's where another leader has counted before.
    const canary = canaryPods.grow(of(subject.canary), { newCounts: !subject.isResumed, newIsCold: true });
    const primary = primaryPods.grow(of(subject.primary), { newCounts: false, newIsCold: !isFirst });
    const heard = callers.read({ askedAt, samples });
    denied = deniedIn(samples, subject.canary) ?? denied;
    const from = readAt ?? askedAt;
    readAt = askedAt;
    if (isFirst) epoch = askedAt;
    if (isFirst) return undefined;
    add(withCallers(canary, heard.canary, heard), withCallers(primary, heard.primary, heard), askedAt);
    const received = { canary: receivedIn(canary), primary: receivedIn(primary) };
    return { from, to: askedAt, received, sent: heard.sent, callers: heard.present };
  }

  const counts = (of: { canary: Tally; primary: Tally }): { canary: TrackCounts; primary: TrackCounts } => {
    return { canary: of.canary.counts(), primary: of.primary.counts() };
  };
  return {
    read,
    total: () => ({ epoch, ...counts(total), ...(warmupMs > 0 ? { warmup: counts(apart) } : {}) }),
    warmth: () => canaryPods.warmth(),
    deniedBy: () => denied,
    canaryOrigin: () => total.canary.origin(),
  };
}

// --- internal ---

/** The Server that has refused most. */
function deniedIn(samples: readonly Sample[], canary: MaybeTrack): DeniedBy | undefined {
  const rows = samples.filter(({ labels }) => labels["question"] === question.denied);
  const [most] = rows.filter(({ labels }) => isRowOf(labels, canary, "inbound")).sort((a, b) => b.value - a.value);
  if (!most) return undefined;
  const { srv_kind: kind, srv_name: name = "" } = most.labels;
  return { server: kind === "default" ? `default:${name}` : name };
}

/** A pod's counters as they stand, by who its callers are. */
interface PodCounts {
  meshed: SideCounts;
  unmeshed: SideCounts;
  /** Requests from outside the mesh. */
  asked: number;
  /** Time of the sample, ms. */
  sampledAt: number;
}

interface PodKind {
  /** What a pod has counted before it was first seen counts. */
  newCounts: boolean;
  /** A pod that is seen for the first time is taken for one that begins to serve. */
  newIsCold: boolean;
}

interface Growth {
  warm: Stretch;
  cold: Stretch;
  hasCold: boolean;
  isAllCold: boolean;
}

interface Pods {
  grow(now: ReadonlyMap<string, PodCounts>, kind: PodKind): Growth;
  warmth(): Warmth;
}

/** When a pod was last sampled, and when it was first seen to answer a user: -Infinity where it is taken for warm. */
interface Times {
  sampledAt: number;
  firstAt: number;
}

function createPods(warmupMs: number): Pods {
  const counters = createCounters();
  const known = new Map<string, Times>();
  return {
    warmth: () => warmthOf([...known.values()], warmupMs),
    grow(now, { newCounts, newIsCold }) {
      const found = { warm: emptyStretch, cold: emptyStretch, hasCold: false, hasWarm: false };
      for (const [pod, seen] of now) {
        const before = known.get(pod);
        const firstAt = before?.firstAt ?? (newIsCold ? seen.sampledAt : -Infinity);
        known.delete(pod);
        known.set(pod, { sampledAt: seen.sampledAt, firstAt });
        const kind = isColdSince(before, firstAt, warmupMs) ? "cold" : "warm";
        found[kind] = addStretches(found[kind], grownPod(counters, pod, { seen, newCounts }));
        found[kind === "cold" ? "hasCold" : "hasWarm"] = true;
      }
      keepRecent(known, now.size);
      counters.settle();
      return { ...found, isAllCold: found.hasCold && !found.hasWarm };
    },
  };
}

/** What a pod has counted of callers outside the mesh and of others shrinks by itself, each when it is idle. */
function grownPod(
  counters: Counters,
  pod: string,
  { seen, newCounts }: { seen: PodCounts; newCounts: boolean },
): Stretch {
  const grow = (kind: string, now: SideCounts): SideCounts => counters.grow(`${pod} ${kind}`, now, { newCounts });
  const { answered: asked } = grow("asked", { ...nobody, answered: seen.asked });
  return { ...emptyStretch, pods: grow("meshed", seen.meshed), unmeshed: grow("unmeshed", seen.unmeshed), asked };
}

/** Callers' proxies count by track: while some of its pods are cold and some warm, only the pods themselves can tell which it was. */
function withCallers(growth: Growth, callers: SideCounts, { retries, failedAtEither }: CallersGrown): Growth {
  const heard: Stretch = { ...emptyStretch, callers, retries, failedAtEither };
  if (!growth.hasCold) return { ...growth, warm: addStretches(growth.warm, heard) };
  return growth.isAllCold ? { ...growth, cold: addStretches(growth.cold, heard) } : growth;
}

function receivedIn({ warm, cold }: Growth): number {
  const { pods, unmeshed } = addStretches(warm, cold);
  return pods.answered + unmeshed.answered;
}

function podCounts(
  { askedAt, samples }: BatchAnswer,
  { track, boundMs }: { track: MaybeTrack; boundMs?: number },
): Map<string, PodCounts> {
  const ages = sampleAgesIn(samples, track);
  const pods = new Map<string, PodCounts>();
  for (const row of samples) {
    if (!isRowOf(row.labels, track, "inbound")) continue;
    const more = podRow(row, boundMs);
    if (!more) continue;
    const pod = row.labels["pod"] ?? "";
    const sampledAt = askedAt - (ages.get(pod) ?? 0);
    const { meshed, unmeshed, asked } = pods.get(pod) ?? { meshed: nobody, unmeshed: nobody, asked: 0 };
    const isMeshed = row.labels["side"] === callersKind.meshed;
    pods.set(pod, {
      meshed: isMeshed ? addSides(meshed, more.counts) : meshed,
      unmeshed: isMeshed ? unmeshed : addSides(unmeshed, more.counts),
      asked: asked + more.asked,
      sampledAt,
    });
  }
  return pods;
}

/** Undefined for a row that counts nothing of users. */
function podRow({ labels, value }: Sample, boundMs?: number): { counts: SideCounts; asked: number } | undefined {
  const asked = labels["question"];
  if (asked === question.answered) return { counts: countsOf({ labels, value }), asked: 0 };
  if (asked === question.denied) return { counts: { ...nobody, denied: value }, asked: 0 };
  if (asked === question.asked) return { counts: nobody, asked: value };
  if (asked !== question.slowAnswered) return undefined;
  return { counts: { ...nobody, slow: Number(labels["le"]) === boundMs ? value : 0 }, asked: 0 };
}

function warmthOf(pods: readonly Times[], warmupMs: number): Warmth {
  const young = pods.filter(({ firstAt }) => firstAt > -Infinity);
  if (young.length === 0) return { pods: 0 };
  const warmAt = young.map(({ firstAt }) => firstAt + warmupMs);
  const cold = young.filter(({ sampledAt }, index) => sampledAt < (warmAt[index] ?? 0));
  return { pods: cold.length, firstAt: Math.min(...warmAt), lastAt: Math.max(...warmAt) };
}

/** What came since the sample before may have come while the pod was cold. */
function isColdSince(before: Times | undefined, firstAt: number, warmupMs: number): boolean {
  if (warmupMs === 0 || firstAt === -Infinity) return false;
  return before === undefined || before.sampledAt < firstAt + warmupMs;
}

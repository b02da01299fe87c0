/** What a decision sees in a simulated run: a target and its canary with every pod ready, and what Prometheus has of both tracks. */
import type { MetricSpec } from "../objects/canary.ts";
import { deciding } from "../analysis/deciding.ts";
import { builtIn, isBuiltIn, judge, requestsCheck, type Measurement } from "../analysis/verdict.ts";
import { noCounts, type TrackCounts } from "../analysis/track-counts.ts";
import { shownWindow, widened } from "../queries/windows.ts";
import { windowSeconds } from "../queries/queries.ts";
import type { CountersSeen, MetricsSeen, Observation, TrackMetrics } from "../observation.ts";
import type { Policy } from "../spec/policy.ts";
import type { CanaryState, Version } from "../state.ts";
import type { Scrapes } from "./scraped.ts";

export const stable: Version = { hash: "stable", podTemplateHash: "stable", images: {} };

export interface Look {
  now: number;
  state: CanaryState;
  policy: Policy;
  scrapeIntervalMs: number;
  scrapes: Scrapes;
  /** When the canary's present weight was given; undefined without any. */
  weightAt?: number;
  /** When its pods are warm, ms. */
  warmAt: number;
}

export function observed(look: Look, isDue: boolean): Observation {
  const { now, state, scrapeIntervalMs } = look;
  return {
    ...still,
    now,
    scrapeIntervalMs,
    route: { weight: state.weight, ownWeight: state.weight },
    ...(isDue || state.weight > 0 ? { counters: countersOf(look) } : {}),
    ...(isDue ? { metrics: metricsOf(look) } : {}),
  };
}

// --- internal ---

const ofOne = (hash: string): Observation["endpoints"]["primary"] => ({ ready: 1, byRevision: { [hash]: 1 } });

/** Nothing of this moves in a run that nobody touches. */
const still = {
  name: "plan",
  namespace: "plan",
  targetName: "plan",
  apexName: "plan",
  unmet: [],
  warnings: [],
  servicesReady: true,
  oursExist: true,
  endpoints: { primary: ofOne("stable"), canary: ofOne("canary") },
  workload: { intent: "canary", template: "canary", replicas: 1, podTemplateHash: "canary" },
  target: {
    uid: "plan",
    intent: "canary",
    images: {},
    optedIn: true,
    held: true,
    pausedByUser: false,
    paused: true,
    bypass: false,
    requestedBy: "",
    changedBy: "",
    stableMark: "stable",
    markedRejected: false,
    replicas: 1,
    readyPods: 1,
    rolledOut: false,
    active: [stable],
    stableKept: true,
    kept: ["stable"],
  },
} satisfies Partial<Observation>;

function countersOf({ now, scrapes, policy, warmAt, scrapeIntervalMs }: Look): CountersSeen {
  const latest = scrapes.latest();
  const seen = { epoch: 1, at: now, sampledAt: scrapes.at.canary };
  if (policy.warmupMs === 0) return { ...seen, canary: latest.canary, primary: latest.primary };
  const warm = scrapes.since(warmAt);
  const cold = {
    canary: without(latest.canary, warm.canary),
    primary: without(latest.primary, warm.primary),
    pods: now < warmAt ? 1 : 0,
    evidenceAt: warmAt + 3 * scrapeIntervalMs,
  };
  return { ...seen, ...warm, warmup: cold };
}

function without(all: TrackCounts, part: TrackCounts): TrackCounts {
  return {
    requests: all.requests - part.requests,
    failures: all.failures - part.failures,
    clientErrors: all.clientErrors - part.clientErrors,
    slow: all.slow - part.slow,
    denied: all.denied - part.denied,
  };
}

function metricsOf(look: Look): MetricsSeen {
  const { now, policy, scrapes } = look;
  const shown = shownWindow(policy.metrics);
  const { canary, primary } = scrapes.since(now - 1_000 * shown);
  const requests = deciding(policy.metrics).length === 0 ? [{ name: requestsCheck }] : [];
  const sampledAt = look.state.weight > 0 ? Math.max(scrapes.at.canary, scrapes.at.callers) : scrapes.at.canary;
  return {
    ok: true,
    askedAt: now,
    sampledAt,
    windowSeconds: shown,
    primary: trackOf(primary, shown),
    canary: trackOf(canary, shown),
    checks: judge(
      policy.metrics,
      [...policy.metrics, ...requests].map((spec) => measured(spec, look)),
      {
        canary: "plan",
        namespace: "plan",
        workload: "plan",
        minRequests: policy.minRequests,
      },
    ),
    staleCallers: [],
  };
}

/** What a load test finds before the first users is not known: it is taken to pass. */
function measured(spec: MetricSpec, look: Look): Measurement {
  const { now, policy, scrapes, weightAt, warmAt } = look;
  const stepSeconds = weightAt === undefined ? 0 : (now - weightAt) / 1_000;
  const over = (seconds: number): TrackCounts => scrapes.since(Math.max(now - 1_000 * seconds, warmAt)).canary;
  const base = windowSeconds(spec.interval) ?? shownWindow([]);
  const window = over(base).requests < policy.minRequests ? widened(base, stepSeconds) : base;
  const counts = look.state.weight === 0 ? { ...noCounts, requests: policy.minRequests } : over(window);
  const { requests } = counts;
  return {
    windowSeconds: window,
    query: "",
    at: "",
    requests,
    stepSeconds,
    answer: { values: valuesOf(spec, counts) },
  };
}

/** Of a query of the user's own nothing is known: it is taken to pass. */
function valuesOf(spec: MetricSpec, { requests, failures, slow }: TrackCounts): number[] {
  if (requests === 0) return [];
  const { min, max = spec.threshold ?? 0 } = spec.thresholdRange ?? {};
  if (!isBuiltIn(spec)) return [min ?? max];
  if (spec.name === builtIn.successRate) return [(100 * (requests - failures)) / requests];
  // The 99th percentile lies above the limit where more than one in a hundred does.
  return [slow > requests / 100 ? 2 * max : max / 2];
}

function trackOf({ requests, failures, clientErrors, denied }: TrackCounts, seconds: number): TrackMetrics {
  return {
    ...{ requests, failures, clientErrors, denied },
    unanswered: 0,
    attempts: requests,
    requestsPerSecond: requests / seconds,
    latencyMs: { p50: null, p95: null, p99: null },
    countedBy: "both",
  };
}

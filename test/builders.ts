/** What the core works on, with one line of defaults each: a calm canary of podinfo 1.7.0 in namespace test. */
import type { V1Deployment } from "@kubernetes/client-node";
import type { CanarySpec } from "../shared/core/objects/canary.ts";
import type { CheckStatus } from "../shared/core/objects/canary-status.ts";
import { initialState } from "../shared/core/decide.ts";
import { noCounts, type TrackCounts } from "../shared/core/analysis/track-counts.ts";
import type { Policy } from "../shared/core/spec/policy.ts";
import type { CanaryState, Run, Version } from "../shared/core/state.ts";
import type {
  MetricsSeen,
  TrackMetrics,
  Observation,
  Endpoints,
  Workload,
  Target,
  Unmet,
} from "../shared/core/observation.ts";

/** 2026-11-23T09:00:00Z, when every test begins. */
export const start = Date.UTC(2026, 10, 23, 9);

export function aVersion(tag: string): Version {
  return { hash: hashOf(tag), podTemplateHash: `pod${tag}`, images: imagesAt(tag) };
}

export function hashOf(tag: string): string {
  return `v1-cafe${tag.replaceAll(".", "")}0`;
}

export function imagesAt(tag: string): Record<string, string> {
  return { podinfod: `quay.io/stefanprodan/podinfo:${tag}` };
}

/** pod-template-hash that the canary Deployment's pods get: not the target's, for one label differs. */
export function canaryRevision(tag: string): string {
  return `pod${tag}c`;
}

export function aState(over: Partial<CanaryState> = {}): CanaryState {
  return { ...initialState(), phase: "Initialized", stable: aVersion("1.7.0"), transitionAt: start, ...over };
}

/** The first run, of 1.7.1, as it begins. */
export function aRun(over: Partial<Run> = {}): Run {
  return {
    id: `${hashOf("1.7.1").slice(-8)}-1`,
    intent: hashOf("1.7.1"),
    images: imagesAt("1.7.1"),
    requestedBy: "alice",
    stage: "scaling",
    step: 0,
    startedAt: start,
    stageAt: start,
    ...over,
  };
}

/** In the first run, at `weight`; `run` says more. */
export function aRunningState(weight: number, run: Partial<Run> = {}, over: Partial<CanaryState> = {}): CanaryState {
  return aState({ phase: "Progressing", weight, runs: 1, run: aRun(run), ...over });
}

export function aTarget(over: Partial<Target> = {}): Target {
  return {
    uid: "uid-1",
    intent: hashOf("1.7.0"),
    images: imagesAt("1.7.0"),
    optedIn: true,
    held: false,
    pausedByUser: false,
    paused: false,
    bypass: false,
    changedBy: "kubectl-set",
    stableKept: true,
    kept: ["pod1.7.0"],
    requestedBy: "alice",
    stableMark: "pod1.7.0",
    markedRejected: false,
    replicas: 4,
    readyPods: 4,
    rolledOut: true,
    active: [aVersion("1.7.0")],
    ...over,
  };
}

/** Its template is `tag`, its pods are still 1.7.0. */
export function aHeldTarget(tag: string, over: Partial<Target> = {}): Target {
  return aTarget({
    intent: hashOf(tag),
    images: imagesAt(tag),
    held: true,
    paused: true,
    rolledOut: false,
    ...over,
  });
}

export function aWorkload(tag: string, replicas: number, over: Partial<Workload> = {}): Workload {
  return { intent: hashOf(tag), template: `stored-${tag}`, replicas, podTemplateHash: canaryRevision(tag), ...over };
}

/** `endpoints({ "pod1.7.0": 4 })` */
export function endpoints(byRevision: Record<string, number> = {}): Endpoints {
  return { ready: Object.values(byRevision).reduce((sum, count) => sum + count, 0), byRevision };
}

export function anObservation(over: Partial<Observation> = {}): Observation {
  return {
    now: start,
    name: "podinfo",
    namespace: "test",
    targetName: "podinfo",
    apexName: "podinfo",
    unmet: [],
    warnings: [],
    target: aTarget(),
    servicesReady: true,
    oursExist: true,
    endpoints: { primary: endpoints({ "pod1.7.0": 4 }), canary: endpoints() },
    route: { weight: 0, ownWeight: 0 },
    scrapeIntervalMs: 10_000,
    ...over,
  };
}

/** One precondition that is not met, in these words. */
export function unmet(level: Unmet["level"], what: string): Pick<Observation, "unmet"> {
  return { unmet: [{ code: `${level}-code`, level, what }] };
}

/** 1.7.1 is held and has `ready` canary pods at `weight`. */
export function aRunObservation(weight: number, ready: number, over: Partial<Observation> = {}): Observation {
  return anObservation({
    target: aHeldTarget("1.7.1"),
    workload: aWorkload("1.7.1", ready),
    endpoints: {
      primary: endpoints({ "pod1.7.0": 4 }),
      canary: endpoints(ready > 0 ? { [canaryRevision("1.7.1")]: ready } : {}),
    },
    route: { weight, ownWeight: weight },
    ...over,
  });
}

/** All traffic on stable, written by us for the run of 1.7.1, which is over thereby. */
export const routeOver = { weight: 0, ownWeight: 0, over: "cafe1710-1" } as const;
export const takenBack = { kind: "setWeight", weight: 0, over: "cafe1710-1" } as const;

/** What a track got: nothing but `over`. */
export function someCounts(over: Partial<TrackCounts> = {}): TrackCounts {
  return { ...noCounts, ...over };
}

export function aTrack(over: Partial<TrackMetrics> = {}): TrackMetrics {
  const bad = { failures: 0, clientErrors: 0, denied: 0, unanswered: 0 };
  const latencyMs = { p50: 2, p95: 9, p99: 12 };
  return { requests: 500, attempts: 500, ...bad, requestsPerSecond: 50, latencyMs, countedBy: "pods", ...over };
}

export function aCheck(over: Partial<CheckStatus> = {}): CheckStatus {
  return {
    metric: "request-success-rate",
    outcome: "pass",
    value: 99.8,
    unit: "percent",
    min: 99,
    requests: 500,
    query: "sum(rate(response_total[1m]))",
    message: "request-success-rate is 99.80% (min 99%)",
    at: new Date(start).toISOString(),
    ...over,
  };
}

export function someMetrics(at: number, over: Partial<Extract<MetricsSeen, { ok: true }>> = {}): MetricsSeen {
  return {
    ok: true,
    askedAt: at,
    sampledAt: at,
    windowSeconds: 10,
    primary: aTrack(),
    canary: aTrack(),
    checks: [aCheck()],
    staleCallers: [],
    ...over,
  };
}

/** The tutorial's policy: 10, 20, ... 100 every 10 s, rolled back at five failed checks. */
export function aPolicy(over: Partial<Policy> = {}): Policy {
  return {
    intervalMs: 10_000,
    threshold: 5,
    strategy: { kind: "canary" },
    weights: [10, 20, 30, 40, 50, 60, 70, 80, 90, 100],
    metrics: [
      { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" },
      { name: "request-duration", thresholdRange: { max: 500 }, interval: "1m" },
    ],
    alerts: [],
    progressDeadlineMs: 60_000,
    primaryReadyPercent: 100,
    canaryReadyPercent: 100,
    countsRequests: true,
    minRequests: 1,
    warmupMs: 0,
    noEvidence: { policy: "hold", deadlineMs: 1_800_000 },
    cannotAskDeadlineMs: 1_800_000,
    comparison: { mode: "withinLimits", alpha: 0.01, marginPercent: 1 },
    drainMs: 6_000,
    hooks: [],
    pauses: [],
    skipAnalysis: false,
    suspend: false,
    ...over,
  };
}

/** The tutorial's Canary. */
export function aSpec(over: Partial<CanarySpec> = {}): CanarySpec {
  return {
    targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
    service: { port: 9898 },
    progressDeadlineSeconds: 60,
    analysis: {
      interval: "10s",
      threshold: 5,
      stepWeight: 10,
      maxWeight: 100,
      metrics: [
        { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" },
        { name: "request-duration", thresholdRange: { max: 500 }, interval: "1m" },
      ],
    },
    ...over,
  };
}

/** podinfo as the tutorial deploys it. */
export function aDeployment(over: Partial<NonNullable<V1Deployment["spec"]>> = {}): V1Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "podinfo", namespace: "test", uid: "uid-1" },
    spec: {
      replicas: 4,
      selector: { matchLabels: { app: "podinfo" } },
      template: {
        metadata: { labels: { app: "podinfo", team: "shop" }, annotations: { "linkerd.io/inject": "enabled" } },
        spec: { containers: [{ name: "podinfod", image: "quay.io/stefanprodan/podinfo:1.7.1" }] },
      },
      ...over,
    },
  };
}

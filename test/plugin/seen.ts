/** What `status` reads from a cluster, written by hand: a Canary in each state of a run, with the objects around it. */
import type { V1Deployment, V1Lease, V1Pod } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus, TrackStatus, CheckStatus } from "../../shared/core/objects/canary-status.ts";
import { annotation, label, leaseAnnotation } from "../../shared/core/objects/names.ts";
import type { Scope } from "../../plugin/context.ts";
import type { RouteObject } from "../../plugin/view/route.ts";
import type { Seen } from "../../plugin/view/types.ts";

export const now = Date.parse("2026-11-23T03:00:00Z");
export const ago = (seconds: number): string => new Date(now - seconds * 1_000).toISOString();

export const scope: Scope = { namespace: "test", clusterFlags: "", controllerNamespace: "kubectl-canary" };

export const stableImages = { podinfod: "quay.io/stefanprodan/podinfo:1.7.0" };
export const canaryImages = { podinfod: "quay.io/stefanprodan/podinfo:1.7.1" };

export function aCanary(status: CanaryStatus | undefined): Canary {
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name: "podinfo", namespace: "test", generation: 1, resourceVersion: "100" },
    spec: {
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
      service: { port: 9898 },
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
    },
    ...(status ? { status } : {}),
  };
}

export function aStatus(more: Partial<CanaryStatus>): CanaryStatus {
  return {
    phase: "Progressing",
    canaryWeight: 20,
    failedChecks: 0,
    iterations: 0,
    lastTransitionTime: ago(30),
    observedGeneration: 1,
    stable: { hash: "v1-aa", podTemplateHash: "6d4f8b9c5", images: stableImages },
    route: {
      kind: "TrafficSplit",
      apiVersion: "split.smi-spec.io/v1alpha2",
      name: "podinfo",
      why: "Linkerd-SMI is installed",
    },
    ...more,
  };
}

export const aRun = {
  id: "3",
  intent: "v1-bb",
  images: canaryImages,
  requestedBy: "alice (kubectl-set)",
  stage: "analysing",
  step: 1,
  steps: 10,
  startedAt: ago(45),
  stageAt: ago(12),
  checkAt: ago(-7),
} as const;

const primaryTrack: TrackStatus = {
  name: "primary",
  replicas: 4,
  ready: 4,
  weightPercent: 80,
  successPercent: 100,
  requestsPerSecond: 81.23,
  latencyMsP50: 4,
  latencyMsP95: 12,
  latencyMsP99: 31.4,
  requests: 4871,
};

const canaryTrack: TrackStatus = {
  name: "canary",
  replicas: 1,
  ready: 1,
  weightPercent: 20,
  successPercent: 99.61,
  requestsPerSecond: 19.6,
  latencyMsP50: 5,
  latencyMsP95: 14,
  latencyMsP99: 44,
  requests: 1176,
};

const noTraffic = { successPercent: null, requestsPerSecond: 0, requests: 0 };
const noLatency = { latencyMsP50: null, latencyMsP95: null, latencyMsP99: null };

export const tracks = { at: ago(4), windowSeconds: 60, primary: primaryTrack, canary: canaryTrack };
export const silentTracks = { ...tracks, canary: { ...canaryTrack, ...noTraffic, ...noLatency } };

export function aCheck(more: Partial<CheckStatus> = {}): CheckStatus {
  return {
    metric: "request-success-rate",
    outcome: "pass",
    value: 99.61,
    unit: "percent",
    min: 99,
    requests: 1176,
    query: 'sum(rate(response_total{namespace="test"}[60s]))',
    message: "",
    at: ago(4),
    ...more,
  };
}

export const latencyCheck = aCheck({ metric: "request-duration", value: 44, unit: "milliseconds", max: 500 });
delete latencyCheck.min;

export function aDeployment(name: string, replicas: number, image: string): V1Deployment {
  return {
    metadata: { name, namespace: "test" },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "podinfod", image }] } },
    },
    status: { replicas, readyReplicas: replicas },
  };
}

export function aSplit(canaryWeight: number, ownWeight = canaryWeight): RouteObject {
  return {
    apiVersion: "split.smi-spec.io/v1alpha2",
    kind: "TrafficSplit",
    metadata: {
      name: "podinfo",
      namespace: "test",
      labels: { [label.canary]: "podinfo" },
      annotations: { [annotation.weight]: String(ownWeight) },
    },
    spec: {
      service: "podinfo",
      backends: [
        { service: "podinfo-primary", weight: 100 - canaryWeight },
        { service: "podinfo-canary", weight: canaryWeight },
      ],
    },
  };
}

/** As the wire has it, to the microsecond; client-node's type for it is a class that JSON does not give. */
export function microTime(ms: number): NonNullable<NonNullable<V1Lease["spec"]>["renewTime"]> {
  return new Date(ms).toISOString().replace("Z", "000Z") as never;
}

export function aLease(renewedSecondsAgo: number): V1Lease {
  return {
    metadata: { name: "kubectl-canary-leader", namespace: "kubectl-canary" },
    spec: {
      holderIdentity: "kubectl-canary-7c9d-x2x4k",
      leaseDurationSeconds: 15,
      renewTime: microTime(now - renewedSecondsAgo * 1_000),
    },
  };
}

/** The leader's word on the webhook's certificate, whose end is so many days from now. */
export function withCertificate(lease: V1Lease, daysLeft: number, issuer = "own"): V1Lease {
  const inDays = (days: number): string => new Date(now + days * 86_400_000).toISOString();
  const annotations = {
    [leaseAnnotation.certificateIssuer]: issuer,
    [leaseAnnotation.certificateExpires]: inDays(daysLeft),
    [leaseAnnotation.certificateRenewBy]: inDays(daysLeft - 29),
  };
  return { ...lease, metadata: { ...lease.metadata, annotations } };
}

export function aPod(name: string, replicaSet: string, hash: string): V1Pod {
  const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: replicaSet, uid: "1", controller: true };
  return { metadata: { name, namespace: "test", labels: { "pod-template-hash": hash }, ownerReferences: [owner] } };
}

/** A run at weight 20 with everything in order, and what differs from it. */
export function seenWith(status: Partial<CanaryStatus> | undefined, more: Partial<Seen> = {}): Seen {
  const weight = status?.canaryWeight ?? 20;
  return {
    canary: aCanary(status ? aStatus(status) : undefined),
    target: aDeployment("podinfo", 4, stableImages.podinfod),
    workload: aDeployment("podinfo-canary", 1, canaryImages.podinfod),
    route: aSplit(weight),
    lease: aLease(2),
    callers: [],
    unread: [],
    ...more,
  };
}

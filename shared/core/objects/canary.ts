/**
 * The Canary resource as it is on the wire (`flagger.app/v1beta1`): Flagger's schema, plus our own optional fields in status.
 * Times are RFC 3339 strings here; the core works on `CanaryState` with milliseconds.
 */
import type { V1ObjectMeta } from "@kubernetes/client-node";
import type { AlertSeverity } from "./alerts/alert-provider.ts";
import type { Given } from "./made/from-spec.ts";
import type { CanaryStatus } from "./canary-status.ts";
import { annotation } from "./names.ts";

export interface Canary {
  apiVersion: string;
  kind: string;
  metadata: V1ObjectMeta;
  spec: CanarySpec;
  status?: CanaryStatus;
}

export interface CanarySpec {
  provider?: string;
  metricsServer?: string;
  targetRef: { apiVersion: string; kind: string; name: string };
  progressDeadlineSeconds?: number;
  skipAnalysis?: boolean;
  suspend?: boolean;
  revertOnDeletion?: boolean;
  autoscalerRef?: { apiVersion: string; kind: string; name: string };
  /** Named in templates only: Linkerd's traffic is not divided at an ingress. */
  ingressRef?: { name: string };
  routeRef?: { name: string };
  service?: ServiceSpec;
  analysis: AnalysisSpec;
}

export interface ServiceSpec {
  name?: string;
  port: number;
  portName?: string;
  targetPort?: number | string;
  appProtocol?: string;
  gatewayRefs?: GatewayRef[];
  hosts?: string[];
  /** Of a request until its answer, all attempts together; and of one attempt. */
  timeout?: string;
  backendTimeout?: string;
  headers?: { request?: HeaderChange; response?: HeaderChange };
  /** Conditions of which a request has to meet one, such as `{ uri: { prefix: "/" } }`. */
  match?: Record<string, unknown>[];
  rewrite?: object;
  mirror?: object[];
  /** All ports of the target's containers, for a Service that is made. */
  portDiscovery?: boolean;
  headless?: boolean;
  trafficDistribution?: string;
  /** Of the Service that is made, and of the route; of the leaves. */
  apex?: Given;
  primary?: Given;
  canary?: Given;
}

export interface HeaderChange {
  add?: Record<string, string>;
  set?: Record<string, string>;
  remove?: string[];
}

export interface GatewayRef {
  group?: string;
  kind?: string;
  name: string;
  namespace?: string;
  sectionName?: string;
  port?: number;
}

export interface AnalysisSpec {
  interval?: string;
  threshold?: number;
  stepWeight?: number;
  stepWeights?: number[];
  maxWeight?: number;
  stepWeightPromotion?: number;
  /** Percent of stable's pods that are enough to give traffic back to it; 100 unless given. */
  primaryReadyThreshold?: number;
  /** Percent of a step's canary pods that are enough to begin it; 100 unless given. */
  canaryReadyThreshold?: number;
  /** Pods of the canary, whatever its weight: a count, or percent of what all traffic needs. */
  canaryReplicas?: number | string;
  iterations?: number;
  mirror?: boolean;
  match?: AnalysisMatch[];
  /** Requests with this header get the canary while its pods are ready, whatever the weight; see docs/strategies.md. */
  preview?: { header?: { name?: string; value?: string } };
  metrics?: MetricSpec[];
  /** `none`: a worker, or a protocol that is not HTTP. Own queries and readiness judge it; see docs/judging.md. `counted` unless given. */
  requests?: "counted" | "none";
  /** Fewer users' requests than this in a metric's window are no evidence; 1 unless given. */
  minRequests?: number;
  /** How long after its first answer what a pod answers is no evidence; 0s unless given. See docs/judging.md. */
  warmup?: string;
  /** What a check without evidence comes to; `hold` unless given, and given up after `deadline` (30m). */
  noEvidence?: { policy?: "hold" | "fail" | "pass"; deadline?: string };
  /** For how long a Prometheus that cannot be asked freezes a run before it is taken back; 30m unless given. */
  cannotAsk?: { deadline?: string };
  /** The canary against the primary over the same requests; see docs/judging.md. */
  comparison?: ComparisonSpec;
  webhooks?: WebhookSpec[];
  /** Steps at which the run waits though every check passed; see docs/gates.md. */
  pauses?: PauseSpec[];
  /** Which versions that were promoted before go out again at once; none unless given. See docs/canary.md. */
  rollbackWindow?: { versions?: number; duration?: string };
  /** For how long the pods of a rejected canary stay, at weight 0. */
  keepFailedCanary?: string;
  alerts?: AlertSpec[];
  sessionAffinity?: SessionAffinitySpec;
}

/** Flagger's: every condition of one entry must hold, and any entry suffices. */
export interface AnalysisMatch {
  headers?: Record<string, StringMatch>;
  queryParams?: Record<string, StringMatch>;
  sourceLabels?: Record<string, string>;
}

/** One of them. */
export interface StringMatch {
  exact?: string;
  prefix?: string;
  suffix?: string;
  regex?: string;
}

/** Flagger's. `primaryCookieName` is `<cookieName>-primary` unless given. */
export interface SessionAffinitySpec {
  cookieName?: string;
  primaryCookieName?: string;
  domain?: string;
  httpOnly?: boolean;
  /** Seconds; a day unless given. */
  maxAge?: number;
  partitioned?: boolean;
  path?: string;
  sameSite?: "Strict" | "Lax" | "None";
  secure?: boolean;
}

/** Flagger's; `type` is `rollout` unless given. */
export interface WebhookSpec {
  name: string;
  url: string;
  type?: string;
  /** For one attempt; 10s unless given. */
  timeout?: string;
  retries?: number;
  /** The server's certificate is not checked. */
  disableTLS?: boolean;
  muteAlert?: boolean;
  metadata?: Record<string, string>;
}

export interface PauseSpec {
  /** Of the step; 0: before the first users. */
  weight: number;
  /** From when the weight is in force; until a person says so unless given. */
  duration?: string;
}

export interface AlertSpec {
  name: string;
  /** The least that is sent; `info` unless given. */
  severity?: AlertSeverity | "";
  /** An AlertProvider, of the Canary's namespace unless given. */
  providerRef: { name: string; namespace?: string };
}

export interface MetricSpec {
  name: string;
  interval?: string;
  threshold?: number;
  thresholdRange?: { min?: number; max?: number };
  query?: string;
  templateRef?: { name: string; namespace?: string };
  templateVariables?: Record<string, string>;
  /** Failed checks of this metric that a run may have, counted apart from `analysis.threshold`. */
  failureLimit?: number;
  /** It is measured and shown, and decides nothing. */
  dryRun?: boolean;
}

export interface ComparisonSpec {
  /** `withinLimits` (the default) never takes back a canary that keeps within its own limits; `always` does. */
  mode?: "off" | "withinLimits" | "always";
  /** Highest probability to take back or hold a canary that is no worse, by all tests together; 0.01 unless given. */
  alpha?: number;
  /** Percent of requests by which the canary may fail more than the primary; the room its success limit leaves unless given. */
  marginPercent?: number;
  /** What follows where the canary answers with 4xx more often than the primary; `hold` for a person unless given. */
  clientErrors?: "hold" | "rollback" | "off";
  /** Percent of requests by which it may; 5 unless given. */
  clientErrorsMarginPercent?: number;
}

/** The Canary that is obeyed comes first: of several on one target the oldest, of the same age the first by name. */
export function oldestFirst(a: Canary, b: Canary): number {
  return ageKey(a) < ageKey(b) ? -1 : 1;
}

/** Of what a Canary of namespace `own` refers to; an empty one is none, as in Flagger. */
export function referredNamespace({ namespace }: { namespace?: string | undefined } = {}, own: string): string {
  return namespace || own;
}

/** The Service that users send to. */
export function apexOf({ spec }: Pick<Canary, "spec">): string {
  return spec.service?.name || spec.targetRef.name;
}

/** A person has left it to Flagger (`kubectl canary migrate --back`): for us it is as good as deleted. */
export const isLeftToFlagger = ({ metadata }: Pick<Canary, "metadata">): boolean =>
  metadata.annotations?.[annotation.leftTo] === "flagger";

/** Nobody sends to it, so it has neither Services nor a route: a weight is the part of stable's pods that run beside them. */
export function isWithoutService({ spec }: Pick<Canary, "spec">): boolean {
  return spec.analysis.requests === "none" && spec.service === undefined;
}

// --- internal ---

/** The time as the API writes it, which sorts as text, and the name. */
function ageKey({ metadata }: Canary): string {
  return `${JSON.stringify(metadata.creationTimestamp ?? "")}/${metadata.name ?? ""}`;
}

/**
 * A Canary that came past the schema, as one may under another product's definition, with the parts of a spec that code counts on.
 * Any other as it is.
 */
export function withSpec(canary: Canary): Canary {
  const spec: Partial<CanarySpec> = { ...canary.spec };
  const { targetRef, analysis } = spec;
  if (targetRef?.kind && targetRef.name && analysis) return canary;
  return {
    ...canary,
    spec: { ...spec, targetRef: { apiVersion: "", kind: "", name: "", ...targetRef }, analysis: { ...analysis } },
  };
}

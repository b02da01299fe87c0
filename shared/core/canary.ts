/**
 * The Canary resource as it is on the wire (`flagger.app/v1beta1`): Flagger's schema, plus our own optional fields in status.
 * Times are RFC 3339 strings here; the core works on `CanaryState` with milliseconds.
 */
import type { V1ObjectMeta } from "@kubernetes/client-node";

/** Phases with Flagger's spelling, which Argo CD, Flux and `kubectl wait` users already know. */
export const phases = [
  "",
  "Initializing",
  "Initialized",
  "Waiting",
  "Progressing",
  "WaitingPromotion",
  "Promoting",
  "Finalising",
  "Succeeded",
  "Failed",
  "Terminating",
] as const;
export type Phase = (typeof phases)[number];

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
  iterations?: number;
  mirror?: boolean;
  match?: unknown[];
  metrics?: MetricSpec[];
  webhooks?: { name: string; url: string; type?: string }[];
  sessionAffinity?: object;
}

export interface MetricSpec {
  name: string;
  interval?: string;
  threshold?: number;
  thresholdRange?: { min?: number; max?: number };
  query?: string;
  templateRef?: { name: string; namespace?: string };
  templateVariables?: Record<string, string>;
}

/** What a verb of the plugin asks for; JSON in an annotation of the Canary, consumed once by its `id`. */
export interface Command {
  /** Unique per command; a command whose id equals `status.lastCommand.id` has been consumed. */
  id: string;
  verb: "promote" | "rollback";
  /** The run it was meant for; refused when that run is over. */
  run?: string;
  force?: boolean;
  reason?: string;
  /** Who asked: stamped by our webhook from the API server's userInfo, never believed from the client. */
  by?: string;
}

export interface CanaryCondition {
  type: "Promoted" | "Ready" | "Reconciling" | "Stalled";
  status: "True" | "False" | "Unknown";
  reason: string;
  message: string;
  lastUpdateTime: string;
  lastTransitionTime: string;
}

export type Outcome = "pass" | "fail" | "no-evidence" | "cannot-ask";

/** One metric of one check, as a person can re-derive it. */
export interface CheckStatus {
  metric: string;
  outcome: Outcome;
  /** Measured value in the metric's unit (percent, or milliseconds), null where there is none. */
  value: number | null;
  unit: "percent" | "milliseconds" | "";
  min?: number;
  max?: number;
  /** Users' requests behind the value. */
  requests: number | null;
  query: string;
  message: string;
  at: string;
}

/** Live numbers of one track over `windowSeconds`; null where there is no data. */
export interface TrackStatus {
  name: string;
  replicas: number;
  ready: number;
  weightPercent: number;
  successPercent: number | null;
  requestsPerSecond: number | null;
  latencyMsP50: number | null;
  latencyMsP95: number | null;
  latencyMsP99: number | null;
  requests: number | null;
}

export interface CanaryStatus {
  phase?: Phase;
  canaryWeight?: number;
  failedChecks?: number;
  iterations?: number;
  lastAppliedSpec?: string;
  lastPromotedSpec?: string;
  lastTransitionTime?: string;
  trackedConfigs?: Record<string, string>;
  conditions?: CanaryCondition[];
  observedGeneration?: number;
  /** One sentence: where it stands and why. */
  reason?: string;
  /** One sentence: what happens next, or what a person can do. */
  next?: string;
  stable?: { hash: string; podTemplateHash: string; images: Record<string, string> };
  run?: RunStatus;
  rejected?: { hash: string; at: string; cause: string }[];
  route?: { kind: "TrafficSplit" | "HTTPRoute"; apiVersion: string; name: string; why: string };
  tracks?: { at: string; windowSeconds: number; primary: TrackStatus; canary: TrackStatus };
  checks?: CheckStatus[];
  /** Callers that must be restarted once before they obey the route, as `namespace/pod`. */
  staleCallers?: string[];
  warnings?: string[];
  lastCommand?: { id: string; verb: string; by: string; accepted: boolean; message: string; at: string };
  history?: HistoryEntry[];
  runs?: number;
}

export const runStages = ["scaling", "analysing", "promoting", "returning", "restoring", "draining"] as const;
export type Stage = (typeof runStages)[number];

export interface RunStatus {
  id: string;
  intent: string;
  images: Record<string, string>;
  requestedBy: string;
  stage: Stage;
  /** Index of the current step, 0-based, and how many there are. */
  step: number;
  steps: number;
  startedAt: string;
  stageAt: string;
  checkAt?: string;
  holdSince?: string;
  ending?: { outcome: RunOutcome; cause: string };
}

export const runOutcomes = ["promoted", "rejected", "reverted", "superseded"] as const;
export type RunOutcome = (typeof runOutcomes)[number];

export interface HistoryEntry {
  run: string;
  images: Record<string, string>;
  requestedBy: string;
  outcome: RunOutcome;
  cause: string;
  startedAt: string;
  endedAt: string;
}

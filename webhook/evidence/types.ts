import type { MetricServer, MetricTemplate } from "../../shared/core/queries/query-template.ts";
import type { Measurement } from "../../shared/core/analysis/verdict.ts";
import type { Timers } from "../../shared/kube/clock.ts";
import type { MetricSpec } from "../../shared/core/objects/canary.ts";
import type { Credentials } from "./custom/credentials.ts";
import type { Prometheus } from "../../shared/prometheus.ts";
import type { CountersSeen, MetricsSeen } from "../../shared/core/observation.ts";
import type { StaleCaller } from "../../shared/core/format/restart-command.ts";
import type { BatchAnswer } from "./batches/query-batch.ts";

/** What a canary asks. Hashes are pod-template-hash values; undefined while no ReplicaSet has that template. */
export interface EvidenceRequest {
  /** The Canary's name and namespace. */
  name: string;
  namespace: string;
  /** The target Deployment, which runs stable, and the canary Deployment. */
  target: string;
  canary: string;
  apex: { name: string; port: number };
  /** What `{{ ingress }}` and `{{ route }}` stand for. */
  ingress?: string;
  route?: string;
  stableHash: string | undefined;
  canaryHash: string | undefined;
  /** Address of the Prometheus for everything but templates with an address of their own. */
  prometheus: string;
  metrics: readonly MetricSpec[];
  /** When the weight last moved, ms by our clock: no answer to an earlier question is taken. */
  notBefore: number;
  /** The route's weight since then. Undefined while none is set: then the only question is whether everything can be asked. */
  weight?: number;
  /** When this run's canary pods were made, ms. A query of the user's own is not believed while its window reaches further back. */
  runStartedAt?: number;
  /** Some of this run was counted before, perhaps by another leader: what it has counted must not count again. */
  isResumed?: true;
  /** When an earlier run of the very same template ended, ms: its pods carry the same labels as this run's. */
  earlierRunEndedAt?: number;
  /** Requests are no evidence, and nothing is asked about them: only its own queries. */
  isUncounted?: true;
  /** Fewer users' requests per metric window are no evidence; 1 by default. */
  minRequests?: number;
  /** How long after its first answer what a pod answers is no evidence, ms; 0 by default. */
  warmupMs?: number;
}

/** A meshed pod that sent requests to the apex, and the Service that its proxy chose for them. */
export interface Caller {
  namespace: string;
  pod: string;
  deployment: string;
  dstService: string;
}

export interface EvidenceDeps {
  /** A client for a server, which is kept. `maxBytes`: of an answer, where less than usual is enough. */
  prometheus(server: Required<Pick<MetricServer, "address">> & MetricServer, maxBytes?: number): Prometheus;
  metricTemplate(at: { namespace: string; name: string }): Promise<MetricTemplate | undefined>;
  /** Which of the callers have a proxy that is older than the route. */
  podsOlderThanRoute(callers: readonly Caller[], request: EvidenceRequest): Promise<StaleCaller[]>;
  /** Why traffic does not follow the route's weights, as far as can be found out; `callers` are those that do not obey. */
  whyNotObeyed(
    callers: readonly Caller[],
    request: EvidenceRequest,
  ): Promise<{ staleCallers: StaleCaller[]; cause?: string }>;
  credentials: Credentials;
  /** Hosts that templates and Canaries may name, besides the controller's own Prometheus: see `refusalOf`. */
  allowedAddresses: readonly string[];
  /** Namespaces whose MetricTemplates every Canary may name. */
  templateNamespaces: readonly string[];
  /** The controller's own Prometheus, which may always be asked. */
  ownAddress: string;
  /** ms since 1970. */
  now(): number;
  timers: Timers;
  log: { warn(details: object, message: string): void };
  /** How often Prometheus looks at the pods: no answer changes in between. */
  scrapeIntervalMs: number;
  /** How long the first of several askers waits for the others; 20 by default. */
  gatherMs?: number;
}

export interface Evidence {
  ask(request: EvidenceRequest): Promise<MetricsSeen>;
  /**
   * Both tracks' counters and the measured share; undefined where Prometheus could not be asked. `isUrgent`: a check is due; otherwise also
   * undefined where many canaries share each reading, and the next one's turn has not come.
   */
  look(request: EvidenceRequest, isUrgent: boolean): Promise<CountersSeen | undefined>;
  /** Callers that do not obey a TrafficSplit until they are restarted; undefined where that could not be asked, or not yet. */
  staleCallers(request: EvidenceRequest): Promise<StaleCaller[] | undefined>;
}

/** Answers of the batched questions by window. */
export interface Answers {
  requests: Map<number, BatchAnswer>;
  latency: Map<number, BatchAnswer>;
  /** Seconds of warm-up that they leave out. */
  warmup: number;
  /** A request from outside the mesh that is younger, in seconds, may yet be answered. */
  recent: number;
}

/** A metric, and the window that it is measured over. */
export interface Planned {
  spec: MetricSpec;
  window: number | undefined;
}

/** What a query of the user's own was answered. */
export interface CustomAnswer {
  measurement: Measurement;
  askedAt: number;
  /** How far the query's own ranges reach back, whatever the metric's interval says; 0 where it has none. */
  reachSeconds: number;
}

/** How warm the canary's pods are, by the last reading. */
export interface Warmth {
  /** How many are still cold. */
  pods: number;
  /** When the first of all is or was warm, and when the last, ms; undefined while no user has reached any. */
  firstAt?: number;
  lastAt?: number;
}

import type { AutoscalerSeen } from "./objects/scaling/autoscaler.ts";
import type { RouteSeen } from "./routes/routes.ts";
import type { CheckStatus, Side } from "./objects/canary-status.ts";
import type { CannotAskCode } from "./objects/check-codes.ts";
import type { Command } from "./objects/command.ts";
import type { AlertSeverity } from "./objects/alerts/alert-provider.ts";
import type { Version } from "./state.ts";
import type { CountOrigin, DeniedBy, TrackCounts } from "./analysis/track-counts.ts";
import type { StaleCaller } from "./format/restart-command.ts";
import type { ConfigsSeen } from "./config/tracking.ts";
import type { Finding } from "./preconditions/finding.ts";
import type { UserRequests } from "./analysis/user-requests.ts";

/** The user's Deployment, reduced to what decisions need. */
export interface Target {
  uid: string;
  intent: string;
  images: Record<string, string>;
  /** Our opt-in label is there and names this very object. */
  optedIn: boolean;
  held: boolean;
  pausedByUser: boolean;
  /** `spec.paused`, whoever set it. */
  paused: boolean;
  /** Break-glass: our label that lets one change go withoutWait. */
  bypass: boolean;
  requestedBy: string;
  /** Who last wrote the template, as far as is known: a user, or a field manager. */
  changedBy: string;
  /** Id of the run in our promoting mark, if there is one. */
  promoting?: string;
  /** Which configuration its template stands for, by our own annotation. */
  configMark?: string;
  /** pod-template-hash in our stable label. */
  stableMark?: string;
  /** Our rejection is what its Progressing condition says. */
  markedRejected: boolean;
  /** `spec.replicas`. */
  replicas: number;
  /** Pods that Kubernetes counts as ready. */
  readyPods: number;
  /** Kubernetes has observed the spec, and every pod is of the spec's template, ready and available. */
  rolledOut: boolean;
  /** Available pods, where Kubernetes has observed the spec and every pod is of its template. */
  available?: number;
  /** Its strategy may stop every pod before a new one is ready, as `maxSurge: 0` does to one replica. */
  mayLeaveNobody?: true;
  /** `ProgressDeadlineExceeded` of the Deployment's own rollout, in its words. */
  stuck?: string;
  /** The versions whose ReplicaSets have pods, oldest first. */
  active: Version[];
  /** Stable's template is kept by us as well, for when its ReplicaSet is gone. */
  stableKept: boolean;
  /** pod-template-hash of the ReplicaSet for its template, where there is one. */
  podTemplateHash?: string;
  /** pod-template-hashes of all its ReplicaSets: versions whose template can be put back. */
  kept: string[];
}

export interface Workload {
  /** Intent that it runs, from our own label. */
  intent: string;
  /** Its label does not say that this very Canary made it: an earlier version did, or a Canary of the same name. */
  isUnsealed?: true;
  /** Hash of its template as the API server stored it. */
  template: string;
  replicas: number;
  /** The last run that was written to be over. */
  over?: string;
  /** pod-template-hash of the ReplicaSet for its present template; undefined until it exists. */
  podTemplateHash?: string;
  /** Why its pods cannot become ready, in one sentence with the pod's name. */
  failure?: string;
}

/** Ready endpoints of a leaf Service, in all and by pod-template-hash. */
export interface Endpoints {
  ready: number;
  byRevision: Record<string, number>;
  /** The leaf Service itself is not there: whatever share it has fails. */
  isGone?: boolean;
}

/** A precondition that is not met. */
export type Unmet = Pick<Finding, "code" | "level" | "what">;

export interface Refusal {
  /** What was refused and how, for programs: `runCanary/Forbidden`. */
  write: string;
  /** The same as a sentence, with the API server's words. */
  what: string;
}

export interface Observation {
  /** The only clock of the core, ms since the epoch. */
  now: number;
  name: string;
  namespace: string;
  /** Name of the Deployment that `targetRef` names. */
  targetName: string;
  apexName: string;
  command?: Command;
  /** What stands in the way, what forbids most first. */
  unmet: readonly Unmet[];
  /** A write of ours that the API server refused when it was last tried. */
  refusal?: Refusal;
  warnings: string[];
  target?: Target;
  /** Leaf Services and apex exist as they should. */
  servicesReady: boolean;
  /** Something that we made for the target is there: canary Deployment, leaf Service or route. */
  oursExist: boolean;
  /** A route of ours of the other kind, which divided traffic until the provider became another. */
  hasOtherRoute?: boolean;
  workload?: Workload;
  endpoints: { primary: Endpoints; canary: Endpoints };
  /** ConfigMaps and Secrets of the target's template; null where they are not tracked, undefined where they were not looked at. */
  configs?: ConfigsSeen | null;
  /** Callers whose proxy is older than the TrafficSplit; looked for at initialization. */
  staleCallers?: StaleCaller[];
  route?: RouteSeen;
  /** Read when a check is due. */
  autoscaler?: AutoscalerSeen;
  metrics?: MetricsSeen;
  counters?: CountersSeen;
  /** What webhooks last answered, by their keys; nothing of those that have not been asked since the controller started. */
  answers?: Readonly<Record<string, HookAnswer>>;
  /** How often Prometheus looks at the pods. */
  scrapeIntervalMs: number;
  /** The chart's own provider is told of Canaries that name none, from this severity on. */
  chartAlerts?: AlertSeverity;
  /** Alerts of this Canary that have come to an end with one of their receivers. */
  deliveries?: readonly Delivery[];
}

export interface Delivery {
  /** Of the alert. */
  at: number;
  /** As in the alert's `to`. */
  to: string;
  /** Why it was given up, in a sentence; absent where the receiver has it. */
  failure?: string;
}

export interface HookAnswer {
  askedAt: number;
  passed: boolean;
  /** In a clause, as `it answered 403`. */
  what: string;
}

/** Users' requests to one track over the window: see `UserRequests`. `requests` 0 with null latencies: nothing was measured. */
export interface TrackMetrics extends Omit<UserRequests, "side" | "slow"> {
  requestsPerSecond: number;
  latencyMs: { p50: number | null; p95: number | null; p99: number | null };
  /** Which side the numbers are from. */
  countedBy: Side;
}

export type MetricsSeen =
  | {
      ok: true;
      askedAt: number;
      /** Time of the newest sample of the canary's pods, ms; 0 if there is none. */
      sampledAt: number;
      /** Prometheus has no sample of the primary's pods either: it does not look at this app, and waiting for it is in vain. */
      isUnwatched?: boolean;
      windowSeconds: number;
      primary: TrackMetrics;
      canary: TrackMetrics;
      /** Result of each metric of the Canary, in its order. */
      checks: CheckStatus[];
      /** Callers whose proxy is older than the TrafficSplit. */
      staleCallers: StaleCaller[];
      /** Canary pods that Prometheus knows of and cannot scrape: what their own proxies counted is not known. */
      unscraped?: string[];
      /** Callers, as `namespace/pod`, that would send the canary's share nowhere yet; looked for before the first weight. */
      unaware?: string[];
      /** A window still reaches to before this run: that evidence is missing says nothing yet. */
      isEarly?: boolean;
    }
  | { ok: false; askedAt: number; error: string; code: CannotAskCode };

/** What was counted for both tracks since this controller first looked at the run. */
export interface CountersSeen {
  /** Begins anew with each controller process and run: totals of different epochs have nothing to do with each other. */
  epoch: number;
  at: number;
  /** Time of the newest sample of the canary's pods, ms, where there is one. */
  sampledAt?: number;
  canary: TrackCounts;
  primary: TrackCounts;
  /** Of `canary`; absent while nobody has counted a request. */
  canaryOrigin?: CountOrigin;
  /** What refused the canary's users, where `canary.denied` says that some were. */
  deniedBy?: DeniedBy;
  share?: ShareSeen;
  /** While warm-up is left out: what was left out of `canary`, and what the primary got meanwhile. */
  warmup?: WarmupSeen;
}

export interface WarmupSeen {
  canary: TrackCounts;
  primary: TrackCounts;
  /** Canary pods that are warming up now. */
  pods: number;
  /** When the first evidence may be there, ms; undefined while no user has reached the canary. */
  evidenceAt?: number;
}

/** What Prometheus says of a canary, as decisions see it. JSON-plain. */
/** The canary's measured share of traffic. */
export interface ShareSeen {
  /** `callers`: by what meshed callers sent; `inbound`: by what both tracks received. */
  source: "callers" | "inbound";
  canary: number;
  all: number;
  /** Weights that were in force meanwhile, percent. */
  low: number;
  high: number;
  /** How many stretches in a row lay outside the binomial interval on the same side. */
  scrapes: number;
  /** Callers that must be restarted before they obey; where the share of all together is wrong. */
  staleCallers: StaleCaller[];
  /** Every such caller that was found, and its part of all requests; it keeps the run waiting only where the share of all is wrong by it. */
  stale?: (StaleCaller & { percent: number })[];
  /** Any other cause that was found, as a clause. */
  cause?: string;
}

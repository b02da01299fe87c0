/**
 * What the decision core works on: the state kept in a Canary's status (times in ms since the epoch), what was seen of the
 * world, and what is to be done. JSON-plain, closed unions; nothing here reads a clock or a network.
 */
import type {
  CanaryStatus,
  CheckStatus,
  Command,
  HistoryEntry,
  HoldCause,
  Phase,
  RunOutcome,
  Stage,
  TrackStatus,
  UnvettedStatus,
} from "./canary.ts";

import type { LedgerSeen, MetricsSeen } from "./metrics.ts";
import type { Block, SequentialState } from "./sequential.ts";

export type { LedgerSeen, MetricsSeen, ShareSeen, TrackMetrics } from "./metrics.ts";
export type { HoldCause, Phase, RunOutcome, Stage } from "./canary.ts";

export interface Version {
  /** Hash of the canonical pod template, `v1-<hex>`. */
  hash: string;
  /** Label value that Kubernetes gave this template's pods. */
  podTemplateHash: string;
  images: Record<string, string>;
}

export interface Run {
  id: string;
  intent: string;
  images: Record<string, string>;
  requestedBy: string;
  stage: Stage;
  /** Index into the policy's weights of the step being prepared or analysed. */
  step: number;
  startedAt: number;
  /** When the present stage (or step) began. */
  stageAt: number;
  /** When the next check is due. Absent: at once while analysing; while scaling, when the pods are ready. */
  checkAt?: number;
  /** Why the step is held, and since when for a cause of this kind. */
  hold?: HoldCause;
  holdSince?: number;
  paused?: Pause;
  /** Weight that someone else set below ours: not exceeded until a person says so. */
  ceiling?: number;
  /** How often every canary pod was lost while it had traffic. */
  losses?: number;
  comparison?: Comparison;
  /** Set while the run is being wound up. */
  ending?: { outcome: RunOutcome; cause: string };
}

/** The canary against the primary, since the run has traffic. */
export interface Comparison extends SequentialState {
  /** The totals that were last seen: what comes later counts from here. */
  read: Block & { epoch: number; warmup?: Block };
  /** What canary pods answered while they warmed up. */
  warmup?: SequentialState;
}

export interface Pause {
  by: string;
  at: number;
  /** Goes on by itself then. */
  until?: number;
  reason?: string;
}

/** A template that went live without a canary. */
export interface Unvetted extends Omit<UnvettedStatus, "at"> {
  at: number;
}

export interface Rejection {
  hash: string;
  at: number;
  cause: string;
}

/** What keeps every run from starting: an obstacle needs a person, what is missing may still arrive. */
export type Blocked = NonNullable<CanaryStatus["blocked"]>;

export interface CommandResult {
  id: string;
  verb: string;
  by: string;
  accepted: boolean;
  message: string;
  at: number;
}

export interface Tracks {
  at: number;
  windowSeconds: number;
  primary: TrackStatus;
  canary: TrackStatus;
}

export interface CanaryState {
  phase: Phase;
  /** Percent of users' requests that the canary is meant to get. */
  weight: number;
  failedChecks: number;
  stable?: Version;
  run?: Run;
  rejected: Rejection[];
  checks: CheckStatus[];
  tracks?: Tracks;
  staleCallers: string[];
  warnings: string[];
  lastCommand?: CommandResult;
  unvetted?: Unvetted;
  blocked?: Blocked;
  /** Since when the target is gone. */
  targetMissingSince?: number;
  history: (Omit<HistoryEntry, "startedAt" | "endedAt"> & { startedAt: number; endedAt: number })[];
  /** How many runs there have been; gives the next run its id. */
  runs: number;
  reason: string;
  next: string;
  transitionAt: number;
}

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
  /** Break-glass: our label that lets one change go unheld. */
  bypass: boolean;
  requestedBy: string;
  /** Who last wrote the template, as far as is known: a user, or a field manager. */
  changedBy: string;
  /** Id of the run in our promoting mark, if there is one. */
  promoting?: string;
  /** pod-template-hash in our stable label. */
  stableMark?: string;
  /** Our rejection is what its Progressing condition says. */
  markedRejected: boolean;
  /** `spec.replicas`. */
  replicas: number;
  /** Kubernetes has observed the spec, and every pod is of the spec's template, ready and available. */
  rolledOut: boolean;
  /** `ProgressDeadlineExceeded` of the Deployment's own rollout, in its words. */
  stuck?: string;
  /** The versions whose ReplicaSets have pods, oldest first. */
  active: Version[];
  /** Stable's template is kept by us as well, for when its ReplicaSet is gone. */
  stableKept: boolean;
  /** pod-template-hashes of all its ReplicaSets: versions whose template can be put back. */
  kept: string[];
  /** Reason why this Deployment can never be canaried as it is (strategy, owner, selector), if any. */
  unfit?: string;
}

export interface Workload {
  /** Intent that it runs, from our own label. */
  intent: string;
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

export interface RouteSeen {
  /** Percent that the canary leaf has now. */
  weight: number;
  /** Percent of our own last write; differs from `weight` when someone else wrote since. */
  ownWeight: number;
  /** The last run that was written to be over. */
  over?: string;
  /** Why the mesh does not obey it (not Accepted, BackendNotFound ...), undefined if it does. */
  problem?: string;
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
  /** Sentences about what forbids us to touch anything: foreign objects, Flagger, an older Canary on the target. */
  obstacles: string[];
  /** Sentences about what is missing or unwise but leaves what runs alone. */
  missing: string[];
  warnings: string[];
  target?: Target;
  /** Leaf Services and apex exist as they should. */
  servicesReady: boolean;
  /** Something that we made for the target is there: canary Deployment, leaf Service or route. */
  oursExist: boolean;
  workload?: Workload;
  endpoints: { primary: Endpoints; canary: Endpoints };
  /** Callers whose proxy is older than the TrafficSplit, `namespace/pod`; looked for at initialization. */
  staleCallers?: string[];
  route?: RouteSeen;
  metrics?: MetricsSeen;
  ledger?: LedgerSeen;
  /** How often Prometheus looks at the pods. */
  scrapeIntervalMs: number;
}

export type Action =
  /** Put the opt-in and stable labels on the target. */
  | { kind: "optIn"; podTemplateHash: string }
  /** Create or correct the leaf Services, and the apex if it is missing. */
  | { kind: "applyServices" }
  /** Create or correct the route; a new one starts at 100/0. */
  | { kind: "applyRoute" }
  /** With the run that is over, if one is: whoever still means to write for it has seen an older route, and fails. */
  | { kind: "setWeight"; weight: number; over?: string }
  /**
   * Canary Deployment with the target's present template, which must hash to `intent`, at `replicas`; a new one is made without
   * pods, and scaled when it is seen: to make it is nothing that could be refused to who comes too late.
   */
  | { kind: "runCanary"; intent: string; replicas: number }
  /** `over` as for `setWeight`. */
  | { kind: "scaleCanary"; replicas: number; over?: string }
  /** Let the target roll to `intent`, if that is still its template. */
  | { kind: "releaseTarget"; intent: string; run: string }
  /** The target runs what it should: take our promoting mark off, name the new stable. */
  | { kind: "settleTarget"; podTemplateHash: string }
  /** The intent went back to stable: give the rollout back to its user as it was. */
  | { kind: "unholdTarget" }
  /** Write stable's template back into the target's spec, paused as the user had it. */
  | { kind: "restoreStable"; podTemplateHash: string }
  /** The target is gone for good: delete canary Deployment, leaf Services and route. */
  | { kind: "removeOurs" }
  /** Keep stable's template, as long as its ReplicaSet has it, in the place of an earlier one. */
  | { kind: "keepStable"; podTemplateHash: string }
  /** Take the break-glass label off: it was good for one change. */
  | { kind: "consumeBypass" }
  | { kind: "markRejected"; message: string }
  | { kind: "clearRejected" };

export interface EventText {
  type: "Normal" | "Warning";
  message: string;
}

export interface Decision {
  next: CanaryState;
  actions: readonly Action[];
  events: readonly EventText[];
  /** Decide again after so long even if nothing is seen to change; undefined: only when something does. */
  requeueAfterMs?: number;
}

export function assertNever(value: never): never {
  throw new Error(`unexpected ${JSON.stringify(value)}`);
}

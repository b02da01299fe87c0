/**
 * What the decision core works on: the state kept in a Canary's status (times in ms since the epoch), what was seen of the
 * world, and what is to be done. JSON-plain, closed unions; nothing here reads a clock or a network.
 */
import type { CheckCode } from "./objects/check-codes.ts";
import type { AlertStatus } from "./objects/alerts/alert-status.ts";
import type {
  HistoryEntry,
  RunOutcome,
  CanaryStatus,
  UnvettedStatus,
  Stage,
  TrackStatus,
  TrendStatus,
  CheckStatus,
  Phase,
} from "./objects/canary-status.ts";

import type { AfterRunStatus, GateStatus } from "./objects/gate-status.ts";
import type { FloorStatus } from "./objects/scaling/floor-status.ts";
import type { RequestMatch } from "./objects/routing/rules.ts";
import type { WaitCause } from "./objects/wait-causes.ts";
import type { ConfigState } from "./config/tracking.ts";
import type { StaleCaller } from "./format/restart-command.ts";
import type { SequentialState } from "./analysis/sequential-test.ts";
import type { TrackCounts } from "./analysis/track-counts.ts";

export type { Phase, RunOutcome, Stage } from "./objects/canary-status.ts";

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
  /** Why the analysis waits, and since when for a cause of this kind. */
  wait?: WaitCause;
  waitSince?: number;
  /** Of `cannot-ask`: why. */
  waitCode?: CheckCode;
  paused?: Pause;
  /** Weight that someone else set below ours: not exceeded until a person says so. */
  ceiling?: number;
  /** How often every canary pod was lost while it had traffic. */
  losses?: number;
  /** Replicas that all traffic needed when the canary got its weight: what it needs since then is no loss. */
  givenFor?: number;
  /** Of an A/B test: the requests that its weight is for. */
  only?: RequestMatch[];
  /** Hash of the canary Deployment's template as the API server stored it for this run. */
  canaryTemplate?: string;
  comparison?: Comparison;
  /** What both tracks got since the weight moved. */
  share?: MeasuredShare;
  /** It answered with 4xx more often than the primary, in words; the run waits until a person accepts it. */
  clientErrors?: { cause: string; acceptedBy?: string };
  /** Where it stands, and what was asked there. */
  gate?: Gate;
  /** Gates that let it through: by their keys, and those of a step with its index behind an `@`. */
  passed?: string[];
  /** Since when an answer of the `rollout` webhooks is about the present check. */
  hooksAt?: number;
  /** It goes back to a version that was stable before, without steps: by whose word, and which run had promoted it. */
  back?: { how: "window" | "command"; run: string; cause: string };
  /** How often each metric that is counted by itself has failed: one with a `failureLimit`, or a dry run. */
  metricFailures?: Record<string, number>;
  /** Set while the run is being wound up. */
  ending?: { outcome: RunOutcome; cause: string };
}

/**
 * The canary against the primary, since the run has traffic: the test of failures, and those beside it. What each test's `failures`
 * are is what that test is about.
 */
export interface Comparison extends SequentialState {
  /** The totals that were last seen: what comes later counts from here. */
  read: Totals & { epoch: number; warmup?: Totals };
  /** What canary pods answered while they warmed up. */
  warmup?: SequentialState;
  clientErrors?: SequentialState;
  /** `boundMs`: what was slow meanwhile. */
  slow?: SequentialState & { boundMs: number };
  denied?: SequentialState;
}

/** Counted from the first reading in which nothing of an earlier weight can be any more. */
export interface MeasuredShare {
  /** When the weight moved: counts of another weight are none. */
  movedAt: number;
  epoch: number;
  /** Totals at that reading. */
  from: { canary: number; primary: number };
  /** Users' requests since, to the canary and to both. */
  canary: number;
  all: number;
}

/** Success and latency of both tracks at one check. */
export interface TrendPoint extends Omit<TrendStatus, "at"> {
  at: number;
}

/** What both tracks got. */
export interface Totals {
  canary: TrackCounts;
  primary: TrackCounts;
}

export interface Gate extends Omit<GateStatus, "since" | "askAt" | "until"> {
  since: number;
  askAt: number;
  until?: number;
}

/** What is still to be told of a run that is over. */
export interface AfterRun extends Omit<AfterRunStatus, "at"> {
  at: number;
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

/** Replicas that autoscalers leave the target: all traffic needs them. */
export interface Floor extends Omit<FloorStatus, "until"> {
  until?: number;
  message: string;
}

/** An alert on its way, see {@link AlertStatus}. */
export type Alert = Omit<AlertStatus, "at"> & { at: number };

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
  /** What `tracks` was at the last checks of this run, oldest first. */
  trend?: TrendPoint[];
  staleCallers: StaleCaller[];
  warnings: string[];
  /** Those that somebody has not got yet, oldest first. */
  alerts: Alert[];
  lastCommand?: CommandResult;
  unvetted?: Unvetted;
  /** Of a rejected canary: until when its pods stay for a look. */
  keptUntil?: number;
  blocked?: Blocked;
  /** What is known of the configuration that its target's template refers to, where that is tracked. */
  configs?: ConfigState;
  /** Since when the target is gone. */
  targetMissingSince?: number;
  /** The last run's end, until its `post-rollout` webhooks know of it. */
  afterRun?: AfterRun;
  /** Since when stable's leaf has no endpoint although the target has ready pods. */
  leafEmptySince?: number;
  floor?: Floor;
  history: (Omit<HistoryEntry, "startedAt" | "endedAt"> & { startedAt: number; endedAt: number })[];
  /** How many runs there have been; gives the next run its id. */
  runs: number;
  reason: string;
  /** What `reason` says, for programs; absent where it is just what the phase and the run say. */
  reasonCode?: string;
  next: string;
  transitionAt: number;
}

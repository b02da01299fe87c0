/** The status of a Canary as it is on the wire. Times are RFC 3339 strings; the core works on `CanaryState` with milliseconds. */
import type { AlertStatus } from "./alerts/alert-status.ts";
import type { CheckCode } from "./check-codes.ts";
import type { FloorStatus } from "./scaling/floor-status.ts";
import type { AfterRunStatus, GateStatus } from "./gate-status.ts";
import type { RequestMatch } from "./routing/rules.ts";
import type { WaitCause } from "./wait-causes.ts";

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
  /** What it came to, for programs; absent in a status of an earlier version, as is `why`. */
  code?: CheckCode;
  /** Measured value in the metric's unit (percent, or milliseconds), null where there is none. */
  value: number | null;
  unit: "percent" | "milliseconds" | "";
  min?: number;
  max?: number;
  /** Failed checks of this metric that a run may have, where it has a limit of its own. */
  failureLimit?: number;
  /** It decides nothing. */
  dryRun?: true;
  /** How often it has failed in this run, of a metric with one of these two. */
  failures?: number;
  /** Users' requests behind the value. */
  requests: number | null;
  query: string;
  /** `why` in Flagger's words. */
  message: string;
  /** The finding itself, in a clause: a comparison with the limit, or why there is none. */
  why?: string;
  at: string;
}

/** Whose proxies counted users' requests: meshed callers', the pods', or both. */
export type Side = "callers" | "pods" | "both";

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
  /** Each once, however many attempts it took. */
  requests: number | null;
  /** What users got of them; absent where an older controller measured. */
  failures?: number;
  clientErrors?: number;
  /** Refused by the mesh's policy. */
  denied?: number;
  /** Those of `failures` that got no answer. */
  unanswered?: number;
  /** Requests and their retries. */
  attempts?: number;
  countedBy?: Side;
  /** Where the two sides differ by more than chance: the numbers and the likely cause, in a sentence. */
  disagreement?: string;
}

/** Success (percent) and P99 (ms) at one check; what was not measured is left out. */
export interface TrendStatus {
  at: string;
  primary: TrendNumbers;
  canary: TrendNumbers;
}

export interface TrendNumbers {
  successPercent?: number;
  latencyMsP99?: number;
}

/** `reasonCode` where a change is asked for, and something keeps its run from starting. */
export const changeWaits = "change-waits";

/** Of a reason that says that the target is switched off: nobody serves, and no run starts. */
export const scaledToZero = "scaled-to-zero";

type ConfigChangeStatus = { mark: string; changed: Readonly<Record<string, string>> };

export interface CanaryStatus {
  phase?: Phase;
  canaryWeight?: number;
  failedChecks?: number;
  iterations?: number;
  lastAppliedSpec?: string;
  lastPromotedSpec?: string;
  lastTransitionTime?: string;
  trackedConfigs?: Record<string, string>;
  /** What those hashes are of, and which of them have changed since. */
  configs?: { key: string; mark?: string; pending?: ConfigChangeStatus; marked?: ConfigChangeStatus };
  conditions?: CanaryCondition[];
  observedGeneration?: number;
  /** One sentence: where it stands and why. */
  reason?: string;
  /** The same for programs, where phase and run do not say it: a precondition, a cause to wait, `change-waits` and the like. */
  reasonCode?: string;
  next?: string;
  stable?: { hash: string; podTemplateHash: string; images: Record<string, string> };
  run?: RunStatus;
  rejected?: { hash: string; at: string; cause: string }[];
  route?: { kind: "TrafficSplit" | "HTTPRoute"; apiVersion: string; name: string; why: string };
  tracks?: { at: string; windowSeconds: number; primary: TrackStatus; canary: TrackStatus };
  /** The same in short for the last checks of this run, oldest first. */
  trend?: TrendStatus[];
  checks?: CheckStatus[];
  /** Callers that must be restarted once before they obey the route, as `namespace/pod`. */
  staleCallers?: string[];
  /** What to restart for each of `staleCallers`, by its name there: `deployment/load`, `statefulset/db`, `pod/x`. */
  callerWorkloads?: Record<string, string>;
  warnings?: string[];
  /** `code`: which precondition is not met, absent in a status of an earlier version. `write`: which was refused, and how. */
  blocked?: { kind: "obstacle" | "missing"; code?: string; write?: string; what: string };
  lastCommand?: { id: string; verb: string; by: string; accepted: boolean; message: string; at: string };
  /** A template that went live without a canary, until it is adopted or undone. */
  unvetted?: UnvettedStatus;
  /** Since when there is no Deployment to release; what was made for it goes after a while. */
  targetMissingSince?: string;
  /** The last run's end, while it is still to be told. */
  afterRun?: AfterRunStatus;
  /** Since when stable's leaf has no endpoint although the target has ready pods; until when a rejected canary's pods stay. */
  leafEmptySince?: string;
  keptUntil?: string;
  floor?: FloorStatus;
  history?: HistoryEntry[];
  runs?: number;
  /** The Events of the last decision that had any, oldest first, and those before it that could not be written yet. */
  said?: SaidStatus[];
  /** Alerts that are still on their way, oldest first. */
  alerts?: AlertStatus[];
}

/** An Event as it is to be written; its time is its own among a Canary's. */
export interface SaidStatus {
  at: string;
  type: "Normal" | "Warning";
  message: string;
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
  /** Why the weight stays although the interval is over, and since when. */
  hold?: WaitCause;
  holdSince?: string;
  /** Of `cannot-ask`: why, as in `checks`. */
  holdCode?: CheckCode;
  /** A person's pause: until `resume`, or until a time. */
  paused?: { by: string; at: string; until?: string; reason?: string };
  /** A weight that someone else set below ours: it is not exceeded until `promote`, `resume` or that person raises it. */
  ceiling?: number;
  /** How often every canary pod was lost while it had traffic. */
  losses?: number;
  /** Replicas that all traffic needed when the canary got its weight. */
  givenFor?: number;
  /** Of an A/B test: the requests that its weight is for, all others being stable's. */
  only?: RequestMatch[];
  /** Hash of the canary Deployment's template as it was stored for this run: another is someone else's. */
  canaryTemplate?: string;
  /** The canary against the primary: see docs/judging.md. */
  comparison?: ComparisonStatus;
  /** Users' requests to the canary and to all, from the first reading in which nothing of an earlier weight can be; `from` is its totals. */
  share?: { movedAt: string; epoch: number; from: { canary: number; primary: number }; canary: number; all: number };
  /** It answered with 4xx more often than the primary: waits for a person, until one has accepted it. */
  clientErrors?: { cause: string; acceptedBy?: string };
  gate?: GateStatus;
  /** Gates that let it through; those of a step with its index. */
  passed?: string[];
  /** When the `rollout` webhooks were last asked. */
  hooksAt?: string;
  /** It goes back to a version that was stable before, without steps: why it may, and the run that had promoted it. */
  back?: { how: "window" | "command"; run: string; cause: string };
  /** How often each metric that is counted by itself has failed. */
  metricFailures?: Record<string, number>;
  ending?: { outcome: RunOutcome; cause: string };
}

/** Users' requests, and how many of them failed. */
export interface CountsStatus {
  requests: number;
  failures: number;
}

export interface ComparisonStatus {
  /** Evidence that the canary is worse by more than the margin: 1 says nothing, 1/alpha takes it back. At most a million. */
  evidence: number;
  canary: CountsStatus;
  primary: CountsStatus;
  /** What the evidence is continued from. */
  logEvidence: number[];
  read: ReadStatus;
  /** The same of what canary pods answered while they warmed up, which only takes back who fails most of it. */
  warmup?: { canary: CountsStatus; primary: CountsStatus; logEvidence: number[] };
  /** The same of requests that were answered with 4xx. */
  clientErrors?: TestStatus<"clientErrors">;
  /** The same of requests that took longer than a bound, or were never answered. */
  slow?: TestStatus<"slow"> & { boundMs: number };
  /** The same of requests that the mesh's policy refused. */
  denied?: TestStatus<"denied">;
}

/** A test beside that of failures, over the requests since it is on. */
export interface TestStatus<K extends "clientErrors" | "slow" | "denied"> {
  /** As above. */
  evidence: number;
  canary: Record<"requests" | K, number>;
  primary: Record<"requests" | K, number>;
  logEvidence: number[];
}

interface ReadStatus {
  epoch: number;
  canary: ReadCountsStatus;
  primary: ReadCountsStatus;
  warmup?: { canary: ReadCountsStatus; primary: ReadCountsStatus };
}

/** An earlier version counted failures alone. */
type ReadCountsStatus = CountsStatus & { clientErrors?: number; slow?: number; denied?: number };

export interface UnvettedStatus {
  /** Hash of the template that went live, and the images it has. */
  hash: string;
  images: Record<string, string>;
  /** Who changed it as far as is known: a user, or the field manager that wrote the template. */
  by: string;
  /** How it went past: `break-glass`, `recreated`, `webhook did not answer`. */
  how: string;
  at: string;
  /** Who asked for stable to be put back, while that is under way. */
  undoneBy?: string;
  /** The break-glass label that let it go has been taken off: one that is there now is for another change. */
  spent?: boolean;
}

/** What a Canary's status remembers of the runs that are over. */
export const runOutcomes = ["promoted", "rejected", "reverted", "superseded", "aborted"] as const;
export type RunOutcome = (typeof runOutcomes)[number];

export interface HistoryEntry {
  run: string;
  /** Hash of the template that was tried; missing in entries of earlier versions. */
  intent?: string;
  images: Record<string, string>;
  requestedBy: string;
  outcome: RunOutcome;
  cause: string;
  startedAt: string;
  endedAt: string;
  /** It went back to a version that had been promoted before, and was not judged again. */
  back?: true;
  /** Of an A/B test: percent of users' requests that matched; missing where too few were counted. */
  matchedPercent?: number;
  /** Of a promoted run: what was stable until then. */
  before?: { hash: string; podTemplateHash: string; images: Record<string, string> };
}

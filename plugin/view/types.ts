import type { FloorStatus } from "../../shared/core/objects/scaling/floor-status.ts";
import type { WaitCause } from "../../shared/core/objects/wait-causes.ts";
import type { V1Deployment, V2HorizontalPodAutoscaler, V1Service, V1ReplicaSet, V1Pod } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type {
  HistoryEntry,
  CanaryStatus,
  UnvettedStatus,
  TrackStatus,
  TrendStatus,
  CheckStatus,
} from "../../shared/core/objects/canary-status.ts";
import type { Caller, CallerView } from "./callers.ts";
import type { ControllerView, SeenLease } from "./controller-health.ts";
import type { EtaView } from "./eta.ts";
import type { RouteObject, RouteView } from "./route.ts";

/** What was read from the cluster; undefined where an object is not there or may not be read. */
export interface Seen {
  canary: Canary;
  target?: V1Deployment | undefined;
  workload?: V1Deployment | undefined;
  route?: RouteObject | undefined;
  lease?: SeenLease;
  callers: Caller[];
  /** What the tree is made of; read by `status` only. */
  objects?: Objects | undefined;
  /** Sentences about what could not be read. */
  unread: string[];
}

export interface TrackView extends TrackStatus {
  deployment: string;
  images: Record<string, string>;
}

export interface RunView {
  id: string;
  stage: string;
  /** 1-based. */
  step: number;
  steps: number;
  /** Which of how many iterations it is, 1-based; null at a step by weight. */
  iteration: { index: number; of: number } | null;
  requestedBy: string;
  startedAt: string;
  stageAt: string;
  checkAt: string | null;
  /** Why the weight stays although the interval is over; null while it does not. */
  hold: WaitCause | null;
  holdSince: string | null;
  /** A person's pause; `until` is null where only `resume` ends it. */
  paused: { by: string; at: string; until: string | null; reason: string | null } | null;
  /** Percent that someone else set, and that is not exceeded; null if no one did. */
  ceilingPercent: number | null;
  /** The webhook or the declared pause at which it stands; null where it stands at none. */
  gate: { type: string; name: string; since: string; until: string | null; answer: string | null } | null;
  /** More client errors than the primary's, and who has accepted them; null where there are none. */
  clientErrors: { cause: string; acceptedBy: string | null } | null;
  /** A request that takes longer is slow, by the bucket of the mesh that is watched; null where none is. */
  slowBoundMs: number | null;
  ending: { outcome: string; cause: string } | null;
  /** When it may be promoted; null where nobody can know. */
  eta: EtaView | null;
  /** Users' requests since the weight moved; null until the first that cannot be of the weight before. */
  share: { canary: number; all: number } | null;
}

export interface CanaryView {
  apiVersion: "kubectl-canary/v1";
  kind: "CanaryView";
  name: string;
  namespace: string;
  target: string;
  phase: string;
  phaseSince: string | null;
  verdict: Headline;
  reason: string;
  next: string;
  failedChecks: number;
  /** Failed checks at which the run is rolled back. */
  failedChecksLimit: number;
  /** Percent that the controller means the canary to have. */
  canaryWeightPercent: number;
  /** The weight is of the requests that match an A/B test alone; all others are stable's. */
  isForMatching: boolean;
  /** Users' requests are evidence; if not, own queries and readiness are. */
  countsRequests: boolean;
  /** Without one a weight is a share of stable's pods, that run beside them. */
  hasService: boolean;
  route: RouteView | null;
  /** Ready pods of the target; null where its Deployment cannot be read. */
  stableReadyPods: number | null;
  /** Kind and name of the route that status names, and why that kind; also where it cannot be read. */
  routeChoice: { kind: string; name: string; why: string } | null;
  run: RunView | null;
  images: { stable: Record<string, string>; canary: Record<string, string> | null };
  /** Primary, then canary. */
  tracks: TrackView[];
  /** Success and P99 at the last checks of this run, oldest first. */
  trend: TrendStatus[];
  measuredAt: string | null;
  windowSeconds: number | null;
  checks: CheckStatus[];
  callers: CallerView[];
  warnings: string[];
  unread: string[];
  /** Deployments with their ReplicaSets and pods, Services, route, autoscaler; null where they were not asked for. */
  tree: Node[] | null;
  controller: ControllerView;
  lastCommand: NonNullable<CanaryStatus["lastCommand"]> | null;
  /** A template that went live without a canary. */
  unvetted: UnvettedStatus | null;
  /** Replicas that all traffic needs, while autoscalers are kept from taking them. */
  floor: FloorStatus | null;
  /** Until when the pods of a rejected canary stay for a look. */
  keptUntil: string | null;
  /** What keeps every run from starting. */
  blocked: NonNullable<CanaryStatus["blocked"]> | null;
  /** What `reason` says, for programs. */
  reasonCode: string | null;
  /** Newest first. */
  history: HistoryEntry[];
  /** Command that gives stable every request by hand, for when the controller is gone. */
  drainCommand: string | null;
  advice: Advice[];
}

/** A view before it is judged and commands are proposed. */
export type CanaryFacts = Omit<CanaryView, "verdict" | "advice" | "tree">;

export interface Headline {
  level: "good" | "busy" | "warn" | "bad";
  text: string;
}

export interface Advice {
  command: string;
  /** What it does, a few words. */
  effect: string;
}

export interface Node {
  kind: string;
  name: string;
  /** Null where nothing is counted. */
  ready: number | null;
  desired: number | null;
  note: string;
  children: Node[];
}

export interface Objects {
  replicaSets: V1ReplicaSet[];
  pods: V1Pod[];
  services: V1Service[];
  autoscalers: V2HorizontalPodAutoscaler[];
  /** Sentences about what may not be read. */
  unread: string[];
}

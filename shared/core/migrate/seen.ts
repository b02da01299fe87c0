/** What a migration looks at, and what one look comes to. Programs read codes and kinds, people the sentences. */
import type { V1Deployment, V1ObjectMeta, V1Service } from "@kubernetes/client-node";
import type { Canary } from "../objects/canary.ts";
import type { Cure, Known } from "../preconditions/finding.ts";
import type { PolicyObjects } from "../objects/inbound-policy.ts";
import type { NetworkPolicy } from "../selectors/network-policy.ts";
import type { RouteObject } from "../routes/routes.ts";

/** A HorizontalPodAutoscaler, or a ScaledObject of KEDA's. */
export interface Scaler {
  kind: "HorizontalPodAutoscaler" | "ScaledObject";
  metadata?: V1ObjectMeta;
  spec?: {
    scaleTargetRef?: { name?: string };
    minReplicas?: number;
    maxReplicas?: number;
    minReplicaCount?: number;
    maxReplicaCount?: number;
  };
}

/** A ConfigMap or a Secret: one that the pods refer to, or Flagger's copy of it. */
export interface ConfigObject {
  kind: "ConfigMap" | "Secret";
  metadata?: V1ObjectMeta;
  data?: Record<string, string>;
}

/** The objects of one Canary, as the API server has them now. */
export interface MigrationSeen {
  canary: Canary;
  /** The user's Deployment. */
  target: V1Deployment | null;
  /** Deployment `<target>-primary`. */
  primary: V1Deployment | null;
  /** Deployment `<target>-canary`, which only kubectl-canary makes. */
  workload: V1Deployment | null;
  /** Pods that are left of the primary, those that are ending included. */
  primaryPods: number;
  /** Every Service of the namespace. */
  services: readonly V1Service[];
  /** TrafficSplit and HTTPRoute with the apex' name. */
  routes: readonly RouteObject[];
  /** Every scaler of the namespace. */
  scalers: readonly Scaler[];
  /** What the templates of target and primary refer to, and `<name>-primary` of each. */
  configs: readonly ConfigObject[];
  /** Flagger's controllers at work, wherever they run; undefined: they could not be listed. */
  flaggers: Known<readonly V1Deployment[]>;
  /** How many ms ago Flagger last wrote the Canary's status, and the primary's leaf; undefined: never, as their managedFields say. */
  flaggerWrote: { status?: number; leaf?: number };
  /** For how many ms the primary has had no traffic, as far as the caller has seen; less after a restart of the caller. */
  quietMs: number;
  /** All of the namespace, read before the first write; undefined where there are none, or they may not be read. */
  networkPolicies?: readonly NetworkPolicy[] | undefined;
  inboundPolicies?: PolicyObjects | undefined;
  /**
   * RFC 3339 in UTC: until when a floor that is written now holds, and what one that is there must outlast. Undefined where the API
   * server keeps none, for it has an older CRD.
   */
  floorTimes?: { until: string; atLeast: string };
}

export type MigrationKind =
  | "Canary"
  | "Deployment"
  | "Service"
  | "TrafficSplit"
  | "HTTPRoute"
  | "HorizontalPodAutoscaler"
  | "ScaledObject"
  | "ConfigMap"
  | "Secret";

export type MigrationWriteCode =
  | "serving-template"
  | "resume-scaler"
  | "scale"
  | "hold-size"
  | "switch-over"
  | "take-route"
  | "take-leaf"
  | "give-apex"
  | "take-canary"
  | "remove"
  | "share-copy"
  | "leave-canary"
  | "forget-status"
  | "plain-labels";

export interface MigrationWrite {
  code: MigrationWriteCode;
  verb: "replace" | "delete";
  kind: MigrationKind;
  /** The object as it is to be, with the resourceVersion that was seen; of a deletion, as it was seen. */
  object: { apiVersion?: string; metadata?: V1ObjectMeta };
  subresource?: "status";
  /** How many pods it is about: with another number it is not the same write again. */
  size?: number;
  /** What it does, for people: a main clause without a full stop. */
  does: string;
}

export type MigrationWaitCode = "pods" | "drain" | "primary-pods" | "controller";

export type MigrationRefusalCode =
  | "target-missing"
  | "target-unfit"
  | "being-deleted"
  | "unfinished-run"
  | "flagger-acts"
  | "canary-weight"
  | "not-carried-out"
  | "not-flaggers"
  | "autoscaler-maximum"
  | "config-differs"
  | "policy-differs"
  | "target-paused"
  | "run-under-way"
  | "held";

export interface MigrationRefusal {
  kind: "refuse";
  code: MigrationRefusalCode;
  /** Sentences: what was seen, with the numbers. */
  why: string;
  cure: Cure;
}

export interface MigrationWait {
  kind: "wait";
  code: MigrationWaitCode;
  /** How far it has come, such as pods that are ready: another number is a movement. Of a drain 0, for time passes by itself. */
  stand: number;
  why: string;
}

export type MigrationStep =
  { kind: "write"; write: MigrationWrite } | MigrationWait | MigrationRefusal | { kind: "done" };

/** The same for a write that is made again because somebody has undone it. */
export function writeKey({ code, kind, object, size }: MigrationWrite): string {
  return [code, kind, object.metadata?.name, size ?? ""].join("/");
}

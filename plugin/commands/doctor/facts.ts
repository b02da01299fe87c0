/**
 * What `doctor` looked at, and what it finds. A fact is `null` where the cluster was asked and has no such thing, and
 * `undefined` where it could not be asked (no permission, no answer): a probe never takes the one for the other.
 */
import type {
  V1CustomResourceDefinition,
  V1Deployment,
  V1Lease,
  V1Pod,
  V1ReplicaSet,
  V1Service,
  V2HorizontalPodAutoscaler,
} from "@kubernetes/client-node";
import type { AlertProvider } from "../../../shared/core/objects/alerts/alert-provider.ts";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { RouteObject } from "../../../shared/core/routes/routes.ts";
import type { ServiceProfile } from "../../../shared/service-profile.ts";
import type { MetricTemplate } from "../../../shared/core/queries/query-template.ts";
import type { PolicyObjects } from "../../../shared/core/objects/inbound-policy.ts";
import type { Known, SelectingObjects } from "../../../shared/core/preconditions/finding.ts";
import { preconditionCodes } from "../../../shared/core/preconditions/preconditions.ts";
import type { Scope } from "../../context.ts";

export { nameOf } from "../../../shared/core/preconditions/finding.ts";

export interface Facts {
  /** ms since the epoch. */
  now: number;
  scope: Scope;
  /** The Deployment that is asked about, and the Service that users send to. */
  targetName: string;
  apexName: string;
  clientVersion: string;
  /** The Canary of that Deployment; the oldest, where there are several. */
  canary: Known<Canary>;
  /** Others on the same Deployment. */
  rivals?: readonly Canary[] | undefined;
  definition?: Known<V1CustomResourceDefinition>;
  target?: Known<V1Deployment>;
  workload?: Known<V1Deployment>;
  /** Of the namespace. */
  deployments?: readonly V1Deployment[] | undefined;
  replicaSets?: readonly V1ReplicaSet[] | undefined;
  pods?: readonly V1Pod[] | undefined;
  services?: readonly V1Service[] | undefined;
  autoscalers?: readonly V2HorizontalPodAutoscaler[] | undefined;
  route?: Known<RouteObject>;
  /** Kinds of route that the API server serves. */
  servedRoutes?: readonly string[] | undefined;
  /** ServiceProfiles for the apex. */
  serviceProfiles?: readonly ServiceProfile[] | undefined;
  /** Linkerd's policy objects of the namespace; undefined also where the cluster has none. */
  policies?: PolicyObjects | undefined;
  /** What else of the namespace selects pods by their labels. */
  selecting?: SelectingObjects | undefined;
  /** The MetricTemplates of every namespace that a Canary names one of, by `namespace/name`. */
  templates?: ReadonlyMap<string, MetricTemplate> | undefined;
  /** The AlertProviders likewise. */
  alertProviders?: ReadonlyMap<string, AlertProvider> | undefined;
  /** Flagger's controllers, wherever they run. */
  flaggers?: readonly V1Deployment[] | undefined;
  controller?: Known<V1Deployment>;
  lease?: Known<V1Lease>;
  webhook?: Known<WebhookFacts>;
  permissions?: readonly Permission[] | undefined;
}

/** The webhook that catches changes of Deployments. */
export interface WebhookFacts {
  /** Name of the MutatingWebhookConfiguration. */
  configuration: string;
  failurePolicy: string;
  /** The only namespaces that its selector takes in; undefined: all. */
  watchNamespaces?: readonly string[] | undefined;
  /** Namespaces that its selector leaves out. */
  excludedNamespaces?: readonly string[];
  service: { namespace: string; name: string };
  /** PEM certificates that the API server trusts for it. */
  trusted: readonly string[];
  /** Pods behind its Service that are ready; undefined where that may not be read. */
  readyEndpoints?: number | undefined;
  /** PEM certificate that it serves; null where it serves none. */
  serving?: Known<string>;
}

export interface Permission {
  verb: string;
  /** As `canaries.flagger.app`. */
  resource: string;
  /** Only of the object with this name. */
  name?: string;
  namespace: string;
  allowed: boolean;
  /** What cannot be done without it. */
  for: string;
}

export interface Finding {
  /** Which fault it is: the probe's name, for programs. */
  fault: Fault;
  /** `broken` stops a canary or endangers users; `warning` is worth a look. */
  level: "broken" | "warning";
  /** What is wrong, one sentence. */
  what: string;
  /** What was seen that proves it. */
  evidence: string;
  /** A command to paste, or a sentence where no command could do it. */
  cure: string;
}

/** Every fault that is known, in the order in which causes come before what they cause. */
export const faults = [
  "crd-missing",
  "crd-foreign",
  "permission-missing",
  "controller-missing",
  "controller-silent",
  "version-skew",
  "webhook-missing",
  "webhook-down",
  "certificate-expired",
  "certificate-mismatch",
  "certificate-overdue",
  "webhook-bypassed",
  "canary-missing",
  "canary-suspended",
  ...preconditionCodes,
  "leaf-empty",
  "target-paused",
  "autoscaler-fight",
  "route-not-obeyed",
  "split-not-carried-out",
  "service-profile-over-route",
  "weight-lowered",
  "quota",
  "unschedulable",
  "image-pull",
  "crash-loop",
  "not-ready",
  "prometheus-forbidden",
  "prometheus-unreachable",
  "prometheus-refuses",
  "metric-not-a-number",
  "canary-not-scraped",
  "target-unmeshed",
  "caller-unmeshed",
  "caller-older-than-split",
  "no-traffic",
  "write-refused",
  "blocked",
  "waits-for-person",
] as const;

export type Fault = (typeof faults)[number];

/** Looks at facts and nothing else. Silent where it does not know. */
export type Probe = (facts: Facts) => Finding[];

/** `kubectl -n NAMESPACE ...` for the cluster that was asked; `words` with their own namespace are left as they are. */
export function kubectl({ scope }: Facts, words: string, namespace = scope.namespace): string {
  return `kubectl -n ${namespace} ${words}${scope.clusterFlags}`;
}

/** `kubectl canary VERB ...` for the same Canary. */
export function kubectlCanary({ scope }: Facts, words: string): string {
  return `kubectl canary ${words} -n ${scope.namespace}${scope.clusterFlags}`;
}

/** At most three of many, and how many more. */
export function some(names: readonly string[]): string {
  const rest = names.length - 3;
  return names.slice(0, 3).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

export interface DoctorView {
  apiVersion: "kubectl-canary/v1";
  kind: "DoctorView";
  namespace: string;
  /** Nothing is broken; there may be warnings. */
  sound: boolean;
  /** `deployment/NAME` of each that was looked at. */
  targets: string[];
  findings: (Finding & { target: string })[];
  /** What could not be looked at, for want of permission. */
  unread: string[];
}

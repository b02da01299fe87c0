/** What a precondition is given, and what it says where it is not met. */
import type {
  V1Deployment,
  V1LabelSelector,
  V1ObjectMeta,
  V1PodDisruptionBudget,
  V1Service,
  V2HorizontalPodAutoscaler,
} from "@kubernetes/client-node";
import type { NetworkPolicy } from "../selectors/network-policy.ts";
import type { Labels } from "../selectors/selector.ts";
import type { QueryReader } from "../queries/query-scope.ts";
import type { MetricTemplate } from "../queries/query-template.ts";
import type { AlertProvider } from "../objects/alerts/alert-provider.ts";
import type { Canary } from "../objects/canary.ts";
import { shellQuoted } from "../format/shell.ts";
import { label } from "../objects/names.ts";
import type { RouteObject } from "../routes/routes.ts";
import type { PolicyObjects } from "../objects/inbound-policy.ts";

/** `null`: the cluster was asked and has no such object. `undefined`: it could not be asked, so nothing is said about it. */
export type Known<T> = T | null | undefined;

/** The objects that a caller has seen of one Canary. Whatever is left out is not known. */
export interface SeenObjects {
  canary?: Known<Canary>;
  namespace: string;
  /** Name of the Deployment in `spec.targetRef`. */
  targetName: string;
  /** Name of the Service that users send to. */
  apexName: string;
  target?: Known<V1Deployment>;
  /** What stable's pods carry: the target's template may be the next version's, with other labels. */
  stableLabels?: Labels | undefined;
  /** Deployment `<target>-canary`, whoever made it. */
  workload?: Known<V1Deployment>;
  /** Deployment `<target>-primary`, a name that only Flagger uses. */
  primary?: Known<V1Deployment>;
  /** Of target, apex and route, as `Deployment NAME`: what is too large for the controller to keep. */
  tooLarge?: readonly string[] | undefined;
  /** Every Service of the namespace. */
  services?: readonly V1Service[] | undefined;
  /** The route that has the apex' name, whoever made it. */
  route?: Known<RouteObject>;
  /** Every Canary that has the same target. */
  canaries?: readonly Canary[] | undefined;
  /** Flagger's controllers that are at work, wherever they run. */
  flaggers?: readonly V1Deployment[] | undefined;
  /** The MetricTemplates that the Canary may name, by `namespace/name`. */
  templates?: ReadonlyMap<string, MetricTemplate> | undefined;
  /** Says which track a query of the user's measures. */
  readQuery?: QueryReader;
  /** Whether the mesh can read a text as a regular expression. */
  isPattern?: (text: string) => boolean;
  /** The controller's own Prometheus, and which others may be asked beside Services of a namespace, as the chart has it. */
  metricServers?: { own: string; allowed: readonly string[] } | undefined;
  /** The AlertProviders that the Canary may name, by `namespace/name`. */
  alertProviders?: ReadonlyMap<string, AlertProvider> | undefined;
  /** What the chart lets AlertProviders do. */
  alerts?: { providerNamespaces: readonly string[]; allowedAddresses: readonly string[] } | undefined;
  /** Namespaces whose MetricTemplates every Canary may name, as the chart has it. */
  templateNamespaces?: readonly string[] | undefined;
  /** The only namespaces that the controller looks after; empty: all. */
  watchNamespaces?: readonly string[] | undefined;
  /** Namespaces where the API server does not ask the webhook about a change. */
  excludedNamespaces?: readonly string[] | undefined;
  /** Whether a route of ours may have other parents than Services of the Canary's namespace, as the chart has it. */
  allowGateways?: boolean | undefined;
  /** Linkerd's policy objects of the namespace; undefined where there are none, or they are not known. */
  policies?: PolicyObjects | undefined;
  /** What else of the namespace selects pods by their labels; each undefined where it is not known. */
  selecting?: SelectingObjects | undefined;
  /** What the template cannot do without and that is not there, as `configmap/NAME`. */
  missingConfigs?: readonly string[] | undefined;
  /** Where the controller may read ConfigMaps and Secrets for this, as the chart has it. */
  configNamespaces?: readonly string[] | undefined;
  /** Every Deployment of the namespace. */
  deployments?: readonly V1Deployment[] | undefined;
  /** Every HorizontalPodAutoscaler of the namespace. */
  autoscalers?: readonly V2HorizontalPodAutoscaler[] | undefined;
  /** Hosts that a Canary's webhooks may name beside Services of its namespace, as the chart has it. */
  hookAddresses?: readonly string[] | undefined;
  /** Kinds of route that the API server serves. */
  servedRoutes?: readonly string[] | undefined;
  /** The controller's own `provider` setting. */
  provider?: string | undefined;
}

/** All of one namespace, where they may be read. */
export interface SelectingObjects {
  networkPolicies?: readonly NetworkPolicy[] | undefined;
  budgets?: readonly V1PodDisruptionBudget[] | undefined;
  /** Of the Prometheus operator; like ServiceMonitors, undefined too where the cluster has none. */
  podMonitors?: readonly PodMonitor[] | undefined;
  serviceMonitors?: readonly ServiceMonitor[] | undefined;
}

export interface PodMonitor {
  metadata: V1ObjectMeta;
  spec: { selector?: V1LabelSelector; namespaceSelector?: { any?: boolean; matchNames?: string[] } };
}

export type ServiceMonitor = PodMonitor;

/**
 * How much is forbidden. `obstacle`: nothing is touched, also in a run. `unfit`: no run starts, and one under way stays where
 * it is. `missing`: no run starts, and it may still arrive. `warning`: nothing.
 */
export type Level = "obstacle" | "unfit" | "missing" | "warning";

/** What a person can do: words, a command to paste, or words that end in a command. */
export interface Cure {
  say?: string;
  /** A whole `kubectl` line for the cluster that is the default. */
  run?: string;
}

export interface Finding<Code extends string = string> {
  code: Code;
  level: Level;
  /** What was found and what to do, one sentence or two. */
  what: string;
  /** What was seen that proves it. */
  evidence: string;
  cure: Cure;
  /**
   * The Canary's own fields that ask for what cannot be, as `spec.provider`; an item of a list by its name, `spec.analysis.metrics[errors]`.
   * None where anything but another text of the Canary may help.
   */
  fields?: readonly string[];
}

/** Pure. Nothing where the objects do not say. */
export type Rule = (seen: SeenObjects) => Omit<Finding, "code">[];
export type Rules = Readonly<Record<string, Rule>>;

export const kubectlIn = (namespace: string, words: string): string => `kubectl -n ${namespace} ${words}`;

/** `what`: kind and name. */
export const patchIn = (namespace: string, what: string, patch: object): string =>
  kubectlIn(namespace, `patch ${what} --type merge -p ${shellQuoted(JSON.stringify(patch))}`);

export const nameOf = (object: { metadata?: { name?: string } } | null | undefined): string =>
  object?.metadata?.name ?? "";

/** Whether `object` lacks our label with this Canary's name, so that it must not be touched. */
export function isForeign(canary: Canary, object: { metadata?: { labels?: Record<string, string> } }): boolean {
  return object.metadata?.labels?.[label.canary] !== nameOf(canary);
}

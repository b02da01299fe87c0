/** Everything the loop watches, and which Canary each change concerns. */
import type {
  V1ControllerRevision,
  V1Deployment,
  V1EndpointSlice,
  V1Service,
  V2HorizontalPodAutoscaler,
} from "@kubernetes/client-node";
import type { AlertProvider } from "../../../shared/core/objects/alerts/alert-provider.ts";
import { apexOf, type Canary, isLeftToFlagger, referredNamespace } from "../../../shared/core/objects/canary.ts";
import { alsoSelects, canaryPodLabels } from "../../../shared/core/objects/workload.ts";
import { possibleTrackLabels } from "../../../shared/core/selectors/track-label.ts";
import type { MetricTemplate } from "../../../shared/core/queries/query-template.ts";
import { optional } from "../../../shared/core/format/compact.ts";
import { canaryLeaf, canaryName, label, primaryLeaf, primaryName } from "../../../shared/core/objects/names.ts";
import type { RouteObject } from "../../../shared/core/routes/routes.ts";
import { resource, type Resource } from "../../../shared/kube/resources.ts";
import { keyOf, type Stored } from "../../../shared/kube/store.ts";
import { asOne, present, type Cache } from "./cache.ts";
import type { ServedPolicies } from "../objects/served-policies.ts";
import type { ServedRoutes } from "../objects/route-choice.ts";
import { metaOf, toRevision, type Revision } from "../objects/from-objects.ts";
import { watchAutoscalers } from "./autoscalers.ts";
import { watchProviders, watchTemplates, type NamedDeps } from "./named.ts";
import { watchPolicies, type PolicyCaches } from "./policies.ts";
import { watchSelecting, type SelectingCaches } from "./selecting.ts";
import { keptService, outlineOfMetadata } from "./outline.ts";
import { shaped, slimDeployment, slimRoute, slimSlice } from "./slim.ts";
import { watchInto, type Keys } from "./watch.ts";

export interface Caches {
  canaries: Cache<Canary>;
  deployments: Cache<V1Deployment>;
  revisions: Cache<Revision>;
  services: Cache<V1Service>;
  slices: Cache<V1EndpointSlice>;
  splits: Cache<RouteObject>;
  httpRoutes: Cache<RouteObject>;
  templates: Cache<MetricTemplate>;
  alertProviders: Cache<AlertProvider>;
  /** Templates of stable versions that we keep; without the templates themselves. */
  kept: Cache<V1ControllerRevision>;
  /** Undefined where the cluster has none, or we may not read them. */
  policies?: PolicyCaches;
  /** What else selects pods by their labels: the kinds that we may read. */
  selecting: SelectingCaches;
  /** Undefined where we may not read them. */
  autoscalers?: Cache<V2HorizontalPodAutoscaler>;
  hasSynced(): boolean;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface CacheDeps extends NamedDeps {
  routes: ServedRoutes;
  /** Where the cluster has Linkerd's policy objects, and we may read them. */
  policies?: ServedPolicies | undefined;
  /** Plurals of the kinds that we may read, of those without which we work all the same. */
  readable?: readonly string[];
}

export const indexes = {
  namespace: "namespace",
  target: "target",
  /** Its target, the canary's Deployment, and the one that Flagger would make. */
  deployment: "deployment",
  apex: "apex",
  owner: "owner",
  canary: "canary",
} as const;

export function createCaches(deps: CacheDeps): Caches {
  const canaries: Cache<Canary> = watchInto<Canary>(deps, resource.canaries, {
    transform: shaped,
    indexes: {
      [indexes.namespace]: (canary) => [canary.metadata.namespace ?? ""],
      [indexes.target]: (canary) => [targetKey(canary)],
      [indexes.deployment]: deploymentKeys,
      [indexes.apex]: (canary) => [`${canary.metadata.namespace}/${apexOf(canary)}`],
    },
    keys: (canary) => [keyOf(canary), ...canaries.byIndex(indexes.target, targetKey(canary)).map(keyOf)],
  });
  const mapping = keysFor(canaries, (namespace, name) => parts.services.get(namespace, name));
  const deployments = watchInto<V1Deployment>(deps, resource.deployments, {
    transform: (deployment) => slimDeployment(deployment, isNamed(canaries, indexes.deployment, deployment)),
    indexes: { [indexes.namespace]: (deployment) => [deployment.metadata?.namespace ?? ""] },
    keys: mapping.deployment,
  });
  const parts = {
    canaries,
    deployments,
    revisions: watchRevisions(deps, mapping.revision),
    services: watchServices(deps, (service) => [
      ...concernedBy({ canaries, deployments }, service),
      ...mapping.labelled(service),
    ]),
    slices: watchInto<V1EndpointSlice>(deps, resource.endpointSlices, {
      labelSelector: label.canary,
      transform: slimSlice,
      indexes: { [indexes.owner]: (slice) => [serviceOf(slice)] },
      keys: mapping.labelled,
    }),
    splits: watchRoutes(deps, deps.routes.trafficSplit.resource, { canaries, keys: mapping.apex }),
    httpRoutes: watchRoutes(deps, deps.routes.httpRoute.resource, { canaries, keys: mapping.apex }),
    templates: watchTemplates(deps, mapping.template),
    alertProviders: watchProviders(deps, mapping.provider),
    kept: watchKept(deps, mapping.labelled),
  };
  const inNamespace = (namespace: string): Canary[] => canaries.byIndex(indexes.namespace, namespace);
  const policies = watchPolicies(deps, deps.policies, (namespace) => inNamespace(namespace).map(keyOf));
  const selecting = watchSelecting(deps, deps.readable ?? [], {
    canaries: inNamespace,
    target: ({ metadata, spec }) => deployments.get(metadata.namespace ?? "", spec.targetRef.name),
  });
  const byNamespace = { byNamespace: indexes.namespace, canariesIn: inNamespace };
  const scaling = watchAutoscalers(deps, deps.readable ?? [], byNamespace);
  // What Canaries name is kept whole: they come first.
  const all = [...Object.values(parts), ...[policies, selecting, scaling].flatMap(present)];
  return { ...parts, ...optional("policies", policies), selecting, ...scaling, ...asOne(canaries, all) };
}

/** One of its Services by name, or one that would send users to its pods. In a namespace with many Canaries few are concerned. */
export function isConcernedBy(service: V1Service, canary: Canary, target: V1Deployment | undefined): boolean {
  const apex = apexOf(canary);
  if ([apex, primaryLeaf(apex), canaryLeaf(apex)].includes(service.metadata?.name ?? "")) return true;
  if (target === undefined) return false;
  // By whichever label the tracks are told apart.
  return possibleTrackLabels(target).some((key) => alsoSelects(service, canaryPodLabels(target, key)));
}

/** One of its metrics is asked as this template says; a template may be another namespace's. */
export function namesTemplate({ metadata, spec }: Canary, template: MetricTemplate): boolean {
  return (spec.analysis.metrics ?? []).some(({ templateRef }) => {
    if (!templateRef || templateRef.name !== template.metadata.name) return false;
    return referredNamespace(templateRef, metadata.namespace ?? "") === template.metadata.namespace;
  });
}

/** One of its alerts goes to this provider, which may be another namespace's. */
export function namesProvider({ metadata, spec }: Canary, provider: AlertProvider): boolean {
  return (spec.analysis.alerts ?? []).some(
    ({ providerRef }) =>
      providerRef?.name === provider.metadata.name &&
      referredNamespace(providerRef, metadata.namespace ?? "") === provider.metadata.namespace,
  );
}

/** Every Canary, every Canary that something of ours is left of, and every Deployment that is still ours without one. */
export function everyKey(world: Caches): string[] {
  const labelled = [
    ...world.deployments.list(),
    ...world.services.list(),
    ...world.slices.list(),
    ...world.kept.list(),
  ];
  const orphans = world.deployments.list().filter((deployment) => isOrphan(world, deployment));
  return [...new Set([...world.canaries.list().map(keyOf), ...labelled.flatMap(labelledKey), ...orphans.map(keyOf)])];
}

/** A Deployment that is opted in while no Canary has it as its target, or none that stays. */
export function isOrphan({ canaries }: Pick<Caches, "canaries">, deployment: V1Deployment): boolean {
  const { name, namespace, uid, labels } = metaOf(deployment);
  if (labels[label.target] !== uid || deployment.metadata?.deletionTimestamp) return false;
  return canaries.byIndex(indexes.target, `${namespace}/${name}`).every(isOver);
}

/** A Canary is over once it is deleted, whatever still keeps the object, or left to Flagger. */
export const isOver = (canary: Canary): boolean =>
  canary.metadata.deletionTimestamp !== undefined || isLeftToFlagger(canary);

// --- internal ---

/** It is kept whole. */
const isNamed = (canaries: Cache<Canary>, index: string, object: Stored): boolean =>
  canaries.byIndex(index, keyOf(object)).length > 0;

function labelledKey(object: { metadata?: { namespace?: string; labels?: Record<string, string> } }): string[] {
  const name = object.metadata?.labels?.[label.canary];
  return name ? [`${object.metadata?.namespace ?? ""}/${name}`] : [];
}

/** ReplicaSets keep only what is asked of them: a cluster has ten per Deployment, each with a template. */
function watchRevisions(deps: CacheDeps, keys: Keys<Revision>): Cache<Revision> {
  return watchInto<Revision>(deps, resource.replicaSets, {
    transform: (object) => toRevision(object),
    indexes: { [indexes.owner]: (revision) => [revision.owner] },
    keys,
  });
}

function watchServices(deps: CacheDeps, keys: Keys<V1Service>): Cache<V1Service> {
  return watchInto<V1Service>(deps, resource.services, {
    transform: keptService,
    indexes: { [indexes.namespace]: (service) => [service.metadata?.namespace ?? ""] },
    keys,
  });
}

function watchKept(deps: CacheDeps, keys: Keys<V1ControllerRevision>): Cache<V1ControllerRevision> {
  return watchInto<V1ControllerRevision>(deps, resource.controllerRevisions, {
    labelSelector: label.canary,
    transform: ({ data: _data, metadata, ...object }) => ({ ...object, metadata: outlineOfMetadata(metadata) }),
    indexes: { [indexes.namespace]: (object) => [object.metadata?.namespace ?? ""] },
    keys,
  });
}

function watchRoutes(
  deps: CacheDeps,
  of: Resource,
  { canaries, keys }: { canaries: Cache<Canary>; keys: Keys<RouteObject> },
): Cache<RouteObject> {
  return watchInto<RouteObject>(deps, of, {
    missingIsEmpty: true,
    transform: (route) => slimRoute(route, isNamed(canaries, indexes.apex, route)),
    indexes: { [indexes.namespace]: (route) => [route.metadata.namespace ?? ""] },
    keys,
  });
}

function keysFor(
  canaries: Cache<Canary>,
  service: (namespace: string, name: string) => V1Service | undefined,
): {
  deployment: Keys<V1Deployment>;
  revision: Keys<Revision>;
  template: Keys<MetricTemplate>;
  provider: Keys<AlertProvider>;
  apex: Keys<Stored>;
  labelled: Keys<Stored & { metadata?: { labels?: Record<string, string> } }>;
} {
  const deploymentNamed = (namespace: string, name: string): string[] =>
    canaries.byIndex(indexes.deployment, `${namespace}/${name}`).map(keyOf);
  return {
    deployment: (object) => [
      ...deploymentNamed(object.metadata?.namespace ?? "", object.metadata?.name ?? ""),
      ...labelledKey(object),
    ],
    revision: (object) => {
      const owner = object.metadata.ownerReferences?.find((reference) => reference.controller)?.name;
      return owner ? deploymentNamed(object.metadata.namespace ?? "", owner) : [];
    },
    template: (template) =>
      canaries
        .list()
        .filter((canary) => namesTemplate(canary, template))
        .map(keyOf),
    provider: (provider) =>
      canaries
        .list()
        .filter((canary) => namesProvider(canary, provider))
        .map(keyOf),
    apex: (object) => [
      ...canaries.byIndex(indexes.apex, keyOf(object)).map(keyOf),
      ...labelledKey(object),
      // What a Canary left behind because this route of the user's still sends to it.
      ...labelledKey(service(object.metadata?.namespace ?? "", primaryLeaf(object.metadata?.name ?? "")) ?? {}),
    ],
    labelled: labelledKey,
  };
}

function concernedBy(
  { canaries, deployments }: Pick<Caches, "canaries" | "deployments">,
  service: V1Service,
): string[] {
  const namespace = service.metadata?.namespace ?? "";
  return canaries
    .byIndex(indexes.namespace, namespace)
    .filter((canary) => isConcernedBy(service, canary, deployments.get(namespace, canary.spec.targetRef.name)))
    .map(keyOf);
}

function targetKey(canary: Canary): string {
  return `${canary.metadata.namespace ?? ""}/${canary.spec.targetRef.name}`;
}

function deploymentKeys({ metadata, spec }: Canary): string[] {
  const { name } = spec.targetRef;
  return [name, canaryName(name), primaryName(name)].map((one) => `${metadata.namespace ?? ""}/${one}`);
}

function serviceOf(slice: V1EndpointSlice): string {
  return `${slice.metadata?.namespace ?? ""}/${slice.metadata?.labels?.["kubernetes.io/service-name"] ?? ""}`;
}

/** Hands the core's preconditions the objects that the caches have, and takes what is not ours out of the decision's reach. */
import { referredNamespace } from "../../../shared/core/objects/canary.ts";
import type { AlertProvider } from "../../../shared/core/objects/alerts/alert-provider.ts";
import type { MetricTemplate } from "../../../shared/core/queries/query-template.ts";
import { primaryName } from "../../../shared/core/objects/names.ts";
import { isForeign, type SeenObjects } from "../../../shared/core/preconditions/finding.ts";
import { isForeignRoute } from "../../../shared/core/preconditions/foreign-objects.ts";
import { unmetPreconditions } from "../../../shared/core/preconditions/preconditions.ts";
import type { Unmet } from "../../../shared/core/observation.ts";
import { createPatternReader, createQueryReader } from "../../../shared/promql.ts";
import { selectingIn } from "../cache/selecting.ts";
import type { CanaryObjects, ObjectDeps } from "../cache/canary-objects.ts";
import { isTooLarge } from "../cache/outline.ts";
import { metaOf } from "../objects/from-objects.ts";
import { indexes, type Caches } from "../cache/caches.ts";
import { servedKinds } from "../objects/route-choice.ts";

/** `beside`: what no cache has. */
export function unmetBy(
  deps: ObjectDeps,
  objects: CanaryObjects,
  beside: Pick<SeenObjects, "policies" | "missingConfigs"> = {},
): Unmet[] {
  const seen = { ...seenObjects(deps, objects), ...beside };
  return unmetPreconditions(seen).map(({ code, level, what }) => ({ code, level, what }));
}

/** The objects without what has one of our names and is not ours: no action can then touch it. */
export function withoutForeign(objects: CanaryObjects): CanaryObjects {
  const { workload, route, ...ours } = objects;
  const { canary, apexName } = objects;
  return {
    ...ours,
    ...(workload && !isForeign(canary, workload) ? { workload } : {}),
    ...(route && !isForeignRoute(canary, route, apexName) ? { route } : {}),
  };
}

// --- internal ---

function seenObjects(deps: ObjectDeps, objects: CanaryObjects): SeenObjects {
  const { world, routes, provider, templateNamespaces, excludedNamespaces, allowGateways } = deps;
  const { hookAddresses, alertBounds } = deps;
  const { canary, namespace, targetName, apexName, target, stableLabels, workload, route } = objects;
  return {
    canary,
    namespace,
    targetName,
    apexName,
    provider,
    target: target ?? null,
    stableLabels,
    workload: workload ?? null,
    tooLarge: tooLargeOf(objects),
    primary: world.deployments.get(namespace, primaryName(targetName)) ?? null,
    services: world.services.byIndex(indexes.namespace, namespace),
    route: route ?? null,
    deployments: world.deployments.byIndex(indexes.namespace, namespace),
    selecting: selectingIn(world.selecting, namespace),
    autoscalers: world.autoscalers?.byIndex(indexes.namespace, namespace),
    canaries: world.canaries.byIndex(indexes.target, `${namespace}/${targetName}`),
    templates: templatesOf(world, objects),
    alertProviders: providersOf(world, objects),
    alerts: alertBounds,
    templateNamespaces,
    excludedNamespaces,
    allowGateways,
    configNamespaces: deps.configNamespaces,
    hookAddresses,
    servedRoutes: servedKinds(routes),
    readQuery: createQueryReader(),
    isPattern: createPatternReader(),
    metricServers: deps.metricServers,
  };
}

function tooLargeOf({ target, targetName, apex, apexName, route }: CanaryObjects): string[] {
  return [
    ...(isTooLarge(target) ? [`Deployment ${targetName}`] : []),
    ...(isTooLarge(apex) ? [`Service ${apexName}`] : []),
    ...(route && isTooLarge(route) ? [`${route.kind} ${apexName}`] : []),
  ];
}

/** Those that the Canary names. */
function templatesOf({ templates }: Caches, { canary, namespace }: CanaryObjects): Map<string, MetricTemplate> {
  const named = (canary.spec.analysis.metrics ?? []).flatMap(({ templateRef }) => templateRef ?? []);
  const found = named.flatMap((ref) => templates.get(referredNamespace(ref, namespace), ref.name) ?? []);
  return new Map(found.map((template) => [`${metaOf(template).namespace}/${metaOf(template).name}`, template]));
}

function providersOf({ alertProviders }: Caches, { canary, namespace }: CanaryObjects): Map<string, AlertProvider> {
  const named = (canary.spec.analysis.alerts ?? []).map(({ providerRef }) => providerRef);
  const found = named.flatMap((ref) => alertProviders.get(referredNamespace(ref, namespace), ref.name) ?? []);
  return new Map(found.map((provider) => [`${metaOf(provider).namespace}/${metaOf(provider).name}`, provider]));
}

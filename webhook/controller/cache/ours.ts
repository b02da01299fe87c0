import type { V1ObjectMeta } from "@kubernetes/client-node";
import { apexOf } from "../../../shared/core/objects/canary.ts";
import { kind, label } from "../../../shared/core/objects/names.ts";
import { isMadeBy, isSealedBy, namesMadeFor } from "../../../shared/core/objects/ownership.ts";
import { type RouteObject, httpRoute } from "../../../shared/core/routes/routes.ts";
import { type Resource, resource } from "../../../shared/kube/resources.ts";
import type { Stored } from "../../../shared/kube/store.ts";
import { type Caches, indexes } from "./caches.ts";
import { routeCache, type CanaryObjects } from "./canary-objects.ts";
import { metaOf } from "../objects/from-objects.ts";
import type { ServedRoutes } from "../objects/route-choice.ts";

export interface Leftover {
  of: Resource;
  object: Stored;
}

/** HTTPRoutes that the user owns; we only set weights there. */
export function foreignRoutes(world: Caches, namespace: string): RouteObject[] {
  return world.httpRoutes
    .byIndex(indexes.namespace, namespace)
    .filter(({ metadata }) => metadata.labels?.[label.canary] === undefined && !metadata.deletionTimestamp);
}

/** Leaf Services that are deleted while a route names them would fail its users' requests. */
export function isInUse({ world }: { world: Caches }, { of, object }: Leftover): boolean {
  if (of.kind !== resource.services.kind) return false;
  const { name, namespace } = metaOf(object);
  return foreignRoutes(world, namespace).some((route) => httpRoute.backendsOf(route).includes(name));
}

/**
 * Canary Deployments, leaf Services and kept templates, Deployments first: a Service without pods harms less than pods without a
 * Service.
 */
export function leftoversOf({ world }: { world: Caches }, at: { namespace: string; name: string }): Leftover[] {
  const canary = world.canaries.get(at.namespace, at.name);
  const maker = { canary: at.name, uid: canary?.metadata.uid };
  const names = canary && namesMadeFor(canary.spec.targetRef.name, apexOf(canary));
  const deployments = world.deployments
    .byIndex(indexes.namespace, at.namespace)
    .filter((one) => isMadeBy({ ...maker, ...(names && { names: names.deployments }) }, one));
  const services = world.services
    .byIndex(indexes.namespace, at.namespace)
    .filter((one) => isMadeBy({ ...maker, ...(names && { names: names.services }) }, one));
  return [
    ...deployments.map((object) => ({ of: resource.deployments, object })),
    // The apex may be one that we made; it serves stable's users and stays.
    ...services
      .filter((service) => /-(primary|canary)$/.test(metaOf(service).name))
      .map((object) => ({ of: resource.services, object })),
    ...world.kept
      .byIndex(indexes.namespace, at.namespace)
      .filter((object) => isOwnedBy(at.name, object))
      .map((object) => ({ of: resource.controllerRevisions, object })),
  ];
}

/**
 * Routes and kept templates of the Canary of this name. What an earlier version made has no seal and is known by its owner; one that has
 * lost both (`--cascade=orphan` under that version) stays, for a label alone may be anybody's.
 */
export function isOwnedBy(canary: string, object: { metadata?: V1ObjectMeta }): boolean {
  const { labels = {}, ownerReferences = [] } = object.metadata ?? {};
  if (label.canaryUid in labels) return isMadeBy({ canary }, object);
  const isItsOwn = ownerReferences.some(({ kind: of, name }) => of === kind.canary.kind && name === canary);
  return labels[label.canary] === canary && isItsOwn;
}

/** This Canary's own route of the kind that its provider was before. */
export function otherRouteOf(
  { world, routes }: { world: Caches; routes: ServedRoutes },
  { canary, namespace, apexName, served }: Pick<CanaryObjects, "canary" | "namespace" | "apexName" | "served">,
): { of: Resource; route: RouteObject } | undefined {
  if (!served) return undefined;
  const other = served.router.kind === "TrafficSplit" ? routes.httpRoute : routes.trafficSplit;
  const route = routeCache(world, other).get(namespace, apexName);
  const { uid = "", name = "" } = canary.metadata;
  if (!route || !isOwnedBy(name, route)) return undefined;
  const isSealed = label.canaryUid in { ...route.metadata.labels };
  const isIts = isSealed
    ? isSealedBy({ canary: name, uid }, route)
    : route.metadata.ownerReferences?.some((of) => of.uid === uid);
  return isIts ? { of: other.resource, route } : undefined;
}

/** Canary Deployment, leaf Services or route of one Canary are there. */
export function oursExist(world: Caches, at: { namespace: string; name: string }): boolean {
  const routes = [
    ...world.splits.byIndex(indexes.namespace, at.namespace),
    ...world.httpRoutes.byIndex(indexes.namespace, at.namespace),
  ];
  const isRoute = (route: RouteObject): boolean => isOwnedBy(at.name, route);
  return leftoversOf({ world }, at).some((one) => !isInUse({ world }, one)) || routes.some(isRoute);
}

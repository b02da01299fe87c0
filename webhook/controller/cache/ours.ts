import { label, manager } from "../../../shared/core/objects/names.ts";
import { type RouteObject, httpRoute } from "../../../shared/core/objects/routes.ts";
import { type Resource, resource } from "../../../shared/kube/resources.ts";
import type { Stored } from "../../../shared/kube/store.ts";
import { type Caches, indexes } from "./caches.ts";
import { metaOf } from "../objects/from-objects.ts";

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
export function leftoversOf(deps: { world: Caches }, at: { namespace: string; name: string }): Leftover[] {
  const ours = (object: Stored & { metadata?: { labels?: Record<string, string> } }): boolean =>
    object.metadata?.labels?.[label.canary] === at.name && object.metadata.labels[label.managedBy] === manager;
  const deployments = deps.world.deployments.byIndex(indexes.namespace, at.namespace).filter(ours);
  const services = deps.world.services.byIndex(indexes.namespace, at.namespace).filter(ours);
  return [
    ...deployments.map((object) => ({ of: resource.deployments, object })),
    // The apex may be one that we made; it serves stable's users and stays.
    ...services
      .filter((service) => /-(primary|canary)$/.test(metaOf(service).name))
      .map((object) => ({ of: resource.services, object })),
    ...deps.world.kept
      .byIndex(indexes.namespace, at.namespace)
      .filter(ours)
      .map((object) => ({ of: resource.controllerRevisions, object })),
  ];
}

/** Canary Deployment, leaf Services or route of one Canary are there. */
export function oursExist(world: Caches, at: { namespace: string; name: string }): boolean {
  const labelled = (object: Stored & { metadata?: { labels?: Record<string, string> } }): boolean =>
    object.metadata?.labels?.[label.canary] === at.name;
  const routes = [
    ...world.splits.byIndex(indexes.namespace, at.namespace),
    ...world.httpRoutes.byIndex(indexes.namespace, at.namespace),
  ];
  return leftoversOf({ world }, at).some((one) => !isInUse({ world }, one)) || routes.some(labelled);
}

/**
 * After a Canary: its target goes back to its user on stable's template, traffic leaves the canary pods, and only then do they
 * go. Everything is found by labels, so that it works after a restart and without the Canary.
 */
import type { V1Deployment } from "@kubernetes/client-node";
import { label, manager } from "../../shared/core/names.ts";
import { drainMs } from "../../shared/core/policy.ts";
import type { RouteObject } from "../../shared/core/routers.ts";
import { hashTemplate } from "../../shared/hash.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";
import type { Stored } from "../../shared/kube/store.ts";
import type { Cache } from "./cache.ts";
import { deleteSeen } from "./delete.ts";
import type { ServedRoutes } from "./routes.ts";
import type { Logger } from "./reconcile.ts";
import { giveBack, restoreStable, type WriteDeps } from "./target.ts";
import { metaOf } from "./views.ts";
import { indexes, type World } from "./world.ts";

export interface CleanupDeps extends WriteDeps {
  routes: ServedRoutes;
  log: Logger;
}

/** What deletions need of it. */
export type Deleting = Pick<CleanupDeps, "cluster" | "world" | "routes" | "log">;

/** Remembers since when a Canary's route has been gone; lost on a restart, which only makes the drain longer. */
export type RouteGone = Map<string, number>;

/** Takes one Canary's traces away, step by step. Returns when to come back; nothing to return once all is gone. */
export async function cleanUp(
  deps: CleanupDeps,
  at: { namespace: string; name: string },
  gone: RouteGone,
): Promise<{ requeueAfterMs?: number }> {
  const key = `${at.namespace}/${at.name}`;
  for (const target of orphanedTargets(deps, at.namespace)) await releaseTarget(deps, target);
  const routes = await deleteRoutes(deps, at);
  const leftovers = leftoversOf(deps, at);
  if (!routes && leftovers.length === 0) {
    gone.delete(key);
    return {};
  }
  const since = gone.get(key) ?? deps.now();
  gone.set(key, since);
  const waitMs = since + drainMs - deps.now();
  if (waitMs > 0) return { requeueAfterMs: waitMs };
  for (const { of, object } of leftovers) await deleteOurs(deps, of, object);
  return { requeueAfterMs: drainMs };
}

/** Gives a Deployment back: stable's template, `paused` as its user had it, none of our labels. */
export async function releaseTarget(deps: CleanupDeps, target: V1Deployment): Promise<void> {
  const { name, namespace, labels } = metaOf(target);
  const marks = [label.target, label.held, label.promoting, label.stable];
  const stable = labels[label.stable] ?? "";
  if ((label.held in labels || label.promoting in labels) && !runsStable(deps, target, stable)) {
    await restoreStable(deps, target, stable, marks);
    deps.log.info({ target: `${name}.${namespace}`, stable }, "stable's template was put back");
    return;
  }
  await giveBack(deps, target, { dropLabels: marks });
  deps.log.info({ target: `${name}.${namespace}` }, "the target was given back as it was");
}

/** Deletes at once what was made for a target that is gone: nobody sends to it any more. */
export async function removeOurs(deps: Deleting, at: { namespace: string; name: string }): Promise<void> {
  await deleteRoutes(deps, at);
  for (const { of, object } of leftoversOf(deps, at)) await deleteOurs(deps, of, object);
}

/** Canary Deployment, leaf Services or route of one Canary are there. */
export function oursExist(world: World, at: { namespace: string; name: string }): boolean {
  const labelled = (object: Stored & { metadata?: { labels?: Record<string, string> } }): boolean =>
    object.metadata?.labels?.[label.canary] === at.name;
  const routes = [
    ...world.splits.byIndex(indexes.namespace, at.namespace),
    ...world.httpRoutes.byIndex(indexes.namespace, at.namespace),
  ];
  return leftoversOf({ world }, at).length > 0 || routes.some(labelled);
}

// --- internal ---

function runsStable(deps: CleanupDeps, target: V1Deployment, podTemplateHash: string): boolean {
  const revisions = deps.world.revisions.byIndex(indexes.owner, metaOf(target).uid);
  const stable = revisions.find((revision) => revision.version.podTemplateHash === podTemplateHash);
  return stable?.version.hash === hashTemplate(target.spec?.template);
}

/** Deployments that are opted in while no Canary has them as its target. */
function orphanedTargets(deps: CleanupDeps, namespace: string): V1Deployment[] {
  return deps.world.deployments
    .byIndex(indexes.namespace, namespace)
    .map((deployment) => deps.world.deployments.get(namespace, metaOf(deployment).name) ?? deployment)
    .filter((deployment) => metaOf(deployment).labels[label.target] === metaOf(deployment).uid)
    .filter((deployment) => !deployment.metadata?.deletionTimestamp)
    .filter(
      (deployment) =>
        deps.world.canaries.byIndex(indexes.target, `${namespace}/${metaOf(deployment).name}`).length === 0,
    );
}

interface Leftover {
  of: Resource;
  object: Stored;
}

/** Canary Deployments and leaf Services, Deployments first: a Service without pods harms less than pods without a Service. */
function leftoversOf(deps: Pick<CleanupDeps, "world">, at: { namespace: string; name: string }): Leftover[] {
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
  ];
}

async function deleteRoutes(deps: Deleting, at: { namespace: string; name: string }): Promise<boolean> {
  const { trafficSplit, httpRoute } = deps.routes;
  const split = await deleteRoutesOf(deps, deps.world.splits, { of: trafficSplit.resource, ...at });
  const route = await deleteRoutesOf(deps, deps.world.httpRoutes, { of: httpRoute.resource, ...at });
  return split || route;
}

async function deleteRoutesOf(
  deps: Deleting,
  cache: Cache<RouteObject>,
  { of, namespace, name }: { of: Resource; namespace: string; name: string },
): Promise<boolean> {
  const ours = cache
    .byIndex(indexes.namespace, namespace)
    .filter((route) => route.metadata.labels?.[label.canary] === name);
  for (const route of ours) await deleteOurs(deps, of, route);
  return ours.length > 0;
}

async function deleteOurs(deps: Deleting, of: Resource, object: Stored): Promise<void> {
  const { name, namespace } = { name: "", namespace: "", ...object.metadata };
  const isDone = await deleteSeen(deps.cluster, of, object);
  if (isDone) deps.log.info({ kind: of.kind, name, namespace }, "deleted what was left of a Canary");
}

/**
 * After a Canary: its target goes back to its user on stable's template, traffic leaves the canary pods, and only then do they
 * go. Everything is found by labels, so that it works after a restart and without the Canary.
 */
import type { V1Deployment } from "@kubernetes/client-node";
import { canaryLeaf, label, manager } from "../../../shared/core/objects/names.ts";
import { drainMs } from "../../../shared/core/spec/policy.ts";
import { type RouteObject, httpRoute } from "../../../shared/core/routes/routes.ts";
import { hashTemplate } from "../../../shared/template-hash.ts";
import type { Resource } from "../../../shared/kube/resources.ts";
import type { Stored } from "../../../shared/kube/store.ts";
import type { Cache } from "../cache/cache.ts";
import { deleteSeen } from "./delete.ts";
import type { ServedRoutes } from "../objects/route-choice.ts";
import type { Logger } from "../../../shared/log.ts";
import { giveBack, restoreStable } from "./target.ts";
import type { WriteDeps } from "../cache/canary-objects.ts";
import type { NotGivenBack } from "./not-given-back.ts";
import { wholeOf } from "./whole.ts";
import { metaOf } from "../objects/from-objects.ts";
import { indexes, isOrphan } from "../cache/caches.ts";
import { foreignRoutes, isInUse, isOwnedBy, leftoversOf } from "../cache/ours.ts";

export interface CleanupDeps extends WriteDeps {
  routes: ServedRoutes;
  log: Logger;
  /** Told of each Deployment that could not be given back; left out where a list says so. */
  notGivenBack?: NotGivenBack;
}

/** What deletions need of it. */
export type Deleting = Pick<CleanupDeps, "cluster" | "world" | "routes" | "log">;

/** Remembers when each Canary's route went away. Lost on a restart, which only makes the drain longer. */
export type RouteGone = Map<string, number>;

/**
 * Takes one Canary's traces away, step by step. Returns when to come back; nothing to return once all is gone but what a route
 * of the user's sends to: that goes when the route does without it.
 */
export async function cleanUp(
  deps: CleanupDeps,
  at: { namespace: string; name: string },
  gone: RouteGone,
): Promise<{ requeueAfterMs?: number }> {
  const refused = await returnOrphans(deps, at.namespace);
  const more = await clear(deps, at, gone);
  // After all the rest: one Deployment that cannot be written must not keep traffic on other canaries.
  if (refused !== undefined) throw refused;
  return more;
}

async function clear(
  deps: CleanupDeps,
  at: { namespace: string; name: string },
  gone: RouteGone,
): Promise<{ requeueAfterMs?: number }> {
  const key = `${at.namespace}/${at.name}`;
  const routes = await deleteRoutes(deps, at);
  const quit = await quitForeignRoutes(deps, at);
  const leftovers = leftoversOf(deps, at).filter((leftover) => !isInUse(deps, leftover));
  if (!routes && !quit && leftovers.length === 0) {
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

/** What the first that failed came to. */
async function returnOrphans(deps: CleanupDeps, namespace: string): Promise<Error | undefined> {
  let refused: Error | undefined;
  for (const target of orphanedTargets(deps, namespace))
    try {
      await returnToUser(deps, target);
    } catch (thrown: unknown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      refused ??= error;
      await deps.notGivenBack?.(target, error);
    }
  return refused;
}

/** Gives a Deployment back: stable's template, `paused` as its user had it, none of our labels. */
export async function returnToUser(deps: CleanupDeps, target: V1Deployment): Promise<void> {
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
  for (const leftover of leftoversOf(deps, at))
    if (!isInUse(deps, leftover)) await deleteOurs(deps, leftover.of, leftover.object);
}

// --- internal ---

function runsStable(deps: CleanupDeps, target: V1Deployment, podTemplateHash: string): boolean {
  const revisions = deps.world.revisions.byIndex(indexes.owner, metaOf(target).uid);
  const stable = revisions.find((revision) => revision.version.podTemplateHash === podTemplateHash);
  return stable?.version.hash === hashTemplate(target.spec?.template);
}

function orphanedTargets({ world }: CleanupDeps, namespace: string): V1Deployment[] {
  return world.deployments
    .byIndex(indexes.namespace, namespace)
    .map((deployment) => world.deployments.get(namespace, metaOf(deployment).name) ?? deployment)
    .filter((deployment) => isOrphan(world, deployment));
}

/** The user's own route goes on naming our leaves, at weight 0 for the canary. Says whether traffic was taken from it. */
async function quitForeignRoutes(deps: Deleting, at: { namespace: string; name: string }): Promise<boolean> {
  const leaves = leftoversOf(deps, at).map(({ object }) => object.metadata?.name ?? "");
  const quit = foreignRoutes(deps.world, at.namespace)
    .map((route) => deps.world.httpRoutes.get(at.namespace, route.metadata.name ?? "") ?? route)
    .filter((route) => leaves.includes(canaryLeaf(route.metadata.name ?? "")))
    .filter((route) => (httpRoute.read(route, route.metadata.name ?? "")?.weight ?? 0) > 0);
  const of = deps.routes.httpRoute.resource;
  for (const seen of quit) {
    const route = await wholeOf(deps.cluster, of, seen);
    const wanted = httpRoute.withWeight(route, route.metadata.name ?? "", 0);
    const written = await deps.cluster.replace(of, wanted, { fieldManager: manager });
    deps.world.httpRoutes.wrote(written);
    deps.log.info(
      { route: metaOf(route).name, namespace: at.namespace },
      "the canary's weight in the user's route is 0",
    );
  }
  return quit.length > 0;
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
  const ours = cache.byIndex(indexes.namespace, namespace).filter((route) => isOwnedBy(name, route));
  for (const route of ours) await deleteOurs(deps, of, route);
  return ours.length > 0;
}

async function deleteOurs(deps: Deleting, of: Resource, object: Stored): Promise<void> {
  const { name, namespace } = { name: "", namespace: "", ...object.metadata };
  const isDone = await deleteSeen(deps.cluster, of, object);
  if (isDone) deps.log.info({ kind: of.kind, name, namespace }, "deleted what was left of a Canary");
}

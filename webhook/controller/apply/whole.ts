/** Objects of which only an outline is kept in memory, read when they are needed whole. */
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { CanaryError } from "../../../shared/kube/errors.ts";
import { resource, type Resource } from "../../../shared/kube/resources.ts";
import type { Stored } from "../../../shared/kube/store.ts";
import type { Cache } from "../cache/cache.ts";
import type { Caches } from "../cache/caches.ts";
import { routeCache, type CanaryObjects } from "../cache/canary-objects.ts";
import { isOutline, isTooLarge } from "../cache/outline.ts";

/** What is written in the place of `observed` must be made of the whole. Throws a Conflict where it is another version by now. */
export async function wholeOf<T extends Stored>(cluster: Cluster, of: Resource, observed: T): Promise<T> {
  if (!isOutline(observed)) return observed;
  const { name = "", namespace = "", resourceVersion } = { ...observed.metadata };
  const found = await cluster.get<T>(of, { name, namespace });
  if (found.metadata?.resourceVersion === resourceVersion) return found;
  throw changed(of, name);
}

/**
 * What a Canary has come to name since it was read is kept whole from now on. Throws a Conflict where it has changed meanwhile: the
 * watch brings it whole.
 */
export async function fillIn(
  { cluster, world }: { cluster: Cluster; world: Caches },
  { namespace, targetName, apexName, served }: Pick<CanaryObjects, "namespace" | "targetName" | "apexName" | "served">,
): Promise<void> {
  await filled(cluster, { of: resource.deployments, cache: world.deployments }, { namespace, name: targetName });
  if (!served) return;
  await filled(cluster, { of: served.resource, cache: routeCache(world, served) }, { namespace, name: apexName });
}

// --- internal ---

async function filled<T extends Stored>(
  cluster: Cluster,
  { of, cache }: { of: Resource; cache: Cache<T> },
  { namespace, name }: { namespace: string; name: string },
): Promise<void> {
  const isThin = (found: T | undefined): boolean => isOutline(found) && !isTooLarge(found);
  if (!isThin(cache.get(namespace, name))) return;
  cache.fill(await cluster.get<T>(of, { name, namespace }));
  if (isThin(cache.get(namespace, name))) throw changed(of, name);
}

const changed = (of: Resource, name: string): CanaryError =>
  new CanaryError("Conflict", `${of.kind} ${name} was changed by someone else.`);

/** Which callers do not obey a TrafficSplit because their proxies are older than it. */
import type { V1Pod } from "@kubernetes/client-node";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { hasCode } from "../../shared/kube/errors.ts";
import { resource } from "../../shared/kube/resources.ts";
import type { Caller, EvidenceRequest } from "../metrics/evidence.ts";
import type { World } from "./world.ts";

/**
 * `namespace/pod` of those whose pod was made before the TrafficSplit and whose proxy still sends to the apex itself.
 * With an HTTPRoute there are none: running proxies follow it.
 */
export async function podsOlderThanRoute(
  deps: { cluster: Cluster; world: World },
  callers: readonly Caller[],
  request: EvidenceRequest,
): Promise<string[]> {
  const split = deps.world.splits.get(request.namespace, request.apex.name);
  const made = split?.metadata.creationTimestamp;
  if (!made) return [];
  const bypassing = callers.filter((caller) => caller.dstService === request.apex.name);
  const ages = await Promise.all(bypassing.map((caller) => createdAt(deps.cluster, caller)));
  const older = bypassing.filter((_caller, index) => (ages[index] ?? Infinity) < new Date(made).getTime());
  return [...new Set(older.map((caller) => `${caller.namespace}/${caller.pod}`))].sort();
}

// --- internal ---

/** ms since the epoch; undefined for a pod that is gone. */
async function createdAt(cluster: Cluster, caller: Caller): Promise<number | undefined> {
  try {
    const pod = await cluster.get<V1Pod>(resource.pods, { namespace: caller.namespace, name: caller.pod });
    const created = pod.metadata?.creationTimestamp;
    return created ? new Date(created).getTime() : undefined;
  } catch (error: unknown) {
    if (hasCode(error, "NotFound")) return undefined;
    throw error;
  }
}

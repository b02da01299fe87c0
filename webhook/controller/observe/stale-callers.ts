/** Which callers do not obey a TrafficSplit because their proxies are older than it. */
import type { V1Pod } from "@kubernetes/client-node";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { hasCode, isAbsent } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import type { Caller, EvidenceRequest } from "../../evidence/types.ts";
import type { Caches } from "../cache/caches.ts";

/**
 * `namespace/pod` of those whose pod was made before the TrafficSplit and whose proxy still sends to the apex itself.
 * With an HTTPRoute there are none: running proxies follow it.
 */
export async function podsOlderThanRoute(
  deps: { cluster: Cluster; world: Caches },
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

/** Why the share of traffic is not the route's: who must be restarted, or what stands in the way. */
export async function whyNotObeyed(
  deps: { cluster: Cluster; world: Caches },
  callers: readonly Caller[],
  request: EvidenceRequest,
): Promise<{ staleCallers: string[]; cause?: string }> {
  const staleCallers = await podsOlderThanRoute(deps, callers, request);
  if (staleCallers.length > 0) return { staleCallers };
  const profile = await profileOver(deps, request);
  if (profile) return { staleCallers, cause: profile };
  if (callers.length > 0) {
    const names = callers.map(({ namespace, pod }) => `${namespace}/${pod}`);
    return { staleCallers, cause: `${someOf(names)} ${names.length === 1 ? "does" : "do"} not follow the route` };
  }
  const cure = `mesh them, and let an ingress send to Service ${request.apex.name} and not to its pods`;
  return { staleCallers, cause: `no meshed caller is seen, and only meshed ones follow the route: ${cure}` };
}

// --- internal ---

/** Proxies obey a ServiceProfile, even an empty one's absence of splits, before any HTTPRoute. */
async function profileOver(
  { cluster, world }: { cluster: Cluster; world: Caches },
  { namespace, apex }: EvidenceRequest,
): Promise<string | undefined> {
  if (!world.httpRoutes.get(namespace, apex.name)) return undefined;
  const name = `${apex.name}.${namespace}.svc.cluster.local`;
  try {
    await cluster.get(resource.serviceProfiles, { namespace, name });
    return `ServiceProfile ${name} is there, and proxies obey it instead of HTTPRoute ${apex.name}: delete it`;
  } catch (error: unknown) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** The first three, and how many there are beside. */
function someOf(names: readonly string[]): string {
  const rest = names.length - 3;
  return `${names.slice(0, 3).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

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

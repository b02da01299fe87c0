/** Which callers do not obey a TrafficSplit because their proxies are older than it. */
import type { V1Pod } from "@kubernetes/client-node";
import { type StaleCaller, workloadOf } from "../../../shared/core/format/restart-command.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { hasCode, isAbsent } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import type { Caller, EvidenceRequest } from "../../evidence/types.ts";
import type { Caches } from "../cache/caches.ts";

/**
 * Those whose pod was made before the TrafficSplit and whose proxy still sends to the apex itself.
 * With an HTTPRoute there are none: running proxies follow it.
 */
export async function podsOlderThanRoute(
  deps: { cluster: Cluster; world: Caches },
  callers: readonly Caller[],
  request: EvidenceRequest,
): Promise<StaleCaller[]> {
  const split = deps.world.splits.get(request.namespace, request.apex.name);
  const made = split?.metadata.creationTimestamp;
  if (!made) return [];
  const bypassing = callers.filter((caller) => caller.dstService === request.apex.name);
  const pods = await Promise.all(bypassing.map(async (caller) => readPod(deps.cluster, caller)));
  const found = new Map<string, StaleCaller>();
  for (const { metadata = {} } of pods.flatMap((pod) => pod ?? [])) {
    if (new Date(metadata.creationTimestamp ?? Infinity).getTime() >= new Date(made).getTime()) continue;
    const name = metadata.name ?? "";
    const pod = `${metadata.namespace}/${name}`;
    found.set(pod, { pod, workload: workloadOf(name, metadata) });
  }
  return [...found.values()].sort((a, b) => (a.pod < b.pod ? -1 : 1));
}

/** Why the share of traffic is not the route's: who must be restarted, or what stands in the way. */
export async function whyNotObeyed(
  deps: { cluster: Cluster; world: Caches },
  callers: readonly Caller[],
  request: EvidenceRequest,
): Promise<{ staleCallers: StaleCaller[]; cause?: string }> {
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

/** Undefined for a pod that is gone. */
async function readPod(cluster: Cluster, { namespace, pod: name }: Caller): Promise<V1Pod | undefined> {
  try {
    return await cluster.get<V1Pod>(resource.pods, { namespace, name });
  } catch (error: unknown) {
    if (hasCode(error, "NotFound")) return undefined;
    throw error;
  }
}

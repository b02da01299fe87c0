/** Which callers do not obey a route because their proxies are older than it, and what else stands in its way. */
import { asRequested } from "../../../shared/prometheus.ts";
import type { V1Pod } from "@kubernetes/client-node";
import { type StaleCaller, workloadOf } from "../../../shared/core/format/restart-command.ts";
import { someOf } from "../../../shared/core/format/some-of.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { hasCode } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import type { RouteObject } from "../../../shared/core/routes/routes.ts";
import { obeyedSince, profileName, splitProblem } from "../../../shared/service-profile.ts";
import { readProfile } from "./service-profile.ts";
import type { Caller, EvidenceRequest } from "../../evidence/types.ts";
import type { Caches } from "../cache/caches.ts";

interface Deps {
  cluster: Cluster;
  world: Caches;
  /** The controller's own Prometheus. */
  metricsServer: string;
}

/**
 * Those whose pod was made before the ServiceProfile of a TrafficSplit, and whose proxy still sends to the apex itself. Running
 * proxies follow an HTTPRoute, but for those that have followed a split before.
 */
export async function podsOlderThanRoute(
  deps: Deps,
  callers: readonly Caller[],
  request: EvidenceRequest,
): Promise<StaleCaller[]> {
  const profile = await readProfile(deps.cluster, { namespace: request.namespace, apex: request.apex.name });
  const made = obeyedSince(routeOf(deps.world, request), profile);
  if (made === undefined) return [];
  // What a tenant's server names could be a guess, and whether it is there the status would tell.
  const isOwn = asRequested(request.prometheus) === asRequested(deps.metricsServer);
  const bypassing = callers.filter(
    ({ dstService, namespace }) => dstService === request.apex.name && (isOwn || namespace === request.namespace),
  );
  const pods = await Promise.all(bypassing.slice(0, mostRead).map(async (caller) => readPod(deps.cluster, caller)));
  const found = new Map<string, StaleCaller>();
  for (const { metadata = {} } of pods.flatMap((pod) => pod ?? [])) {
    if (new Date(metadata.creationTimestamp ?? Infinity).getTime() >= made) continue;
    const name = metadata.name ?? "";
    const pod = `${metadata.namespace}/${name}`;
    found.set(pod, { pod, workload: workloadOf(name, metadata) });
  }
  return [...found.values()].sort((a, b) => (a.pod < b.pod ? -1 : 1));
}

/** Why the share of traffic is not the route's: who must be restarted, or what stands in the way. */
export async function whyNotObeyed(
  deps: Deps & { now: () => number },
  callers: readonly Caller[],
  request: EvidenceRequest,
): Promise<{ staleCallers: StaleCaller[]; cause?: string }> {
  const staleCallers = await podsOlderThanRoute(deps, callers, request);
  if (staleCallers.length > 0) return { staleCallers };
  const problem = await profileProblem(deps, request);
  if (problem) return { staleCallers, cause: problem };
  if (callers.length > 0) {
    const names = callers.map(({ namespace, pod }) => `${namespace}/${pod}`);
    return { staleCallers, cause: `${someOf(names)} ${names.length === 1 ? "does" : "do"} not follow the route` };
  }
  const cure = `mesh them, and let an ingress send to Service ${request.apex.name} and not to its pods`;
  return { staleCallers, cause: `no meshed caller is seen, and only meshed ones follow the route: ${cure}` };
}

// --- internal ---

/** How many there are is what a Prometheus says, which may be a tenant's own; the others are named once these are restarted. */
const mostRead = 50;

/** The split's first, since an HTTPRoute of the same name carries nothing while one is there. */
function routeOf(world: Caches, { namespace, apex }: EvidenceRequest): RouteObject | undefined {
  return world.splits.get(namespace, apex.name) ?? world.httpRoutes.get(namespace, apex.name);
}

/** A TrafficSplit that nobody carries out, or a ServiceProfile that proxies obey before any HTTPRoute. */
async function profileProblem(
  { cluster, world, now }: { cluster: Cluster; world: Caches; now: () => number },
  request: EvidenceRequest,
): Promise<string | undefined> {
  const at = { namespace: request.namespace, apex: request.apex.name };
  const route = routeOf(world, request);
  const profile = route && (await readProfile(cluster, at));
  if (!route || profile === undefined) return undefined;
  if (route.kind === "TrafficSplit") return splitProblem(route, profile, now());
  if (profile === null) return undefined;
  const restart = "restart its callers once, for a proxy that has followed it does not look again";
  return `ServiceProfile ${profileName(at)} is there, and proxies obey it instead of HTTPRoute ${at.apex}: delete it, and ${restart}`;
}

/** Undefined for a pod that is gone, or in a namespace that is not watched. */
async function readPod(cluster: Cluster, { namespace, pod: name }: Caller): Promise<V1Pod | undefined> {
  try {
    return await cluster.get<V1Pod>(resource.pods, { namespace, name });
  } catch (error: unknown) {
    if (hasCode(error, "NotFound", "Forbidden")) return undefined;
    throw error;
  }
}

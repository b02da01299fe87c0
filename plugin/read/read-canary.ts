/** Reads what a Canary's view is made of: its route, Deployments, callers and the controller's Lease, side by side. */
import type { V1Deployment, V1Lease, V1Pod } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { parseCaller } from "../../shared/core/format/restart-command.ts";
import { canaryName, leaseName } from "../../shared/core/objects/names.ts";
import type { Cluster, Place } from "../../shared/kube/cluster.ts";
import { hasCode } from "../../shared/kube/errors.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";
import type { Caller } from "../view/callers.ts";
import type { Deps, Scope } from "../context.ts";
import { missingPermission } from "../errors.ts";
import { type SeenLease, viewController } from "../view/controller-health.ts";
import { type RouteObject, routeResource } from "../view/route.ts";
import type { Seen } from "../view/types.ts";

/** The pods of at most this many stale callers are read; for the others the owner is guessed from the pod's name. */
const mostCallers = 20;

/** Only a missing Canary is a failure here: what else cannot be read is named in `unread`. */
export async function readCanary(canary: Canary, deps: Deps, scope: Scope): Promise<Seen> {
  const { cluster } = deps;
  const unread: string[] = [];
  const namespace = canary.metadata.namespace ?? scope.namespace;
  const target = canary.spec.targetRef.name;
  const read = async <T>(r: Resource, name: string): Promise<T | undefined> => {
    const found = await readIfAllowed<T>(cluster, r, { name, namespace });
    if (typeof found === "string") unread.push(found);
    return typeof found === "string" ? undefined : found;
  };
  const [route, targetDeployment, workload, lease, callers] = await Promise.all([
    readRoute(canary, read),
    read<V1Deployment>(resource.deployments, target),
    read<V1Deployment>(resource.deployments, canaryName(target)),
    readLease(cluster, scope.controllerNamespace),
    readCallers(canary, cluster),
  ]);
  if (!lease) unread.push(noLease(lease, scope));
  return { canary, route, target: targetDeployment, workload, lease, callers, unread: [...new Set(unread)] };
}

/** The leader's Lease; null where it is not there, undefined where it may not be read. */
export async function readLease(cluster: Cluster, namespace: string): Promise<SeenLease> {
  const lease = await readIfAllowed<V1Lease>(cluster, resource.leases, { name: leaseName, namespace });
  return typeof lease === "string" ? undefined : (lease ?? null);
}

/**
 * The time to judge a Lease by: ours, unless by ours it has run out. Then the API server's, to the second, so that nobody
 * is told that the controller is gone because a laptop's clock is fast.
 */
export async function timeFor(lease: SeenLease, deps: Deps): Promise<number> {
  const now = deps.now();
  if (viewController(lease, now).state !== "silent") return now;
  return (await serverTime(deps.cluster)) ?? now;
}

// --- internal ---

function noLease(lease: null | undefined, { controllerNamespace }: Scope): string {
  const where = `Lease ${leaseName} in namespace ${controllerNamespace}`;
  return lease === null
    ? `No controller is alive there: ${where} does not exist. If it runs in another namespace: --controller-namespace.`
    : `Not known whether a controller is alive: ${where} may not be read (--controller-namespace).`;
}

type Read = <T>(r: Resource, name: string) => Promise<T | undefined>;

/** The object; undefined where it is not there; a sentence where it may not be read. */
async function readIfAllowed<T>(cluster: Cluster, r: Resource, at: Place): Promise<T | undefined | string> {
  try {
    return await cluster.get<T>(r, at);
  } catch (error) {
    if (hasCode(error, "NotFound", "NoSuchKind")) return undefined;
    const permission = missingPermission(error);
    if (permission === undefined) throw error;
    return `Not shown: ${r.kind} ${at.name}, ${permission}.`;
  }
}

async function readRoute(canary: Canary, read: Read): Promise<RouteObject | undefined> {
  const route = canary.status?.route;
  if (!route) return undefined;
  return read<RouteObject>(routeResource(route), route.name);
}

function readCallers(canary: Canary, cluster: Cluster): Promise<Caller[]> {
  const { staleCallers = [], callerWorkloads = {} } = { ...canary.status };
  const callers = staleCallers.map((text): Caller => ({ ...parseCaller(text), workload: callerWorkloads[text] }));
  return Promise.all(
    callers.map(async (caller, index) => {
      if (index >= mostCallers || caller.workload !== undefined) return caller;
      const { name, namespace } = caller;
      const pod = await readIfAllowed<V1Pod>(cluster, resource.pods, { name, namespace });
      return typeof pod === "string" ? caller : { ...caller, pod };
    }),
  );
}

/** Every user may ask who they are; the answer carries the server's time. */
async function serverTime(cluster: Cluster): Promise<number | undefined> {
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  try {
    const answer = await cluster.raw("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review);
    const created = (answer as { metadata?: { creationTimestamp?: string } }).metadata?.creationTimestamp;
    return created ? Date.parse(created) : undefined;
  } catch (error) {
    if (hasCode(error, "Forbidden", "NoSuchKind", "NotFound")) return undefined;
    throw error;
  }
}

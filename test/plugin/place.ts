/** Puts what a fixture describes into a real cluster, statuses included, as the controller would have left it. */
import type { V1ObjectMeta } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { httpRoute } from "../../shared/core/objects/routes.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { hasCode } from "../../shared/kube/errors.ts";
import { at, resource, type Resource } from "../../shared/kube/resources.ts";
import { aLease, microTime } from "./seen.ts";
import type { Seen } from "../../plugin/view/types.ts";

/** Everything of `seen` goes to `namespace`, its Lease to `controllerNamespace`; both are created if need be. */
export async function place(
  cluster: Cluster,
  seen: Seen,
  where: { namespace: string; controllerNamespace: string },
): Promise<void> {
  const { namespace, controllerNamespace } = where;
  await Promise.all([ensureNamespace(cluster, namespace), ensureNamespace(cluster, controllerNamespace)]);
  const inNamespace = <T extends { metadata?: V1ObjectMeta }>(object: T): T => moved(object, namespace);
  if (seen.target) await put(cluster, resource.deployments, inNamespace(seen.target));
  if (seen.workload) await put(cluster, resource.deployments, inNamespace(seen.workload));
  if (seen.route) await put(cluster, routeResource(seen.route), inNamespace(seen.route));
  if (seen.lease) await put(cluster, resource.leases, moved(seen.lease, controllerNamespace));
  await putCanary(cluster, inNamespace(seen.canary));
}

/** The Lease of a controller that stays alive for as long as a test may take. */
export async function placeController(cluster: Cluster, namespace = "kubectl-canary"): Promise<void> {
  await ensureNamespace(cluster, namespace);
  const lease = aLease(0);
  if (lease.spec) lease.spec.renewTime = microTime(Date.now() + 3_600_000);
  await put(cluster, resource.leases, moved(lease, namespace));
}

/** Creates the Canary, and its status beside it: a status that comes with a creation is dropped. */
export async function putCanary(cluster: Cluster, canary: Canary): Promise<Canary> {
  const { status, ...rest } = canary;
  const created = await put(cluster, resource.canaries, rest);
  return status ? setStatus(cluster, created, status) : created;
}

export function setStatus(cluster: Cluster, canary: Canary, status: Canary["status"]): Promise<Canary> {
  const { name = "", namespace = "" } = canary.metadata;
  const subresource = "status";
  return cluster.patch<Canary>(
    resource.canaries,
    { name, namespace, subresource },
    { type: "merge", body: { status }, fieldManager: "kubectl-canary" },
  );
}

export async function ensureNamespace(cluster: Cluster, name: string): Promise<void> {
  try {
    await cluster.create(resource.namespaces, { metadata: { name } });
  } catch (error) {
    if (!hasCode(error, "AlreadyExists")) throw error;
  }
}

// --- internal ---

function moved<T extends { metadata?: V1ObjectMeta }>(object: T, namespace: string): T {
  const { managedFields: _, resourceVersion: __, ...metadata } = object.metadata ?? {};
  return { ...object, metadata: { ...metadata, namespace } };
}

function put<T>(cluster: Cluster, r: Resource, object: T): Promise<T> {
  return cluster.create<T>(r, object, { fieldManager: "kubectl-canary" });
}

function routeResource(route: NonNullable<Seen["route"]>): Resource {
  const base = route.kind === httpRoute.kind ? resource.httpRoutes : resource.trafficSplits;
  return at(base, route.apiVersion.split("/")[1] ?? base.version);
}

/** Reads Linkerd's policy objects of a namespace, which default policy its pods are under, and what else selects pods there. */
import type { V1Namespace, V1Pod, V1PodDisruptionBudget } from "@kubernetes/client-node";
import {
  defaultPolicyAnnotation,
  defaultPolicyOf,
  type AuthorizationPolicy,
  type PolicyObjects,
  type PolicyServer,
  type ServerAuthorization,
} from "../../../shared/core/objects/inbound-policy.ts";
import { optional } from "../../../shared/core/format/compact.ts";
import type { PodMonitor, SelectingObjects, ServiceMonitor } from "../../../shared/core/preconditions/finding.ts";
import type { NetworkPolicy } from "../../../shared/core/selectors/network-policy.ts";
import { at, resource, type Resource } from "../../../shared/kube/resources.ts";
import type { Reader } from "./reader.ts";

/** Undefined where the cluster has none, or some may not be read. */
export async function readPolicies(
  reader: Reader,
  { namespace, pods }: { namespace: string; pods: readonly V1Pod[] | undefined },
): Promise<PolicyObjects | undefined> {
  const servers = await readServers(reader, namespace);
  if (!servers) return undefined;
  const [authorizations, serverAuthorizations, here] = await Promise.all([
    reader.list<AuthorizationPolicy>(resource.authorizationPolicies, { namespace }),
    reader.list<ServerAuthorization>(resource.serverAuthorizations, { namespace }),
    reader.get<V1Namespace>(resource.namespaces, { name: namespace }),
  ]);
  if (authorizations === undefined || serverAuthorizations === undefined) return undefined;
  const known = here?.metadata?.annotations?.[defaultPolicyAnnotation] ?? ofPods(pods);
  return {
    servers,
    authorizations: authorizations ?? [],
    serverAuthorizations: serverAuthorizations ?? [],
    ...optional("defaultPolicy", known),
  };
}

/** Each undefined where the cluster has none of the kind, or it may not be read. */
export async function readSelecting(reader: Reader, namespace: string): Promise<SelectingObjects> {
  const list = async <T>(of: Resource): Promise<T[] | undefined> =>
    (await reader.list<T>(of, { namespace })) ?? undefined;
  const [networkPolicies, budgets, podMonitors, serviceMonitors] = await Promise.all([
    list<NetworkPolicy>(resource.networkPolicies),
    list<V1PodDisruptionBudget>(resource.podDisruptionBudgets),
    list<PodMonitor>(resource.podMonitors),
    list<ServiceMonitor>(resource.serviceMonitors),
  ]);
  return { networkPolicies, budgets, podMonitors, serviceMonitors };
}

// --- internal ---

/** The newest first. */
const serverVersions = ["v1beta3", "v1beta2", "v1beta1"];

async function readServers(reader: Reader, namespace: string): Promise<PolicyServer[] | null | undefined> {
  for (const version of serverVersions) {
    const found = await reader.list<PolicyServer>(at(resource.linkerdServers, version), { namespace });
    if (found !== null) return found;
  }
  return null;
}

function ofPods(pods: readonly V1Pod[] = []): string | undefined {
  const [first] = pods.flatMap((pod) => defaultPolicyOf(pod) ?? []);
  return first;
}

/** What Linkerd's policy objects of a namespace say, where the cluster has them. */
import type { V1Namespace } from "@kubernetes/client-node";
import {
  defaultPolicyAnnotation,
  type AuthorizationPolicy,
  type PolicyObjects,
  type PolicyServer,
  type ServerAuthorization,
} from "../../../shared/core/objects/inbound-policy.ts";
import { optional } from "../../../shared/core/format/compact.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { keyOf } from "../../../shared/kube/store.ts";
import type { ServedPolicies } from "../objects/served-policies.ts";
import type { Cache } from "./cache.ts";
import { keptBeside } from "./outline.ts";
import { slim } from "./slim.ts";
import { watchInto, type Keys, type WatchDeps } from "./watch.ts";

export interface PolicyCaches {
  servers: Cache<PolicyServer>;
  authorizations: Cache<AuthorizationPolicy>;
  /** Undefined where this version of Linkerd has none. */
  serverAuthorizations?: Cache<ServerAuthorization>;
  /** With the annotation about policy and no other. */
  namespaces: Cache<V1Namespace>;
}

const byNamespace = "namespace";

/** Undefined where nothing is served. `keys`: of the Canaries of a namespace. */
export function watchPolicies(
  deps: WatchDeps,
  served: ServedPolicies | undefined,
  keys: (namespace: string) => readonly string[],
): PolicyCaches | undefined {
  if (!served) return undefined;
  const { servers, authorizations, serverAuthorizations } = served;
  const ofNamespace = ({ metadata }: { metadata: { namespace?: string } }): string => metadata.namespace ?? "";
  const options = <T extends PolicyServer | AuthorizationPolicy | ServerAuthorization>(): {
    keys: Keys<T>;
    indexes: Record<string, (object: T) => string[]>;
    transform: (object: T) => T;
    missingIsEmpty: true;
  } => ({
    keys: (object) => keys(ofNamespace(object)),
    indexes: { [byNamespace]: (object) => [ofNamespace(object)] },
    transform: (object) => keptBeside(slim(object)),
    missingIsEmpty: true,
  });
  return {
    servers: watchInto<PolicyServer>(deps, servers, options()),
    authorizations: watchInto<AuthorizationPolicy>(deps, authorizations, options()),
    ...optional(
      "serverAuthorizations",
      serverAuthorizations && watchInto<ServerAuthorization>(deps, serverAuthorizations, options()),
    ),
    namespaces: watchInto<V1Namespace>(deps, resource.namespaces, {
      transform: annotated,
      keys: (object) => keys(keyOf(object)),
    }),
  };
}

/** Undefined where the cluster has no such objects. */
export function policiesIn(policies: PolicyCaches | undefined, namespace: string): PolicyObjects | undefined {
  if (!policies) return undefined;
  const { annotations = {} } = { ...policies.namespaces.get("", namespace)?.metadata };
  return {
    servers: policies.servers.byIndex(byNamespace, namespace),
    authorizations: policies.authorizations.byIndex(byNamespace, namespace),
    serverAuthorizations: policies.serverAuthorizations?.byIndex(byNamespace, namespace) ?? [],
    ...optional("defaultPolicy", annotations[defaultPolicyAnnotation]),
  };
}

// --- internal ---

/** Labels and annotations of others are no business of ours, and a cluster may have thousands of namespaces. */
function annotated({ metadata }: V1Namespace): V1Namespace {
  const { name, uid, resourceVersion, annotations } = { ...metadata };
  const policy = annotations?.[defaultPolicyAnnotation];
  const kept = policy === undefined ? {} : { [defaultPolicyAnnotation]: policy };
  return {
    metadata: {
      ...optional("name", name),
      ...optional("uid", uid),
      ...optional("resourceVersion", resourceVersion),
      annotations: kept,
    },
  };
}

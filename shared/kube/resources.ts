/**
 * The resources of the API that we use, and their URL paths.
 * Where a group is served in several versions (TrafficSplit), the version here is a default; take `at()` for another.
 */
import { type Access, CanaryError } from "./errors.ts";

export interface Resource {
  /** Empty for the core group. */
  group: string;
  version: string;
  plural: string;
  kind: string;
  clusterScoped?: true;
}

const flagger = { group: "flagger.app", version: "v1beta1" } as const;
const gateway = { group: "gateway.networking.k8s.io", version: "v1" } as const;
const linkerdPolicy = { group: "policy.linkerd.io" } as const;
const monitoring = { group: "monitoring.coreos.com", version: "v1" } as const;
const admission = { group: "admissionregistration.k8s.io", version: "v1", clusterScoped: true } as const;
const rbac = { group: "rbac.authorization.k8s.io", version: "v1" } as const;

export const resource = {
  canaries: { ...flagger, plural: "canaries", kind: "Canary" },
  metricTemplates: { ...flagger, plural: "metrictemplates", kind: "MetricTemplate" },
  alertProviders: { ...flagger, plural: "alertproviders", kind: "AlertProvider" },

  deployments: { group: "apps", version: "v1", plural: "deployments", kind: "Deployment" },
  replicaSets: { group: "apps", version: "v1", plural: "replicasets", kind: "ReplicaSet" },
  controllerRevisions: { group: "apps", version: "v1", plural: "controllerrevisions", kind: "ControllerRevision" },
  pods: { group: "", version: "v1", plural: "pods", kind: "Pod" },
  services: { group: "", version: "v1", plural: "services", kind: "Service" },
  endpointSlices: { group: "discovery.k8s.io", version: "v1", plural: "endpointslices", kind: "EndpointSlice" },
  configMaps: { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" },
  secrets: { group: "", version: "v1", plural: "secrets", kind: "Secret" },
  serviceAccounts: { group: "", version: "v1", plural: "serviceaccounts", kind: "ServiceAccount" },
  namespaces: { group: "", version: "v1", plural: "namespaces", kind: "Namespace", clusterScoped: true },
  nodes: { group: "", version: "v1", plural: "nodes", kind: "Node", clusterScoped: true },
  coreEvents: { group: "", version: "v1", plural: "events", kind: "Event" },
  events: { group: "events.k8s.io", version: "v1", plural: "events", kind: "Event" },
  leases: { group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease" },
  jobs: { group: "batch", version: "v1", plural: "jobs", kind: "Job" },
  horizontalPodAutoscalers: {
    group: "autoscaling",
    version: "v2",
    plural: "horizontalpodautoscalers",
    kind: "HorizontalPodAutoscaler",
  },
  /** KEDA's. */
  scaledObjects: { group: "keda.sh", version: "v1alpha1", plural: "scaledobjects", kind: "ScaledObject" },

  networkPolicies: { group: "networking.k8s.io", version: "v1", plural: "networkpolicies", kind: "NetworkPolicy" },
  podDisruptionBudgets: {
    group: "policy",
    version: "v1",
    plural: "poddisruptionbudgets",
    kind: "PodDisruptionBudget",
  },
  podMonitors: { ...monitoring, plural: "podmonitors", kind: "PodMonitor" },
  serviceMonitors: { ...monitoring, plural: "servicemonitors", kind: "ServiceMonitor" },

  trafficSplits: { group: "split.smi-spec.io", version: "v1alpha2", plural: "trafficsplits", kind: "TrafficSplit" },
  httpRoutes: { ...gateway, plural: "httproutes", kind: "HTTPRoute" },
  linkerdServers: { ...linkerdPolicy, version: "v1beta1", plural: "servers", kind: "Server" },
  serverAuthorizations: {
    ...linkerdPolicy,
    version: "v1beta1",
    plural: "serverauthorizations",
    kind: "ServerAuthorization",
  },
  authorizationPolicies: {
    ...linkerdPolicy,
    version: "v1alpha1",
    plural: "authorizationpolicies",
    kind: "AuthorizationPolicy",
  },
  serviceProfiles: { group: "linkerd.io", version: "v1alpha2", plural: "serviceprofiles", kind: "ServiceProfile" },

  mutatingWebhookConfigurations: {
    ...admission,
    plural: "mutatingwebhookconfigurations",
    kind: "MutatingWebhookConfiguration",
  },
  validatingWebhookConfigurations: {
    ...admission,
    plural: "validatingwebhookconfigurations",
    kind: "ValidatingWebhookConfiguration",
  },
  customResourceDefinitions: {
    group: "apiextensions.k8s.io",
    version: "v1",
    plural: "customresourcedefinitions",
    kind: "CustomResourceDefinition",
    clusterScoped: true,
  },
  roles: { ...rbac, plural: "roles", kind: "Role" },
  roleBindings: { ...rbac, plural: "rolebindings", kind: "RoleBinding" },
  clusterRoles: { ...rbac, plural: "clusterroles", kind: "ClusterRole", clusterScoped: true },
  clusterRoleBindings: { ...rbac, plural: "clusterrolebindings", kind: "ClusterRoleBinding", clusterScoped: true },
  selfSubjectAccessReviews: {
    group: "authorization.k8s.io",
    version: "v1",
    plural: "selfsubjectaccessreviews",
    kind: "SelfSubjectAccessReview",
    clusterScoped: true,
  },
} as const satisfies Record<string, Resource>;

/** The same resource in another version of its group, e.g. `at(resource.trafficSplits, "v1alpha4")`. */
export const at = (r: Resource, version: string): Resource => ({ ...r, version });

/** `apiVersion` of objects of this resource: `apps/v1`, or `v1` for the core group. */
export const apiVersion = (r: Resource): string => (r.group === "" ? r.version : `${r.group}/${r.version}`);

/** How kubectl names the resource: `deployments.apps`, `pods`. */
export const groupResource = (r: Resource): string => (r.group === "" ? r.plural : `${r.plural}.${r.group}`);

const groupPath = (r: Resource): string => (r.group === "" ? `/api/${r.version}` : `/apis/${r.group}/${r.version}`);

/** URL path of all objects of a resource, in one namespace or, without one, in all. Throws `Usage` as `objectPath` does. */
export function collectionPath(r: Resource, namespace?: string): string {
  if (namespace !== undefined && !isPathSegment(namespace)) {
    throw new CanaryError("Usage", `"${namespace}" cannot be the name of a namespace.`);
  }
  const scope = namespace === undefined || r.clusterScoped ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${groupPath(r)}${scope}/${r.plural}`;
}

/**
 * URL path of one object. Throws `Usage` where a name or the namespace of a namespaced resource is missing, or where a name
 * would lead elsewhere: the API server decodes `%2F` before it looks at the path.
 */
export function objectPath(r: Resource, where: { name: string; namespace?: string; subresource?: string }): string {
  if (!isPathSegment(where.name)) {
    throw new CanaryError("Usage", `"${where.name}" cannot be the name of a ${r.kind}.`);
  }
  if (!r.clusterScoped && !where.namespace) {
    throw new CanaryError("Usage", `${r.kind} "${where.name}" cannot be addressed without a namespace.`);
  }
  const tail = where.subresource === undefined ? "" : `/${where.subresource}`;
  return `${collectionPath(r, where.namespace)}/${encodeURIComponent(where.name)}${tail}`;
}

/** Undefined for a path that is no resource's. `path` may have its query. */
export function accessOf(method: string, path: string): Access | undefined {
  const [plain = "", query = ""] = path.split("?", 2);
  const [, root, ...rest] = plain.split("/").map(decodeURIComponent);
  if (root === "api") return accessTo("", rest.slice(1), { method, query });
  return root === "apis" ? accessTo(rest[0] ?? "", rest.slice(2), { method, query }) : undefined;
}

function accessTo(
  group: string,
  parts: readonly string[],
  asked: { method: string; query: string },
): Access | undefined {
  const isNamespaced = parts[0] === "namespaces" && parts.length > 2;
  const [resource, name, subresource] = isNamespaced ? parts.slice(2) : parts;
  if (!resource) return undefined;
  const verb = verbOf(asked.method, {
    isOne: name !== undefined,
    isWatch: new URLSearchParams(asked.query).get("watch") === "true",
  });
  // To RBAC a namespace is in itself.
  const isIn = isNamespaced || (resource === "namespaces" && name !== undefined);
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  return { verb, group, resource: full, ...(isIn && parts[1] !== undefined ? { namespace: parts[1] } : {}) };
}

function verbOf(method: string, { isOne, isWatch }: { isOne: boolean; isWatch: boolean }): string {
  const verbs: Readonly<Record<string, string>> = {
    GET: isWatch ? "watch" : isOne ? "get" : "list",
    POST: "create",
    PUT: "update",
    PATCH: "patch",
    DELETE: isOne ? "delete" : "deletecollection",
  };
  return verbs[method] ?? method.toLowerCase();
}

/** The API machinery's own rule for what may stand in a path. */
const isPathSegment = (name: string): boolean => name !== "" && name !== "." && name !== ".." && !/[/%]/.test(name);

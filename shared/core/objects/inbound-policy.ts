/**
 * Whom Linkerd lets in at a pod, as far as its policy objects tell without knowing who asks: a Server takes a port of the pods that it
 * selects out of the default policy's hands, and lets in only those whom an AuthorizationPolicy or a ServerAuthorization names.
 */
import type { V1LabelSelector, V1ObjectMeta, V1Pod } from "@kubernetes/client-node";
import { selects, type Labels } from "../selectors/selector.ts";

export interface PolicyServer {
  metadata: V1ObjectMeta;
  spec: { podSelector?: V1LabelSelector; port: number | string; accessPolicy?: string };
}

export interface AuthorizationPolicy {
  metadata: V1ObjectMeta;
  spec: { targetRef: { group?: string; kind: string; name: string } };
}

/** What AuthorizationPolicies have replaced, and Linkerd still obeys. */
export interface ServerAuthorization {
  metadata: V1ObjectMeta;
  spec: { server?: { name?: string; selector?: V1LabelSelector } };
}

/** All of one namespace. */
export interface PolicyObjects {
  servers: readonly PolicyServer[];
  authorizations: readonly AuthorizationPolicy[];
  serverAuthorizations: readonly ServerAuthorization[];
  /** Of its pods, where nothing on a pod says otherwise; undefined where neither the namespace nor a pod of it tells the cluster's. */
  defaultPolicy?: string;
}

/** A pod as policy sees it. */
export interface GuardedPod {
  labels: Labels;
  annotations: Readonly<Record<string, string>>;
  /** Numbers of its named ports. */
  ports: Readonly<Record<string, number>>;
}

/** What decides who may call a port of a pod. */
export interface Guard {
  /** The Server that it is under; undefined: the default policy's. */
  server?: PolicyServer;
  /** Where it is under no Server: the default policy, if that is known. */
  defaultPolicy?: string;
  /** What lets somebody in: `AuthorizationPolicy shop-callers`. */
  letsIn: string[];
  /** Certain: nobody is let in, whoever asks. */
  isShut: boolean;
}

export const defaultPolicyAnnotation = "config.linkerd.io/default-inbound-policy";

/** Under which default policy a pod's proxy was injected, where its spec says so: so the cluster's is known where nothing names another. */
export function defaultPolicyOf({ spec }: Pick<V1Pod, "spec">): string | undefined {
  const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const { env = [] } = all.find(({ name }) => name === "linkerd-proxy") ?? {};
  return env.find(({ name }) => name === "LINKERD2_PROXY_INBOUND_DEFAULT_POLICY")?.value;
}

export function guardOf(pod: GuardedPod, port: number | string, policies: PolicyObjects): Guard {
  const server = serverOf(pod, port, policies);
  if (server) return { server, ...accessTo(server, policies) };
  const defaultPolicy = pod.annotations[defaultPolicyAnnotation] ?? policies.defaultPolicy;
  if (defaultPolicy === undefined) return { letsIn: [], isShut: false };
  return { defaultPolicy, letsIn: [], isShut: defaultPolicy === "deny" };
}

export const serverNameOf = ({ metadata }: PolicyServer): string => metadata.name ?? "";

// --- internal ---

/** Linkerd refuses a second Server for the same port of the same pods: where it was not asked, the older is taken. */
function serverOf(pod: GuardedPod, port: number | string, { servers }: PolicyObjects): PolicyServer | undefined {
  const found = servers.filter(
    ({ spec }) =>
      spec.podSelector !== undefined &&
      selects(spec.podSelector, pod.labels) &&
      numberOf(spec.port, pod) === numberOf(port, pod),
  );
  return found.sort((a, b) => (ageOf(a) < ageOf(b) ? -1 : 1))[0];
}

function accessTo(server: PolicyServer, policies: PolicyObjects): Pick<Guard, "letsIn" | "isShut"> {
  const { authorizations, serverAuthorizations } = policies;
  const byPolicy = authorizations.filter(({ spec }) => targets(spec.targetRef, server));
  const byServer = serverAuthorizations.filter(({ spec }) => names(spec.server, server));
  const letsIn = [
    ...byPolicy.map(({ metadata }) => `AuthorizationPolicy ${metadata.name ?? ""}`),
    ...byServer.map(({ metadata }) => `ServerAuthorization ${metadata.name ?? ""}`),
  ];
  // A route below the Server may let in whom the Server itself does not.
  const byRoute = authorizations.some(({ spec }) => !["Server", "Namespace"].includes(spec.targetRef.kind));
  const { accessPolicy = "deny" } = server.spec;
  return { letsIn, isShut: letsIn.length === 0 && !byRoute && accessPolicy === "deny" };
}

function targets({ kind, name }: AuthorizationPolicy["spec"]["targetRef"], { metadata }: PolicyServer): boolean {
  return kind === "Namespace" ? name === metadata.namespace : kind === "Server" && name === metadata.name;
}

function names(of: ServerAuthorization["spec"]["server"], { metadata }: PolicyServer): boolean {
  if (of?.name !== undefined) return of.name === metadata.name;
  return of?.selector !== undefined && selects(of.selector, metadata.labels ?? {});
}

const numberOf = (port: number | string, { ports }: GuardedPod): number | undefined =>
  typeof port === "number" ? port : ports[port];

/** Sorts by age, and by name where two are as old. */
const ageOf = (server: PolicyServer): string =>
  `${JSON.stringify(server.metadata.creationTimestamp ?? "")}/${serverNameOf(server)}`;

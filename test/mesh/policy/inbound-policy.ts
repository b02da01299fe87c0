// Who may call a pod: Linkerd's policy resources, as far as a canary meets them. A Server takes a port of the pods that
// it selects out of the default policy's hands, and lets in only those whom an AuthorizationPolicy (on it, or on its
// namespace) authorizes. Pure: objects in, document out; the sidecar asks the document.
import { BlockList } from "node:net";
import type { AuthorizationPolicy, Pod, PolicyRef, PolicyServer, PolicyView } from "./objects.ts";
import { selects } from "./selector.ts";
import { identityOf } from "../settings.ts";

const policyGroup = "policy.linkerd.io";
export const defaultPolicyAnnotation = "config.linkerd.io/default-inbound-policy";

/** As in the labels of Linkerd's series. */
export interface PolicyName {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

/** One way in: whoever meets all of `required`. */
export interface Authorization extends PolicyName {
  readonly required: readonly Requirement[];
}

export interface Requirement {
  /** Identities, `*` for any, `*.suffix` for all that end so; absent where unmeshed callers are let in too. */
  readonly identities?: readonly string[];
  /** CIDRs of callers' addresses; absent for all. */
  readonly networks?: readonly { readonly cidr: string; readonly except?: readonly string[] }[];
}

export interface PortPolicy {
  readonly server: PolicyName;
  readonly authorizations: readonly Authorization[];
}

/** What the control plane tells a sidecar. */
export interface InboundPolicy {
  readonly otherwise: PortPolicy;
  /** By port number. */
  readonly ports: Readonly<Record<string, PortPolicy>>;
}

const clusterNetworks = ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"].map((cidr) => ({ cidr }));

const defaults: Readonly<Record<string, readonly Requirement[] | undefined>> = {
  "all-unauthenticated": [],
  audit: [],
  "all-authenticated": [{ identities: ["*"] }],
  "cluster-unauthenticated": [{ networks: clusterNetworks }],
  "cluster-authenticated": [{ identities: ["*"], networks: clusterNetworks }],
};

/** The policy of Linkerd's own that has this name; `deny`, and what is no such name, lets nobody in. */
export function defaultPolicy(name: string): PortPolicy {
  const required = defaults[name];
  const server = { group: "", kind: "default", name };
  return { server, authorizations: required ? [{ ...server, required }] : [] };
}

export const openPolicy: InboundPolicy = { otherwise: defaultPolicy("all-unauthenticated"), ports: {} };

/** `undefined` for a pod that is not known yet. */
export function describePolicy(namespace: string, name: string, view: PolicyView): InboundPolicy | undefined {
  const pod = view.pod(namespace, name);
  if (!pod) return undefined;
  const otherwise = pod.metadata.annotations?.[defaultPolicyAnnotation] ?? "all-unauthenticated";
  const ports: Record<string, PortPolicy> = {};
  for (const server of view.serversIn(namespace)) {
    const port = selects(server.spec.podSelector, pod.metadata.labels) ? portOn(pod, server.spec.port) : undefined;
    if (port !== undefined) ports[port] ??= serverPolicy(server, view);
  }
  return { otherwise: defaultPolicy(otherwise), ports };
}

function portOn(pod: Pod, port: number | string): number | undefined {
  if (typeof port === "number") return port;
  const named = (pod.spec?.containers ?? []).flatMap(({ ports }) => ports ?? []).find(({ name }) => name === port);
  return named?.containerPort;
}

function serverPolicy(server: PolicyServer, view: PolicyView): PortPolicy {
  const { namespace, name } = server.metadata;
  const policies = view.authorizationsIn(namespace).filter((each) => targets(each, server));
  const authorizations = policies.flatMap((policy): Authorization[] => {
    const required = (policy.spec.requiredAuthenticationRefs ?? []).map((ref) => requirement(ref, namespace, view));
    // What names an authentication that does not exist lets nobody in.
    if (!required.every((each) => each !== undefined)) return [];
    return [{ group: policyGroup, kind: "authorizationpolicy", name: policy.metadata.name, required }];
  });
  const fallback = defaultPolicy(server.spec.accessPolicy ?? "deny").authorizations;
  return { server: { group: policyGroup, kind: "server", name }, authorizations: [...authorizations, ...fallback] };
}

function targets({ spec: { targetRef } }: AuthorizationPolicy, server: PolicyServer): boolean {
  if (targetRef.kind === "Namespace") return targetRef.name === server.metadata.namespace;
  return targetRef.kind === "Server" && targetRef.name === server.metadata.name;
}

function requirement(ref: PolicyRef, here: string, view: PolicyView): Requirement | undefined {
  const namespace = ref.namespace ?? here;
  switch (ref.kind) {
    case "ServiceAccount":
      return { identities: [identityOf(ref.name, namespace)] };
    case "NetworkAuthentication": {
      const found = view.network(namespace, ref.name);
      return found && { networks: found.spec.networks };
    }
    case "MeshTLSAuthentication": {
      const found = view.meshTls(namespace, ref.name);
      const referred = (found?.spec.identityRefs ?? []).map((each) => identityIn(each, namespace));
      return found && { identities: [...(found.spec.identities ?? []), ...referred] };
    }
    default:
      return undefined;
  }
}

const identityIn = ({ kind, name, namespace }: PolicyRef, here: string): string =>
  kind === "Namespace" ? `*${identityOf("", name)}` : identityOf(name, namespace ?? here);

/** The first authorization that lets this caller in; `undefined`: it is refused. */
export function authorize(
  policy: PortPolicy,
  caller: { readonly clientId: string | undefined; readonly ip: string },
): Authorization | undefined {
  const meets = ({ identities, networks }: Requirement): boolean =>
    (!identities || identities.some((each) => hasIdentity(each, caller.clientId))) &&
    (!networks ||
      networks.some(
        ({ cidr, except = [] }) => inside(caller.ip, cidr) && !except.some((each) => inside(caller.ip, each)),
      ));
  return policy.authorizations.find(({ required }) => required.every(meets));
}

function hasIdentity(pattern: string, clientId: string | undefined): boolean {
  if (clientId === undefined) return false;
  return pattern.startsWith("*") ? clientId.endsWith(pattern.slice(1)) : clientId === pattern;
}

function inside(ip: string, cidr: string): boolean {
  const [network = "", bits = "32"] = cidr.split("/", 2);
  if (network.includes(":")) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits));
  return list.check(ip);
}

// What the control plane tells a sidecar about one address that a client talks to: the wire types of the stream,
// and how such a document is made from the cluster's objects. Pure: objects in, document out.
import { type ClusterView, type EndpointSlice, type Pod, type Service, portOf, serviceKey } from "./objects.ts";
import { overridesOf } from "./profile.ts";
import { rulesFor, type Rule } from "./route.ts";
import { servicePolicy, type ServicePolicy } from "./service-policy.ts";

/** A pod that can take a connection, with what the metrics say of it. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  readonly namespace: string;
  readonly pod: string;
  readonly deployment: string;
  readonly podTemplateHash: string;
  readonly serviceAccount: string;
  readonly zone: string;
  /** Has a sidecar of ours: then the hop counts as mutual TLS in the metrics. */
  readonly meshed: boolean;
}

/** A Service as a target of traffic: what it is and who is ready behind it. */
export interface Leaf {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  readonly exists: boolean;
  readonly endpoints: readonly Endpoint[];
}

/** A share of traffic: weight in thousandths, `leaf` a key of `ServiceDestination.leaves`. */
export interface Backend {
  readonly leaf: string;
  readonly weight: number;
}

export interface ServiceDestination {
  readonly kind: "service";
  /** Key of the Service that the client addressed. */
  readonly apex: string;
  readonly leaves: Readonly<Record<string, Leaf>>;
  /** From a ServiceProfile; empty where there is none, and where it is the husk of a deleted TrafficSplit. */
  readonly overrides: readonly Backend[];
  /** From HTTPRoutes, in order of precedence; empty where there is none. */
  readonly rules: readonly Rule[];
  /** From the addressed Service's annotations. */
  readonly policy: ServicePolicy;
}

export type Destination =
  ServiceDestination | { readonly kind: "pod"; readonly endpoint: Endpoint } | { readonly kind: "unknown" };

/** Everything that is known about `ip:port` as a destination now. */
export function describe(ip: string, port: number, view: ClusterView): Destination {
  const service = view.serviceByAddress(ip);
  if (service && portOf(service, port)) return describeService(service, port, view);
  const pod = view.podByAddress(ip);
  if (pod) return { kind: "pod", endpoint: endpointOf(pod, ip, port) };
  return { kind: "unknown" };
}

function describeService(service: Service, port: number, view: ClusterView): ServiceDestination {
  const { namespace, name } = service.metadata;
  const leaves: Record<string, Leaf> = {};
  const leaf = (leafNamespace: string, leafName: string, leafPort: number): string => {
    const key = leafKey(leafNamespace, leafName, leafPort);
    leaves[key] ??= describeLeaf(leafNamespace, leafName, leafPort, view);
    return key;
  };
  const apex = leaf(namespace, name, port);
  const overrides = overridesOf(view.profileFor(namespace, name), port, leaf);
  const rules = rulesFor(view.routesFor(namespace, name), { namespace, name, port }, leaf);
  return { kind: "service", apex, leaves, overrides, rules, policy: servicePolicy(service.metadata.annotations) };
}

const leafKey = (namespace: string, name: string, port: number): string => `${namespace}/${name}:${port}`;

function describeLeaf(namespace: string, name: string, port: number, view: ClusterView): Leaf {
  const service = view.service(serviceKey(namespace, name));
  const servicePort = service && portOf(service, port);
  const slices = servicePort ? view.slicesOf(namespace, name) : [];
  const endpoints = slices.flatMap((slice) => readyEndpoints(slice, servicePort?.name ?? "", view));
  return { namespace, name, port, exists: service !== undefined, endpoints };
}

function readyEndpoints(slice: EndpointSlice, portName: string, view: ClusterView): Endpoint[] {
  const port = (slice.ports ?? []).find((each) => (each.name ?? "") === portName)?.port;
  if (!port) return [];
  return (slice.endpoints ?? [])
    .filter((each) => each.conditions?.ready !== false)
    .flatMap((each) => each.addresses.map((ip) => ({ ip, zone: each.zone ?? "" })))
    .map(({ ip, zone }) => endpointOf(view.podByAddress(ip), ip, port, zone));
}

function endpointOf(pod: Pod | undefined, ip: string, port: number, zone = ""): Endpoint {
  const where = { ip, port, zone };
  if (!pod) return { ...where, ...unknownPod };
  const { namespace, name, labels = {} } = pod.metadata;
  return {
    ...where,
    namespace,
    pod: name,
    deployment: labels["linkerd.io/proxy-deployment"] ?? "",
    podTemplateHash: labels["pod-template-hash"] ?? "",
    serviceAccount: pod.spec?.serviceAccountName ?? "",
    meshed: "linkerd.io/control-plane-ns" in labels,
  };
}

/** What the metrics say of an address that is no pod's. */
export const unknownPod = {
  namespace: "",
  pod: "",
  deployment: "",
  podTemplateHash: "",
  serviceAccount: "",
  meshed: false,
} as const;

// The few fields of Kubernetes objects that the stand-in mesh reads, and the view of a cluster that it reads them from.

export interface Meta {
  readonly name: string;
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
}

export interface Service {
  readonly metadata: Meta;
  readonly spec: { readonly clusterIP?: string; readonly ports?: readonly ServicePort[] };
}

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
}

export interface EndpointSlice {
  readonly metadata: Meta;
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[];
  readonly endpoints?: readonly {
    readonly addresses: readonly string[];
    readonly conditions?: { readonly ready?: boolean };
    readonly zone?: string;
  }[];
}

export interface Pod {
  readonly metadata: Meta;
  readonly spec?: {
    readonly serviceAccountName?: string;
    readonly hostNetwork?: boolean;
    readonly containers?: readonly { readonly ports?: readonly ContainerPort[] }[];
  };
  readonly status?: { readonly podIP?: string; readonly phase?: string };
}

export interface ContainerPort {
  readonly name?: string;
  readonly containerPort: number;
}

export interface TrafficSplit {
  readonly metadata: Meta;
  readonly spec: {
    readonly service: string;
    readonly backends?: readonly { readonly service: string; readonly weight?: string | number }[];
  };
}

export interface ParentRef {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly port?: number;
  readonly sectionName?: string;
}

export interface BackendRef {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly port?: number;
  readonly weight?: number;
  readonly filters?: readonly HttpRouteFilter[];
}

/** A header or a query parameter; `type` is Exact unless given. */
export interface NamedMatch {
  readonly type?: string;
  readonly name: string;
  readonly value: string;
}

export interface HttpRouteMatch {
  readonly path?: { readonly type?: string; readonly value?: string };
  readonly method?: string;
  readonly headers?: readonly NamedMatch[];
  readonly queryParams?: readonly NamedMatch[];
}

export interface Header {
  readonly name: string;
  readonly value: string;
}

export interface HeaderModifier {
  readonly set?: readonly Header[];
  readonly add?: readonly Header[];
  readonly remove?: readonly string[];
}

export interface HttpRouteFilter {
  readonly type: string;
  readonly requestHeaderModifier?: HeaderModifier;
  readonly responseHeaderModifier?: HeaderModifier;
}

export interface HttpRoute {
  readonly metadata: Meta;
  readonly spec: {
    readonly parentRefs?: readonly ParentRef[];
    readonly rules?: readonly {
      readonly matches?: readonly HttpRouteMatch[];
      readonly filters?: readonly HttpRouteFilter[];
      readonly timeouts?: { readonly request?: string };
      readonly backendRefs?: readonly BackendRef[];
    }[];
  };
  readonly status?: { readonly parents?: readonly ParentStatus[] };
}

export interface ParentStatus {
  readonly parentRef: ParentRef;
  readonly controllerName: string;
  readonly conditions?: readonly Condition[];
}

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
}

/** `spec` is empty (a husk) after the TrafficSplit that it was made of was deleted. */
export interface ServiceProfile {
  readonly metadata: Meta;
  readonly spec?: { readonly dstOverrides?: readonly DstOverride[] };
}

/** `authority` is a Service's full name, with or without a port; `weight` a quantity. */
export interface DstOverride {
  readonly authority: string;
  readonly weight: string | number;
}

export interface Namespace {
  readonly metadata: Meta;
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

export interface PolicyServer {
  readonly metadata: Meta;
  readonly spec: {
    readonly podSelector: LabelSelector;
    readonly port: number | string;
    /** A default policy's name, for callers that no AuthorizationPolicy lets in. */
    readonly accessPolicy?: string;
  };
}

export interface PolicyRef {
  readonly group?: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface AuthorizationPolicy {
  readonly metadata: Meta;
  readonly spec: { readonly targetRef: PolicyRef; readonly requiredAuthenticationRefs?: readonly PolicyRef[] };
}

export interface MeshTlsAuthentication {
  readonly metadata: Meta;
  readonly spec: { readonly identities?: readonly string[]; readonly identityRefs?: readonly PolicyRef[] };
}

export interface NetworkAuthentication {
  readonly metadata: Meta;
  readonly spec: { readonly networks: readonly { readonly cidr: string; readonly except?: readonly string[] }[] };
}

/** What of the cluster decides who may call a pod. */
export interface PolicyView {
  pod(namespace: string, name: string): Pod | undefined;
  serversIn(namespace: string): readonly PolicyServer[];
  authorizationsIn(namespace: string): readonly AuthorizationPolicy[];
  meshTls(namespace: string, name: string): MeshTlsAuthentication | undefined;
  network(namespace: string, name: string): NetworkAuthentication | undefined;
}

/** What the control plane knows of the cluster, by the keys it asks with. */
export interface ClusterView {
  service(key: string): Service | undefined;
  serviceByAddress(ip: string): Service | undefined;
  podByAddress(ip: string): Pod | undefined;
  slicesOf(namespace: string, service: string): readonly EndpointSlice[];
  profileFor(namespace: string, service: string): ServiceProfile | undefined;
  routesFor(namespace: string, service: string): readonly HttpRoute[];
}

export const serviceKey = (namespace: string, name: string): string => `${namespace}/${name}`;

export const portOf = (service: Service, port: number): ServicePort | undefined =>
  service.spec.ports?.find((each) => each.port === port);

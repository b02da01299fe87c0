// The few fields of Kubernetes objects that the stand-in mesh reads, and the view of a cluster that it reads them from.

export interface Meta {
  readonly name: string;
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
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
  readonly spec?: { readonly serviceAccountName?: string; readonly hostNetwork?: boolean };
  readonly status?: { readonly podIP?: string; readonly phase?: string };
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
}

export interface HttpRouteMatch {
  readonly path?: { readonly type?: string; readonly value?: string };
  readonly method?: string;
  readonly headers?: readonly { readonly name: string; readonly value: string }[];
}

export interface HttpRoute {
  readonly metadata: Meta;
  readonly spec: {
    readonly parentRefs?: readonly ParentRef[];
    readonly rules?: readonly {
      readonly matches?: readonly HttpRouteMatch[];
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

/** What the control plane knows of the cluster, by the keys it asks with. */
export interface ClusterView {
  service(key: string): Service | undefined;
  serviceByAddress(ip: string): Service | undefined;
  podByAddress(ip: string): Pod | undefined;
  slicesOf(namespace: string, service: string): readonly EndpointSlice[];
  splitFor(namespace: string, service: string): TrafficSplit | undefined;
  routesFor(namespace: string, service: string): readonly HttpRoute[];
}

export const serviceKey = (namespace: string, name: string): string => `${namespace}/${name}`;

export const portOf = (service: Service, port: number): ServicePort | undefined =>
  service.spec.ports?.find((each) => each.port === port);

// The control plane's copy of the cluster, and its indexes. One callback for any change, coalesced.
import { ApiError, type Api } from "./api.ts";
import {
  type AuthorizationPolicy,
  type ClusterView,
  type EndpointSlice,
  type HttpRoute,
  type MeshTlsAuthentication,
  type Meta,
  type Namespace,
  type NetworkAuthentication,
  type Pod,
  type PolicyServer,
  type PolicyView,
  type Service,
  type ServiceProfile,
  type TrafficSplit,
  serviceKey,
} from "../policy/objects.ts";
import { fullName } from "../policy/profile.ts";
import { Reflector } from "./reflector.ts";
import { hasParent } from "../policy/route.ts";

const splitGroup = "split.smi-spec.io";

// One rollout makes bursts of events; a few milliseconds turn a burst into one update.
const COALESCE_MS = 10;

export class ClusterState implements ClusterView, PolicyView {
  readonly #services: Reflector<Service>;
  readonly #slices: Reflector<EndpointSlice>;
  readonly #pods: Reflector<Pod>;
  readonly #splits: Reflector<TrafficSplit>;
  readonly #profiles: Reflector<ServiceProfile>;
  readonly #namespaces: Reflector<Namespace>;
  readonly #routes: Reflector<HttpRoute>;
  readonly #servers: Reflector<PolicyServer>;
  readonly #authorizations: Reflector<AuthorizationPolicy>;
  readonly #meshTls: Reflector<MeshTlsAuthentication>;
  readonly #networks: Reflector<NetworkAuthentication>;
  readonly #listeners: (() => void)[] = [];
  #pending = false;
  #indexes: Indexes | undefined;

  constructor(api: Api) {
    const changed = (): void => this.#schedule();
    const watch = <T extends { readonly metadata: Meta }>(path: string): Reflector<T> =>
      new Reflector<T>(api, () => Promise.resolve(path), changed);
    this.#services = watch("/api/v1/services");
    this.#slices = watch("/apis/discovery.k8s.io/v1/endpointslices");
    this.#pods = watch("/api/v1/pods");
    this.#routes = watch("/apis/gateway.networking.k8s.io/v1/httproutes");
    this.#profiles = watch("/apis/linkerd.io/v1alpha2/serviceprofiles");
    this.#namespaces = watch("/api/v1/namespaces");
    this.#servers = watch("/apis/policy.linkerd.io/v1beta3/servers");
    this.#authorizations = watch("/apis/policy.linkerd.io/v1alpha1/authorizationpolicies");
    this.#meshTls = watch("/apis/policy.linkerd.io/v1alpha1/meshtlsauthentications");
    this.#networks = watch("/apis/policy.linkerd.io/v1alpha1/networkauthentications");
    this.#splits = new Reflector(api, () => splitPath(api), changed);
  }

  /** Resolves when everything was read once. */
  async start(): Promise<void> {
    const all = [
      ...[this.#services, this.#slices, this.#pods, this.#namespaces],
      ...[this.#splits, this.#profiles, this.#routes],
      ...[this.#servers, this.#authorizations, this.#meshTls, this.#networks],
    ];
    for (const each of all) void each.run();
    await Promise.all(all.map((each) => each.synced));
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get routes(): Iterable<HttpRoute> {
    return this.#routes.items.values();
  }

  get splits(): Iterable<TrafficSplit> {
    return this.#splits.items.values();
  }

  get profiles(): Iterable<ServiceProfile> {
    return this.#profiles.items.values();
  }

  namespace(name: string): Namespace | undefined {
    return this.#namespaces.items.get(serviceKey("", name));
  }

  pod(namespace: string, name: string): Pod | undefined {
    return this.#pods.items.get(serviceKey(namespace, name));
  }

  serversIn(namespace: string): readonly PolicyServer[] {
    return inNamespace(this.#servers, namespace);
  }

  authorizationsIn(namespace: string): readonly AuthorizationPolicy[] {
    return inNamespace(this.#authorizations, namespace);
  }

  meshTls(namespace: string, name: string): MeshTlsAuthentication | undefined {
    return this.#meshTls.items.get(serviceKey(namespace, name));
  }

  network(namespace: string, name: string): NetworkAuthentication | undefined {
    return this.#networks.items.get(serviceKey(namespace, name));
  }

  service(key: string): Service | undefined {
    return this.#services.items.get(key);
  }

  serviceByAddress(ip: string): Service | undefined {
    return this.#index().serviceByIp.get(ip);
  }

  podByAddress(ip: string): Pod | undefined {
    return this.#index().podByIp.get(ip);
  }

  slicesOf(namespace: string, service: string): readonly EndpointSlice[] {
    return this.#index().slicesByService.get(serviceKey(namespace, service)) ?? [];
  }

  profileFor(namespace: string, service: string): ServiceProfile | undefined {
    return this.#profiles.items.get(serviceKey(namespace, fullName(namespace, service)));
  }

  routesFor(namespace: string, service: string): readonly HttpRoute[] {
    return [...this.#routes.items.values()].filter((route) => hasParent(route, namespace, service));
  }

  #index(): Indexes {
    this.#indexes ??= indexesOf(this.#services.items.values(), this.#pods.items.values(), this.#slices.items.values());
    return this.#indexes;
  }

  #schedule(): void {
    this.#indexes = undefined;
    if (this.#pending) return;
    this.#pending = true;
    setTimeout(() => {
      this.#pending = false;
      for (const listener of this.#listeners) listener();
    }, COALESCE_MS);
  }
}

/** By name, so that what is said first holds in any order of arrival. */
function inNamespace<T extends { readonly metadata: Meta }>(all: Reflector<T>, namespace: string): T[] {
  const mine = [...all.items.values()].filter(({ metadata }) => metadata.namespace === namespace);
  return mine.sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
}

interface Indexes {
  readonly serviceByIp: Map<string, Service>;
  readonly podByIp: Map<string, Pod>;
  readonly slicesByService: Map<string, EndpointSlice[]>;
}

function indexesOf(services: Iterable<Service>, pods: Iterable<Pod>, slices: Iterable<EndpointSlice>): Indexes {
  const serviceByIp = new Map<string, Service>();
  for (const service of services) {
    const ip = service.spec.clusterIP;
    if (ip && ip !== "None") serviceByIp.set(ip, service);
  }
  const slicesByService = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const key = serviceKey(slice.metadata.namespace, slice.metadata.labels?.["kubernetes.io/service-name"] ?? "");
    slicesByService.set(key, [...(slicesByService.get(key) ?? []), slice]);
  }
  return { serviceByIp, podByIp: podsByIp(pods), slicesByService };
}

function podsByIp(pods: Iterable<Pod>): Map<string, Pod> {
  const byIp = new Map<string, Pod>();
  for (const pod of pods) {
    const { podIP, phase = "" } = pod.status ?? {};
    // The node's address is not a pod's, and an ended pod's address may already be another's.
    const ended = ["Succeeded", "Failed"].includes(phase);
    if (podIP && !pod.spec?.hostNetwork && !ended) byIp.set(podIP, pod);
  }
  return byIp;
}

/** TrafficSplit has been served as v1alpha1, 2 and 4: take what this cluster prefers. */
async function splitPath(api: Api): Promise<string> {
  const group = await api.get<{ preferredVersion?: { version: string } }>(`/apis/${splitGroup}`);
  const version = group.preferredVersion?.version;
  if (!version) throw new ApiError(404, `${splitGroup} is not served`);
  return `/apis/${splitGroup}/${version}/trafficsplits`;
}

// The control plane's copy of the cluster, and its indexes. One callback for any change, coalesced.
import { ApiError, type Api } from "./api.ts";
import {
  type ClusterView,
  type EndpointSlice,
  type HttpRoute,
  type Meta,
  type Pod,
  type Service,
  type TrafficSplit,
  serviceKey,
} from "./objects.ts";
import { Reflector } from "./reflector.ts";
import { hasParent } from "./route.ts";

const splitGroup = "split.smi-spec.io";

// One rollout makes bursts of events; a few milliseconds turn a burst into one update.
const COALESCE_MS = 10;

export class ClusterState implements ClusterView {
  readonly #services: Reflector<Service>;
  readonly #slices: Reflector<EndpointSlice>;
  readonly #pods: Reflector<Pod>;
  readonly #splits: Reflector<TrafficSplit>;
  readonly #routes: Reflector<HttpRoute>;
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
    this.#splits = new Reflector(api, () => splitPath(api), changed);
  }

  /** Resolves when everything was read once. */
  async start(): Promise<void> {
    const all = [this.#services, this.#slices, this.#pods, this.#splits, this.#routes];
    for (const each of all) void each.run();
    await Promise.all(all.map((each) => each.synced));
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get routes(): Iterable<HttpRoute> {
    return this.#routes.items.values();
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

  splitFor(namespace: string, service: string): TrafficSplit | undefined {
    for (const split of this.#splits.items.values())
      if (split.metadata.namespace === namespace && split.spec.service.split(".", 1)[0] === service) return split;
    return undefined;
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

/**
 * A cluster without semantics: it notes what it is asked, and plays back what it was given. For the order of calls and their
 * preconditions alone; whether the API server agrees is for the tests on a real one.
 */
import type { Cluster, DeleteOptions, Page, Patch, Place, WatchEvent, WriteOptions } from "../shared/kube/cluster.ts";
import { CanaryError } from "../shared/kube/errors.ts";
import type { Resource } from "../shared/kube/resources.ts";
import type { Stored } from "../shared/kube/store.ts";
import { createCaches, type Caches } from "../webhook/controller/cache/caches.ts";
import type { ServedPolicies } from "../webhook/controller/objects/served-policies.ts";
import type { ServedRoutes } from "../webhook/controller/objects/route-choice.ts";
import { httpRoute, trafficSplit } from "../shared/core/routes/routes.ts";
import { resource } from "../shared/kube/resources.ts";
import type { Logger } from "../shared/log.ts";
import { ManualClock } from "./kube/manual-clock.ts";

export interface Write {
  verb: "create" | "replace" | "patch" | "delete";
  kind: string;
  name: string;
  subresource?: string;
  /** The object or the patch's body. */
  body?: unknown;
  /** Of a deletion. */
  precondition?: Pick<DeleteOptions, "uid" | "resourceVersion">;
}

export type Given = readonly { of: Resource; object: Stored }[];

export class RecordingCluster implements Cluster {
  readonly writes: Write[] = [];
  private readonly given: Given;
  private readonly refusals: { call: string; error: CanaryError }[] = [];

  constructor(given: Given) {
    this.given = given;
  }

  /** `call` as in `calls`, such as `patch Deployment podinfo`. It is noted all the same. */
  refuse(call: string, error: CanaryError): void {
    this.refusals.push({ call, error });
  }

  /** The writes in order, such as `replace Canary podinfo/status`. */
  get calls(): string[] {
    return this.writes.map(wordsOf);
  }

  async get<T>(of: Resource, { name }: Place): Promise<T> {
    const found = this.objectsOf(of).find(({ metadata }) => metadata?.name === name);
    if (!found) throw new CanaryError("NotFound", `${of.kind} ${name} was not given.`);
    return Promise.resolve(structuredClone(found) as T);
  }

  async list<T>(of: Resource): Promise<Page<T>> {
    return Promise.resolve({ items: structuredClone(this.objectsOf(of)) as T[], resourceVersion: "1" });
  }

  async *pages<T>(of: Resource): AsyncIterable<Page<T>> {
    yield await this.list<T>(of);
  }

  async create<T>(of: Resource, object: T, _options?: WriteOptions): Promise<T> {
    return this.note({ verb: "create", kind: of.kind, name: nameOf(object), body: object }, object);
  }

  async replace<T>(of: Resource, object: T, o: WriteOptions & { subresource?: string } = {}): Promise<T> {
    const { subresource } = o;
    const part = subresource === undefined ? {} : { subresource };
    return this.note({ verb: "replace", kind: of.kind, name: nameOf(object), ...part, body: object }, object);
  }

  /** Answers with the object as it was given. */
  async patch<T>(of: Resource, at: Place & { subresource?: string }, { body }: Patch): Promise<T> {
    const part = at.subresource === undefined ? {} : { subresource: at.subresource };
    return this.note({ verb: "patch", kind: of.kind, name: at.name, ...part, body }, await this.get<T>(of, at));
  }

  async delete(of: Resource, { name }: Place, { uid, resourceVersion }: DeleteOptions = {}): Promise<void> {
    const precondition = {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    await this.note({ verb: "delete", kind: of.kind, name, precondition }, undefined);
  }

  async *watch<T>(_of: Resource, _query: object, signal: AbortSignal): AsyncIterable<WatchEvent<T>> {
    yield* [];
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  raw(method: string, path: string): Promise<unknown> {
    return Promise.reject(new CanaryError("NotFound", `${method} ${path} was not given.`));
  }

  private objectsOf(of: Resource): Stored[] {
    return this.given.filter((one) => one.of.kind === of.kind).map(({ object }) => object);
  }

  private async note<T>(write: Write, answer: T): Promise<T> {
    // Not structuredClone: what stands in for a spec in a test may be a proxy.
    this.writes.push(JSON.parse(JSON.stringify(write)) as Write);
    const refused = this.refusals.find(({ call }) => call === wordsOf(write));
    if (refused) throw refused.error;
    return Promise.resolve(JSON.parse(JSON.stringify(answer ?? null)) as T);
  }
}

/** The API server serves TrafficSplits and HTTPRoutes. */
export const servedRoutes: ServedRoutes = {
  trafficSplit: { router: trafficSplit, resource: resource.trafficSplits, present: true },
  httpRoute: { router: httpRoute, resource: resource.httpRoutes, present: true },
};

const nothing = (): void => undefined;

export const silent: Logger = { info: nothing, warn: nothing, error: nothing };

/** The API server serves Linkerd's policy objects. */
export const servedPolicies: ServedPolicies = {
  servers: resource.linkerdServers,
  authorizations: resource.authorizationPolicies,
  serverAuthorizations: resource.serverAuthorizations,
};

/** The controller's own caches, filled with what `cluster` was given. */
/** `readable`: plurals of the kinds that may be read beside those without which nothing goes. */
export async function worldOf(
  cluster: Cluster,
  policies?: ServedPolicies,
  readable: readonly string[] = [],
): Promise<Caches> {
  const told = { wake: nothing, onError: nothing, onUnreadable: nothing };
  const where = { namespaces: [], templateNamespaces: [], providerNamespaces: [] };
  const kinds = { routes: servedRoutes, policies, readable };
  const world = createCaches({ cluster, clock: new ManualClock(), random: () => 0, ...kinds, ...where, ...told });
  await world.start();
  return world;
}

// --- internal ---

function wordsOf({ verb, kind, name, subresource }: Write): string {
  return `${verb} ${kind} ${name}${subresource === undefined ? "" : `/${subresource}`}`;
}

const nameOf = (object: unknown): string => (object as Stored).metadata?.name ?? "";

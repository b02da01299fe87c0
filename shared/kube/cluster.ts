/**
 * The cluster as the rest of the project sees it: a dozen verbs on resources, with `CanaryError` for everything that
 * goes wrong. Objects go over the wire as they are; nothing is converted or dropped.
 */
import type { IncomingMessage } from "node:http";
import type { KubeConfig } from "@kubernetes/client-node";
import type { Timers } from "./clock.ts";
import { Connection, type ConnectOptions, type Request, TooLong } from "./connection.ts";
import { CanaryError, hasCode } from "./errors.ts";
import { mostOfPage, PageSize } from "./page-size.ts";
import { apiVersion, collectionPath, objectPath, type Resource } from "./resources.ts";
import { events, type WatchEvent } from "./watch.ts";

export type { ConnectOptions } from "./connection.ts";
export type { WatchEvent } from "./watch.ts";

/** Where an object is. `namespace` is left out for cluster-scoped resources. */
export interface Place {
  name: string;
  namespace?: string;
}

/** Without a namespace: all namespaces. */
export interface Selection {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface WatchQuery extends Selection {
  /** Where to go on from: of a list, or of the last event or bookmark seen. */
  resourceVersion: string;
  /** After this long the server ends the watch by itself. Default: the server's choice, 30 to 60 minutes. */
  timeoutSeconds?: number;
  /** How long nothing may come before the watch throws `Timeout`. Default 100 s; bookmarks usually come each minute. */
  idleTimeoutMs?: number;
}

export interface Page<T> {
  items: T[];
  resourceVersion: string;
}

export interface Patch {
  type: "merge" | "json" | "strategic" | "apply";
  body: unknown;
  /** Required by `apply`. */
  fieldManager?: string;
  /** `apply` only: take fields over from other managers. */
  force?: boolean;
  dryRun?: boolean;
}

export interface WriteOptions {
  fieldManager?: string;
  dryRun?: boolean;
}

export interface DeleteOptions {
  propagation?: "Background" | "Foreground" | "Orphan";
  /** Preconditions: the object is deleted only if it still is this one, in this version. */
  uid?: string;
  resourceVersion?: string;
}

/** Every method throws `CanaryError`. */
export interface Cluster {
  get<T>(r: Resource, at: Place & { subresource?: string }): Promise<T>;
  /** Everything that matches, read page by page; `resourceVersion` is where a watch goes on. */
  list<T>(r: Resource, q?: Selection): Promise<Page<T>>;
  /** The same page by page, so that a caller may keep less than all. `Gone` when the list took too long: start again. */
  pages<T>(r: Resource, q?: Selection & { limit?: number; signal?: AbortSignal }): AsyncIterable<Page<T>>;
  /** Goes to the namespace in the object's metadata. `apiVersion` and `kind` are filled in where they are missing. */
  create<T>(r: Resource, object: T, o?: WriteOptions): Promise<T>;
  /** PUT. A resourceVersion in the object's metadata is the precondition: `Conflict` when it is no longer the current one. */
  replace<T>(r: Resource, object: T, o?: WriteOptions & { subresource?: string }): Promise<T>;
  patch<T>(r: Resource, at: Place & { subresource?: string }, p: Patch): Promise<T>;
  delete(r: Resource, at: Place, o?: DeleteOptions): Promise<void>;
  /** Events until the server ends the watch (then iteration just ends) or the signal aborts. `Gone`: list again. */
  watch<T>(r: Resource, q: WatchQuery, signal: AbortSignal): AsyncIterable<WatchEvent<T>>;
  /** Any path, e.g. `/version`. JSON is parsed, other answers are returned as text; so is a string sent as it is. */
  raw(method: string, path: string, body?: unknown): Promise<unknown>;
}

/** Opens no connection yet. Throws `Usage` where the kubeconfig names no cluster. */
export function connect(kubeConfig: KubeConfig, options: ConnectOptions): Cluster {
  return new HttpCluster(new Connection(kubeConfig, options), options.timers);
}

const pageSize = 500;
const idleTimeoutMs = 100_000;

const patchContentType = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
} as const;

interface Metadata {
  name?: string;
  namespace?: string;
}

class HttpCluster implements Cluster {
  private readonly connection: Connection;
  private readonly timers: Timers;

  constructor(connection: Connection, timers: Timers) {
    this.connection = connection;
    this.timers = timers;
  }

  get<T>(r: Resource, at: Place & { subresource?: string }): Promise<T> {
    return this.ask<T>("GET", objectPath(r, at));
  }

  async list<T>(r: Resource, q: Selection = {}): Promise<Page<T>> {
    try {
      return await this.gather<T>(r, { ...q, limit: pageSize });
    } catch (error) {
      if (!hasCode(error, "Gone")) throw error;
      // The pages' snapshot was compacted away while we read it; one unpaged answer cannot suffer that.
      return this.gather<T>(r, { ...q, limit: 0 });
    }
  }

  async *pages<T>(
    r: Resource,
    q: Selection & { limit?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<Page<T>, void, undefined> {
    const filled = { apiVersion: apiVersion(r), kind: r.kind };
    const size = new PageSize(q.limit ?? pageSize);
    let next: string | undefined;
    do {
      const page = await this.page<T>(size, (limit) => {
        const query = { ...selection(q), limit, continue: next };
        const path = collectionPath(r, q.namespace) + queryString(query);
        return { method: "GET", path, ...(q.signal ? { signal: q.signal } : {}) };
      });
      next = page.metadata.continue || undefined;
      const items = (page.items ?? []).map((item) => ({ ...filled, ...item }));
      yield { items, resourceVersion: page.metadata.resourceVersion ?? "" };
    } while (next !== undefined);
  }

  create<T>(r: Resource, object: T, o: WriteOptions = {}): Promise<T> {
    const { namespace } = metadataOf(object);
    if (!r.clusterScoped && !namespace) {
      throw new CanaryError("Usage", `A ${r.kind} cannot be created without a namespace.`);
    }
    const path = collectionPath(r, namespace) + queryString(writeQuery(o));
    return this.tell<T>("POST", path, { apiVersion: apiVersion(r), kind: r.kind, ...object });
  }

  replace<T>(r: Resource, object: T, o: WriteOptions & { subresource?: string } = {}): Promise<T> {
    const { name = "", namespace } = metadataOf(object);
    const path = objectPath(r, {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(o.subresource === undefined ? {} : { subresource: o.subresource }),
    });
    return this.tell<T>("PUT", path + queryString(writeQuery(o)), {
      apiVersion: apiVersion(r),
      kind: r.kind,
      ...object,
    });
  }

  patch<T>(r: Resource, at: Place & { subresource?: string }, p: Patch): Promise<T> {
    const query = { ...writeQuery(p), force: p.force === true && p.type === "apply" ? "true" : undefined };
    return this.tell<T>("PATCH", objectPath(r, at) + queryString(query), p.body, patchContentType[p.type]);
  }

  async delete(r: Resource, at: Place, o: DeleteOptions = {}): Promise<void> {
    await this.tell("DELETE", objectPath(r, at), {
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy: o.propagation ?? "Background",
      preconditions: { uid: o.uid, resourceVersion: o.resourceVersion },
    });
  }

  async *watch<T>(r: Resource, q: WatchQuery, signal: AbortSignal): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const query = {
      ...selection(q),
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: q.resourceVersion,
      timeoutSeconds: q.timeoutSeconds,
    };
    const request = { method: "GET", path: collectionPath(r, q.namespace) + queryString(query), signal };
    let answer: IncomingMessage;
    try {
      answer = await this.connection.stream(request);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    const asked = this.connection.asked(request);
    const { timers } = this;
    yield* events<T>({ answer, asked, timers, idleTimeoutMs: q.idleTimeoutMs ?? idleTimeoutMs, signal });
  }

  async raw(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.connection.send({
      method,
      path,
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    try {
      return JSON.parse(answer) as unknown;
    } catch {
      return answer; // Some paths answer in plain text, /readyz and /metrics among them.
    }
  }

  private async gather<T>(r: Resource, q: Selection & { limit: number }): Promise<Page<T>> {
    const items: T[] = [];
    let resourceVersion = "";
    for await (const page of this.pages<T>(r, q)) {
      for (const item of page.items) items.push(item);
      resourceVersion = page.resourceVersion;
    }
    return { items, resourceVersion };
  }

  /** As many objects as one answer may hold. */
  private async page<T>(size: PageSize, request: (limit: number) => Request): Promise<ListBody<T>> {
    for (;;) {
      try {
        const asked = { ...request(size.limit), ...(size.isLeast ? {} : { mostBytes: mostOfPage }) };
        const { value, length } = await this.connection.measured<ListBody<T>>(asked);
        size.read(length);
        return value;
      } catch (error) {
        if (!(error instanceof TooLong)) throw error;
        size.tooMany();
      }
    }
  }

  private ask<T>(method: string, path: string): Promise<T> {
    return this.connection.json<T>({ method, path });
  }

  private tell<T>(method: string, path: string, body: unknown, contentType?: string): Promise<T> {
    const content = { body: JSON.stringify(body), ...(contentType === undefined ? {} : { contentType }) };
    return this.connection.json<T>({ method, path, ...content });
  }
}

interface ListBody<T> {
  metadata: { resourceVersion?: string; continue?: string };
  items?: T[] | null;
}

type Query = Record<string, string | number | undefined>;

const selection = (q: Selection): Query => ({ labelSelector: q.labelSelector, fieldSelector: q.fieldSelector });

const writeQuery = (o: WriteOptions): Query => ({
  fieldManager: o.fieldManager,
  dryRun: o.dryRun === true ? "All" : undefined,
});

function queryString(query: Query): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? "" : `?${given.toString()}`;
}

const metadataOf = (object: unknown): Metadata => (object as { metadata?: Metadata } | null)?.metadata ?? {};

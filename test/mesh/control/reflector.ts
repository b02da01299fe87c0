// Keeps a copy of one kind of object: list, then watch, for ever. A kind that the cluster does not know (its CRD is not
// installed yet) counts as an empty list.
import type { IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { ApiError, type Api } from "./api.ts";
import { linesOf } from "../proxy/lines.ts";
import { serviceKey, type Meta } from "../policy/objects.ts";

interface Listed<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[];
}

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T & { readonly code?: number };
}

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1000;
// The API server ends a watch after this time; a connection that died unseen is then noticed.
const WATCH_SECONDS = 240;

export class Reflector<T extends { readonly metadata: Meta }> {
  readonly items = new Map<string, T>();
  /** Resolves when the first list is in. */
  readonly synced: Promise<void>;
  readonly #api: Api;
  readonly #path: () => Promise<string>;
  readonly #changed: () => void;
  #markSynced: () => void = () => undefined;

  /** `path` finds the list's path anew before each list; an ApiError 404 from it means: no such kind. */
  constructor(api: Api, path: () => Promise<string>, changed: () => void) {
    this.#api = api;
    this.#path = path;
    this.#changed = changed;
    this.synced = new Promise((done) => (this.#markSynced = done));
  }

  async run(): Promise<never> {
    let retryMs = FIRST_RETRY_MS;
    for (;;) {
      try {
        const path = await this.#path();
        let version = await this.#list(path);
        retryMs = FIRST_RETRY_MS;
        while (version) version = await this.#watch(path, version);
      } catch (error) {
        this.#listFailed(error);
        await delay(retryMs);
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
  }

  #listFailed(error: unknown): void {
    if (error instanceof ApiError && error.status === 404) {
      const had = this.items.size > 0;
      this.items.clear();
      this.#markSynced();
      if (had) this.#changed();
    } else process.stderr.write(`${String(error)}\n`);
  }

  async #list(path: string): Promise<string> {
    const list = await this.#api.get<Listed<T>>(path);
    this.items.clear();
    for (const item of list.items) this.items.set(keyOf(item), item);
    this.#markSynced();
    this.#changed();
    return list.metadata.resourceVersion;
  }

  /** The version to watch on from, or "" when it is too old and the list must be read again. */
  async #watch(path: string, from: string): Promise<string> {
    const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${WATCH_SECONDS}&resourceVersion=${from}`;
    let stream: IncomingMessage;
    try {
      stream = await this.#api.open(`${path}?${query}`);
    } catch (error) {
      if (error instanceof ApiError) return "";
      await delay(LAST_RETRY_MS / 4);
      return from;
    }
    return this.#follow(stream, from);
  }

  async #follow(stream: IncomingMessage, from: string): Promise<string> {
    let version = from;
    try {
      for await (const line of linesOf(stream)) {
        const event = JSON.parse(line) as WatchEvent<T>;
        if (event.type === "ERROR") return "";
        version = event.object.metadata.resourceVersion ?? version;
        this.#apply(event);
      }
    } catch (error) {
      // The API server went away in mid-stream: watch on from the last version that was seen.
      process.stderr.write(`${String(error)}\n`);
    }
    return version;
  }

  #apply(event: WatchEvent<T>): void {
    if (event.type === "BOOKMARK") return;
    if (event.type === "DELETED") this.items.delete(keyOf(event.object));
    else this.items.set(keyOf(event.object), event.object);
    this.#changed();
  }
}

/** Objects of the cluster's scope have no namespace. */
const keyOf = ({ metadata }: { readonly metadata: Partial<Meta> & { readonly name: string } }): string =>
  serviceKey(metadata.namespace ?? "", metadata.name);

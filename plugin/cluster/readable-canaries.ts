/** Whoever may write one Canary must not keep others from seeing theirs: each that is read has the spec that verbs count on. */
import { type Canary, withSpec } from "../../shared/core/objects/canary.ts";
import type { Cluster, Page, WatchEvent } from "../../shared/kube/cluster.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";

/** The same cluster; only Canaries that came past the schema are read otherwise than they are stored. */
export function readableCanaries(cluster: Cluster): Cluster {
  return {
    get: async <T>(r: Resource, at: Parameters<Cluster["get"]>[1]) => readable(r, await cluster.get<T>(r, at)),
    list: async <T>(r: Resource, q?: Parameters<Cluster["list"]>[1]) => pageOf(r, await cluster.list<T>(r, q)),
    pages: async function* <T>(r: Resource, q?: Parameters<Cluster["pages"]>[1]) {
      for await (const page of cluster.pages<T>(r, q)) yield pageOf(r, page);
    },
    watch: async function* <T>(r: Resource, q: Parameters<Cluster["watch"]>[1], signal: AbortSignal) {
      for await (const event of cluster.watch<T>(r, q, signal)) yield eventOf(r, event);
    },
    create: (r, object, o) => cluster.create(r, object, o),
    replace: (r, object, o) => cluster.replace(r, object, o),
    patch: async <T>(...[r, at, p]: Parameters<Cluster["patch"]>) => readable(r, await cluster.patch<T>(r, at, p)),
    delete: (r, at, o) => cluster.delete(r, at, o),
    raw: (method, path, body) => cluster.raw(method, path, body),
  };
}

// --- internal ---

function readable<T>({ group, plural }: Resource, object: T): T {
  const isCanary = group === resource.canaries.group && plural === resource.canaries.plural;
  return isCanary ? (withSpec(object as Canary) as T) : object;
}

function pageOf<T>(r: Resource, page: Page<T>): Page<T> {
  return { ...page, items: page.items.map((item) => readable(r, item)) };
}

/** A bookmark is no Canary. */
function eventOf<T>(r: Resource, event: WatchEvent<T>): WatchEvent<T> {
  return event.type === "BOOKMARK" ? event : { ...event, object: readable(r, event.object) };
}

/** Several reflectors of one resource, one for each namespace, that are read as one: for an account that may not list them all at once. */
import type { Selection } from "./cluster.ts";
import { Reflector, type ReflectorDeps, type ReflectorOptions } from "./reflector.ts";
import type { Resource } from "./resources.ts";
import type { Stored } from "./store.ts";

/** What is read of a reflector; the names are those of `Reflector`. */
export type Reflection<T extends Stored> = Pick<
  Reflector<T>,
  "get" | "list" | "byIndex" | "fill" | "hasSynced" | "start" | "whenSynced" | "stop"
>;

/** Of the whole cluster where `namespaces` is empty. Of Namespaces themselves, those of these names. */
export function reflect<T extends Stored>(
  deps: ReflectorDeps,
  options: Omit<ReflectorOptions<T>, "namespace">,
  namespaces: readonly string[],
): Reflection<T> {
  if (namespaces.length === 0) return new Reflector<T>(deps, options);
  return new Reflectors<T>(
    new Map(
      namespaces.map((namespace) => [namespace, new Reflector<T>(deps, { ...options, ...within(options, namespace) })]),
    ),
  );
}

// --- internal ---

function within({ resource: { clusterScoped } }: { resource: Resource }, namespace: string): Selection {
  return clusterScoped ? { fieldSelector: `metadata.name=${namespace}` } : { namespace };
}

class Reflectors<T extends Stored> implements Reflection<T> {
  private readonly byNamespace: ReadonlyMap<string, Reflector<T>>;

  constructor(byNamespace: ReadonlyMap<string, Reflector<T>>) {
    this.byNamespace = byNamespace;
  }

  get(namespace: string | undefined, name: string): T | undefined {
    return this.byNamespace.get(namespace || name)?.get(namespace, name);
  }

  list(): T[] {
    return this.all().flatMap((one) => one.list());
  }

  byIndex(index: string, value: string): T[] {
    return this.all().flatMap((one) => one.byIndex(index, value));
  }

  fill(object: T): void {
    this.byNamespace.get(object.metadata?.namespace ?? "")?.fill(object);
  }

  get hasSynced(): boolean {
    return this.all().every((one) => one.hasSynced);
  }

  start(): void {
    for (const one of this.all()) one.start();
  }

  async whenSynced(): Promise<void> {
    await Promise.all(this.all().map((one) => one.whenSynced()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.all().map((one) => one.stop()));
  }

  private all(): Reflector<T>[] {
    return [...this.byNamespace.values()];
  }
}

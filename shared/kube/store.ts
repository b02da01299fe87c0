/**
 * Objects in memory by namespace and name, with secondary indexes. Every way in ends in the same place: it is compared
 * with what is there, and only a real difference is told.
 */

/** The least that every stored object has. */
export interface Stored {
  metadata?: { namespace?: string; name?: string; uid?: string; resourceVersion?: string };
}

/** `old` alone: deleted. `now` alone: added. Both: changed. */
export type OnChange<T> = (old: T | undefined, now: T | undefined) => void;

/** An object that an index function cannot read: it is left out, and nothing else is. */
export type OnUnreadable = (object: Stored, error: unknown) => void;

/** Values under which an object is found in an index; none is fine. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** `namespace/name`, or just the name of a cluster-scoped object. */
export function keyOf(object: Stored): string {
  const { namespace, name = "" } = object.metadata ?? {};
  return storeKey(namespace, name);
}

const storeKey = (namespace: string | undefined, name: string): string => (namespace ? `${namespace}/${name}` : name);

export class Store<T extends Stored> {
  private readonly objects = new Map<string, T>();
  private readonly indexes: ReadonlyMap<string, { of: IndexFunction<T>; keys: Map<string, Set<string>> }>;
  private readonly onChange: OnChange<T>;
  private readonly onUnreadable: OnUnreadable;

  constructor(
    onChange: OnChange<T>,
    indexes: Readonly<Record<string, IndexFunction<T>>> = {},
    onUnreadable: OnUnreadable = () => undefined,
  ) {
    this.onChange = onChange;
    this.onUnreadable = onUnreadable;
    this.indexes = new Map(Object.entries(indexes).map(([name, of]) => [name, { of, keys: new Map() }]));
  }

  get size(): number {
    return this.objects.size;
  }

  get(namespace: string | undefined, name: string): T | undefined {
    return this.objects.get(storeKey(namespace, name));
  }

  list(): T[] {
    return [...this.objects.values()];
  }

  /** Objects that the index function put under this value. Throws on an index that was not declared. */
  byIndex(index: string, value: string): T[] {
    const found = this.indexes.get(index);
    if (found === undefined) throw new Error(`The store has no index "${index}".`);
    return [...(found.keys.get(value) ?? [])].flatMap((key) => this.objects.get(key) ?? []);
  }

  put(now: T): void {
    const old = this.objects.get(keyOf(now));
    if (old === undefined) return this.set(undefined, now);
    if (old.metadata?.resourceVersion === now.metadata?.resourceVersion) return;
    if (old.metadata?.uid === now.metadata?.uid) return this.set(old, now);
    // Deleted and created again while we were not looking: two objects that share a name.
    this.remove(old);
    this.set(undefined, now);
  }

  /** In the place of the same version; nobody is told. */
  fill(now: T): void {
    const key = keyOf(now);
    const old = this.objects.get(key);
    if (old === undefined || !isSameVersion(old, now) || !this.isReadable(now)) return;
    this.objects.set(key, now);
    this.reindex(key, old, now);
  }

  remove(object: Stored): void {
    const key = keyOf(object);
    const old = this.objects.get(key);
    if (old === undefined) return;
    this.objects.delete(key);
    this.reindex(key, old, undefined);
    this.onChange(old, undefined);
  }

  /** Makes the store hold exactly these objects, telling deletions first. */
  replaceAll(objects: readonly T[]): void {
    const keys = new Set(objects.map(keyOf));
    for (const [key, old] of this.objects) if (!keys.has(key)) this.remove(old);
    for (const object of objects) this.put(object);
  }

  private set(old: T | undefined, now: T): void {
    const key = keyOf(now);
    if (!this.isReadable(now)) return this.remove(now);
    this.objects.set(key, now);
    this.reindex(key, old, now);
    this.onChange(old, now);
  }

  /** Index functions read what strangers wrote: one object of a shape that they do not expect is no reason to lose sight of all. */
  private isReadable(now: T): boolean {
    try {
      for (const { of } of this.indexes.values()) of(now);
      return true;
    } catch (error: unknown) {
      this.onUnreadable(now, error);
      return false;
    }
  }

  private reindex(key: string, old: T | undefined, now: T | undefined): void {
    for (const { of, keys } of this.indexes.values()) {
      for (const value of old === undefined ? [] : of(old)) dropKey(keys, value, key);
      for (const value of now === undefined ? [] : of(now)) addKey(keys, value, key);
    }
  }
}

function isSameVersion(a: Stored, b: Stored): boolean {
  return a.metadata?.uid === b.metadata?.uid && a.metadata?.resourceVersion === b.metadata?.resourceVersion;
}

function addKey(keys: Map<string, Set<string>>, value: string, key: string): void {
  const set = keys.get(value);
  if (set === undefined) keys.set(value, new Set([key]));
  else set.add(key);
}

function dropKey(keys: Map<string, Set<string>>, value: string, key: string): void {
  const set = keys.get(value);
  set?.delete(key);
  if (set?.size === 0) keys.delete(value);
}

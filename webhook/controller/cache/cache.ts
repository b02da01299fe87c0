/**
 * A reflector with our own last writes laid over it: what we have just written is seen at once, not when the watch brings it,
 * so that no decision is taken on a world that we know to be older.
 */
import type { Reflection } from "../../../shared/kube/reflectors.ts";
import type { Stored } from "../../../shared/kube/store.ts";

/** How many deletions are remembered. An answer to a write is late by seconds at most, so older ones do not matter. */
const rememberedDeletions = 256;

export class Cache<T extends Stored> {
  private readonly reflector: Reflection<T>;
  private readonly written = new Map<string, T>();
  /** UIDs of what was last seen to be deleted, by key: an answer to a write may come after the deletion. */
  private readonly deleted = new Map<string, string>();

  constructor(reflector: Reflection<T>) {
    this.reflector = reflector;
  }

  get(namespace: string, name: string): T | undefined {
    const key = `${namespace}/${name}`;
    const stored = this.reflector.get(namespace, name);
    const own = this.written.get(key);
    if (!own) return stored;
    if (!stored || isNewer(own, stored)) return own;
    this.written.delete(key);
    return stored;
  }

  list(): T[] {
    return this.reflector.list();
  }

  byIndex(index: string, value: string): T[] {
    return this.reflector.byIndex(index, value);
  }

  /** What the API server answered to our write. */
  wrote(object: T): void {
    const { namespace = "", name = "", uid } = object.metadata ?? {};
    const key = `${namespace}/${name}`;
    if (uid === undefined || this.deleted.get(key) !== uid) this.written.set(key, object);
  }

  /** The whole of an object of which an outline was kept; nothing where another version is kept by now. */
  fill(object: T): void {
    this.reflector.fill(object);
  }

  /** To be called for every change the watch brings: what it says is newer than any write of ours before it. */
  saw(old: T | undefined, now: T | undefined): void {
    const { namespace = "", name = "" } = (now ?? old)?.metadata ?? {};
    const key = `${namespace}/${name}`;
    this.remember(key, now ? undefined : old);
    const own = this.written.get(key);
    if (own && isOvertaken(own, { old, now })) this.written.delete(key);
  }

  private remember(key: string, gone: T | undefined): void {
    const uid = gone?.metadata?.uid;
    this.deleted.delete(key);
    if (uid === undefined) return;
    this.deleted.set(key, uid);
    const [oldest] = this.deleted.keys();
    if (this.deleted.size > rememberedDeletions && oldest !== undefined) this.deleted.delete(oldest);
  }

  /** A write of ours found that the object is not what we believed: believe only the watch. */
  forget(namespace: string, name: string): void {
    this.written.delete(`${namespace}/${name}`);
  }

  get hasSynced(): boolean {
    return this.reflector.hasSynced;
  }

  start(): void {
    this.reflector.start();
  }

  whenSynced(): Promise<void> {
    return this.reflector.whenSynced();
  }

  stop(): Promise<void> {
    return this.reflector.stop();
  }
}

/** What there is to do with a cache, whichever. */
type Whole = Pick<Cache<never>, "hasSynced" | "start" | "whenSynced" | "stop">;

export const present = (caches: object | undefined): Whole[] => Object.values<Whole>({ ...caches });

/** `first` is filled before any other starts. */
export function asOne(
  first: Whole,
  all: readonly Whole[],
): { hasSynced(): boolean; start(): Promise<void>; stop(): Promise<void> } {
  return {
    hasSynced: () => all.every((cache) => cache.hasSynced),
    start: async () => {
      first.start();
      await first.whenSynced();
      for (const cache of all) cache.start();
      await Promise.all(all.map((cache) => cache.whenSynced()));
    },
    stop: async () => {
      await Promise.all(all.map((cache) => cache.stop()));
    },
  };
}

// --- internal ---

/** What we have made in the place of what is gone is another object, and not gone with it. */
function isOvertaken<T extends Stored>(own: T, { old, now }: { old: T | undefined; now: T | undefined }): boolean {
  return now ? !isNewer(own, now) : own.metadata?.uid === old?.metadata?.uid;
}

/** resourceVersions of one resource are comparable as whole numbers (Kubernetes KEP-5504). */
function isNewer(a: Stored, b: Stored): boolean {
  return BigInt(a.metadata?.resourceVersion ?? "0") > BigInt(b.metadata?.resourceVersion ?? "0");
}

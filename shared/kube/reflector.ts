/**
 * Keeps a copy of one resource in memory: a list, then a watch that is resumed where it broke. It outlives restarts of the
 * API server, dead connections and compaction; whatever was missed meanwhile is told as differences, each once.
 */
import { backoffMs, type BackoffLimits } from "./backoff.ts";
import { pause, type Timers } from "./clock.ts";
import type { Cluster, Selection, WatchEvent } from "./cluster.ts";
import { CanaryError, hasCode } from "./errors.ts";
import type { Resource } from "./resources.ts";
import { Silence } from "./watch.ts";
import { keyOf, Store, type IndexFunction, type OnChange, type Stored } from "./store.ts";

export interface ReflectorDeps {
  cluster: Cluster;
  clock: Timers;
  /** In [0, 1). */
  random: () => number;
}

export interface ReflectorOptions<T> extends Selection {
  resource: Resource;
  /** Called after the store holds the change. What it throws goes to `onError` and stops nothing. */
  onChange?: OnChange<T>;
  /** Drops what need not be kept in memory; may change the object it is given. Must keep name, namespace, uid, resourceVersion. */
  transform?: (object: T) => T;
  indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** A resource that the API server does not serve counts as empty, and is looked for again every `backoff.capMs`. */
  missingIsEmpty?: true;
  /** Told of each object that is left out, for a transform or an index function could not read it. */
  onUnreadable?: (error: CanaryError) => void;
  /** Told of each failure; the reflector goes on by itself. */
  onError?: (error: CanaryError, retryInMs: number) => void;
  /** Default: 200 ms doubling to 30 s. */
  backoff?: BackoffLimits;
  /** Silence after which a watch may be dead, and is asked for anew. Default 100 s; bookmarks usually come each minute. */
  idleTimeoutMs?: number;
  /** A watch is renewed after this long, or up to twice as long. Default 300 s. */
  rotationSeconds?: number;
}

/** How long a page is read before whatever else waits, a review say, has its turn. */
const longestTurnMs = 20;
/** A watch that held this long ends the row of failures before it. */
const steadyMs = 10_000;
/** A watch that the server ends sooner than this is not followed by another at once. */
const shortMs = 1_000;

export class Reflector<T extends Stored> {
  private readonly deps: ReflectorDeps;
  private readonly options: ReflectorOptions<T>;
  private readonly store: Store<T>;
  private readonly backoff: BackoffLimits;
  private readonly ending = new AbortController();
  private readonly firstList: Promise<void>;
  private resolveFirstList: () => void = () => undefined;
  private running: Promise<void> | undefined;
  private synced = false;
  /** Where the next watch goes on; undefined when only a new list helps. */
  private resourceVersion: string | undefined;
  private failures = 0;
  private failedList: CanaryError | undefined;

  constructor(deps: ReflectorDeps, options: ReflectorOptions<T>) {
    this.deps = deps;
    this.options = options;
    this.backoff = options.backoff ?? { firstMs: 200, capMs: 30_000 };
    this.firstList = new Promise((resolve) => (this.resolveFirstList = resolve));
    this.store = new Store<T>(
      (old, now) => this.tell(old, now),
      options.indexes,
      (object, error) => this.leaveOut(object, error),
    );
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Ends the watch; no callback runs once this has resolved. The store stays readable. */
  async stop(): Promise<void> {
    this.ending.abort();
    await this.running;
  }

  /** Whether the store has held a complete list at least once. */
  get hasSynced(): boolean {
    return this.synced;
  }

  /** Why the store is not up to date: the failure of the last list, until one succeeds. */
  get listFailure(): CanaryError | undefined {
    return this.failedList;
  }

  /** Resolves with the first complete list. Never, if that never comes: see `onError`. */
  whenSynced(): Promise<void> {
    return this.firstList;
  }

  get(namespace: string | undefined, name: string): T | undefined {
    return this.store.get(namespace, name);
  }

  list(): T[] {
    return this.store.list();
  }

  byIndex(index: string, value: string): T[] {
    return this.store.byIndex(index, value);
  }

  /** Keeps an object anew that was read again, where the transform keeps more of it by now; nobody is told. */
  fill(object: T): void {
    const [kept] = this.trim(object);
    if (kept !== undefined) this.store.fill(kept);
  }

  private async run(): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      const waitMs = await this.round();
      if (waitMs > 0) await pause(this.deps.clock, waitMs, signal);
    }
  }

  /** A list if one is needed, and one watch. Returns how long to wait before the next. */
  private async round(): Promise<number> {
    const { clock, random } = this.deps;
    let watchingSince: number | undefined;
    try {
      this.resourceVersion ??= await this.relist();
      watchingSince = clock.now();
      await this.follow(this.resourceVersion);
    } catch (error) {
      const steady = watchingSince !== undefined && clock.now() - watchingSince >= steadyMs;
      if (steady) this.failures = 0;
      return this.recover(error);
    }
    if (clock.now() - watchingSince >= shortMs) return 0;
    this.failures += 1;
    return backoffMs(this.backoff, this.failures, random);
  }

  private async relist(): Promise<string> {
    try {
      return await this.relistBy({}).catch((error: unknown) => {
        // The pages' snapshot was compacted away while we read it; one unpaged answer cannot suffer that.
        if (hasCode(error, "Gone")) return this.relistBy({ limit: 0 });
        throw error;
      });
    } catch (error) {
      this.failedList = asCanaryError(error);
      throw error;
    }
  }

  private async relistBy(paging: { limit?: number }): Promise<string> {
    const { cluster, clock } = this.deps;
    let since = clock.now();
    const query = { ...this.selection(), ...paging, signal: this.ending.signal };
    const items: T[] = [];
    let resourceVersion = "";
    for await (const page of cluster.pages<T>(this.options.resource, query)) {
      for (const item of page.items) {
        if (clock.now() - since >= longestTurnMs) {
          await pause(clock, 0, this.ending.signal);
          since = clock.now();
        }
        items.push(...this.trim(item));
      }
      resourceVersion = page.resourceVersion;
    }
    this.hold(items);
    return resourceVersion;
  }

  private hold(items: readonly T[]): void {
    this.store.replaceAll(items);
    this.failedList = undefined;
    if (this.synced) return;
    this.synced = true;
    this.resolveFirstList();
  }

  private async follow(resourceVersion: string): Promise<void> {
    const rotationSeconds = this.options.rotationSeconds ?? 300;
    const query = {
      ...this.selection(),
      resourceVersion,
      timeoutSeconds: Math.ceil(rotationSeconds * (1 + this.deps.random())),
      ...(this.options.idleTimeoutMs === undefined ? {} : { idleTimeoutMs: this.options.idleTimeoutMs }),
    };
    try {
      const { cluster } = this.deps;
      for await (const event of cluster.watch<T>(this.options.resource, query, this.ending.signal)) this.take(event);
    } catch (error) {
      // Mere silence, which a quiet resource may keep too. If the connection was dead, the next one will say so.
      if (!(error instanceof Silence)) throw error;
    }
  }

  private take(event: WatchEvent<T>): void {
    if (event.type === "DELETED") this.store.remove(event.object);
    else if (event.type !== "BOOKMARK") this.keep(event.object);
    this.resourceVersion = event.object.metadata?.resourceVersion ?? this.resourceVersion;
    this.failures = 0;
  }

  private recover(error: unknown): number {
    if (this.ending.signal.aborted) return 0;
    const failure = asCanaryError(error);
    if (!resumable(failure)) this.resourceVersion = undefined;
    if (this.options.missingIsEmpty && failure.code === "NoSuchKind") {
      this.hold([]);
      return this.backoff.capMs;
    }
    this.failures += 1;
    const waitMs = Math.max(backoffMs(this.backoff, this.failures, this.deps.random), failure.retryAfterMs ?? 0);
    this.options.onError?.(failure, waitMs);
    return waitMs;
  }

  private tell(old: T | undefined, now: T | undefined): void {
    try {
      this.options.onChange?.(old, now);
    } catch (error) {
      this.options.onError?.(asCanaryError(error), 0);
    }
  }

  private keep(object: T): void {
    const [kept] = this.trim(object);
    if (kept === undefined) this.store.remove(object);
    else this.store.put(kept);
  }

  /** The object as it is kept; none where it cannot be read. */
  private trim(object: T): T[] {
    try {
      return [this.options.transform?.(object) ?? object];
    } catch (error: unknown) {
      this.leaveOut(object, error);
      return [];
    }
  }

  private leaveOut(object: Stored, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    const { kind } = this.options.resource;
    this.options.onUnreadable?.(new CanaryError("Unexpected", `${kind} ${keyOf(object)} cannot be read: ${why}`));
  }

  private selection(): Selection {
    const { namespace, labelSelector, fieldSelector } = this.options;
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
  }
}

/**
 * Whether the watch may go on from where it was. Anything that the server itself holds against our position (410, or 504
 * for a resourceVersion from before its data was restored) asks for a new list.
 */
function resumable(error: CanaryError): boolean {
  if (error.code === "Timeout") return error.status === undefined;
  return error.code === "Unreachable" || error.code === "TooManyRequests" || error.status === 503;
}

const asCanaryError = (error: unknown): CanaryError =>
  error instanceof CanaryError
    ? error
    : new CanaryError("Unexpected", error instanceof Error ? error.message : String(error), { cause: error });

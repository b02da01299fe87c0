/**
 * Keys to be reconciled, each by one worker at a time. The queue holds no data: what to do is
 * found out by reading the cluster, so a key may come twice or late without harm.
 */
import { backoffMs, type BackoffLimits } from "../../shared/kube/backoff.ts";
import type { Cancel, Clock } from "../../shared/kube/clock.ts";
import { CanaryError } from "../../shared/kube/errors.ts";
import { RateLimit, type RateLimits } from "./rate-limit.ts";

export interface QueueDeps {
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  /** Looks at one key. The signal aborts when the queue is stopped. */
  work: (key: string, signal: AbortSignal) => Promise<Looked | void>;
  /** Told of each failure. Without `retryInMs` the key rests until it is added again. */
  onError: (key: string, error: unknown, retryInMs: number | undefined) => void;
}

export interface Looked {
  requeueAfterMs?: number;
  /** The key has no object any more and can be forgotten. */
  isGone?: boolean;
}

export interface QueueOptions {
  /** How many keys may be worked on at once. Default 32: most of a look is waiting, and a slow Prometheus must not hold up others. */
  concurrency?: number;
  /** How many of one group of keys at most, so that others find a worker whatever those wait for. Default: no group has a limit. */
  share?: { groupOf: (key: string) => string; most: number };
  /** Default: 100 ms doubling to 60 s. */
  backoff?: BackoffLimits;
  /** How often one key may be looked at. Default: 60 times at once, then five a second. */
  pace?: RateLimits;
}

interface Timer {
  dueAt: number;
  cancel: Cancel;
}

export class WorkQueue {
  private readonly deps: QueueDeps;
  private readonly concurrency: number;
  private readonly share: Required<QueueOptions>["share"];
  private readonly backoff: BackoffLimits;
  private readonly pace: RateLimit;
  /** In the order of arrival. */
  private readonly waiting = new Set<string>();
  private readonly inFlight = new Set<string>();
  /** How many of each group are. */
  private readonly inFlightOf = new Map<string, number>();
  private readonly timers = new Map<string, Timer>();
  /** Failures in a row, of keys whose last run failed. */
  private readonly failures = new Map<string, number>();
  private readonly ending = new AbortController();
  private idlers: (() => void)[] = [];

  constructor(deps: QueueDeps, options: QueueOptions = {}) {
    this.deps = deps;
    this.concurrency = options.concurrency ?? 32;
    this.share = options.share ?? { groupOf: () => "", most: Infinity };
    this.backoff = options.backoff ?? { firstMs: 100, capMs: 60_000 };
    this.pace = new RateLimit(deps.clock, options.pace ?? { burst: 60, perSecond: 5 });
  }

  /** Has a key looked at as soon as a worker is free; again, if it is being looked at just now. */
  add(key: string): void {
    if (this.ending.signal.aborted) return;
    // The look that comes now finds out whether a later one is needed.
    this.dropTimer(key);
    this.waiting.add(key);
    this.dispatch();
  }

  /** Has a key looked at after a while. Of several such wishes the earliest counts; `add` overrides them. */
  addAfter(key: string, ms: number): void {
    if (this.ending.signal.aborted) return;
    if (ms <= 0) return this.add(key);
    const dueAt = this.deps.clock.now() + ms;
    const timer = this.timers.get(key);
    if (this.waiting.has(key) || (timer !== undefined && timer.dueAt <= dueAt)) return;
    this.dropTimer(key);
    this.timers.set(key, { dueAt, cancel: this.deps.clock.after(ms, () => this.add(key)) });
  }

  /** Forgets a key that is no more: its timer and its failures. A look that is under way is finished. */
  forget(key: string): void {
    this.dropTimer(key);
    this.waiting.delete(key);
    this.failures.delete(key);
    this.pace.forget(key);
  }

  /** Keys waiting for a worker, being worked on, and waiting for their time. */
  get size(): { waiting: number; inFlight: number; delayed: number } {
    return { waiting: this.waiting.size, inFlight: this.inFlight.size, delayed: this.timers.size };
  }

  /** Resolves when no key waits for a worker or is being worked on; timers may still run. */
  drain(): Promise<void> {
    if (this.waiting.size === 0 && this.inFlight.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.idlers.push(resolve));
  }

  /** Starts nothing more, tells the running workers, and resolves when the last of them has returned. Final. */
  stop(): Promise<void> {
    this.ending.abort();
    this.waiting.clear();
    for (const key of [...this.timers.keys()]) this.dropTimer(key);
    return this.drain();
  }

  private dispatch(): void {
    for (const key of this.waiting) {
      if (this.inFlight.size >= this.concurrency) return;
      if (this.inFlight.has(key) || this.isShareTaken(key)) continue;
      this.waiting.delete(key);
      const waitMs = this.pace.waitMs(key);
      if (waitMs > 0) {
        this.addAfter(key, waitMs);
        continue;
      }
      this.inFlight.add(key);
      this.count(key, 1);
      void this.run(key);
    }
  }

  private isShareTaken(key: string): boolean {
    return (this.inFlightOf.get(this.share.groupOf(key)) ?? 0) >= this.share.most;
  }

  private count(key: string, more: 1 | -1): void {
    const group = this.share.groupOf(key);
    const now = (this.inFlightOf.get(group) ?? 0) + more;
    if (now > 0) this.inFlightOf.set(group, now);
    else this.inFlightOf.delete(group);
  }

  private async run(key: string): Promise<void> {
    try {
      const result = await this.deps.work(key, this.ending.signal);
      this.failures.delete(key);
      if (result?.requeueAfterMs !== undefined) this.addAfter(key, result.requeueAfterMs);
      else if (result?.isGone && !this.waiting.has(key)) this.forget(key);
    } catch (error) {
      this.fail(key, error);
    } finally {
      this.inFlight.delete(key);
      this.count(key, -1);
      this.dispatch();
      this.tellIdle();
    }
  }

  private fail(key: string, error: unknown): void {
    if (error instanceof CanaryError && !error.retry) {
      this.failures.delete(key);
      return this.deps.onError(key, error, undefined);
    }
    const failures = (this.failures.get(key) ?? 0) + 1;
    this.failures.set(key, failures);
    const wish = error instanceof CanaryError ? (error.retryAfterMs ?? 0) : 0;
    const retryInMs = Math.max(backoffMs(this.backoff, failures, this.deps.random), wish);
    this.addAfter(key, retryInMs);
    this.deps.onError(key, error, retryInMs);
  }

  private dropTimer(key: string): void {
    this.timers.get(key)?.cancel();
    this.timers.delete(key);
  }

  private tellIdle(): void {
    if (this.waiting.size > 0 || this.inFlight.size > 0) return;
    const idlers = this.idlers;
    this.idlers = [];
    for (const resolve of idlers) resolve();
  }
}

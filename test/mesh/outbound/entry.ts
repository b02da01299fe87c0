// What a sidecar knows of one address that its app talks to: the control plane's document, the binding that was made
// when the app first talked to it, and of every leaf the endpoints that a proxy would have heard of by now.
import { bindTo, resolvedLeaves, type Binding } from "./choice.ts";
import type { Destination, Endpoint, Leaf, ServiceDestination } from "../policy/destination.ts";
import type { Address } from "../proxy/original-destination.ts";
import { Resolution, type ResolutionClock } from "./resolution.ts";

// How long requests are held for a backend that lost its last endpoint: a client of 50 requests/s at 50/50 was seen to lose 8.
const LOST_FAIL_FAST_MS = 300;

export interface ProxyClock extends ResolutionClock {
  /** How long requests wait for a backend of which no endpoint is known. */
  readonly failFastMs: number;
}

/** Since when requests wait for a leaf without endpoints, and for how long they may. */
interface Waiting {
  readonly sinceMs: number;
  readonly limitMs: number;
}

export class Entry {
  readonly address: Address;
  document: Destination | undefined;
  binding: Binding | undefined;
  connections = 0;
  updates = 0;
  idleTimer: NodeJS.Timeout | undefined;
  readonly ended = new AbortController();
  readonly #clock: ProxyClock;
  readonly #resolutions = new Map<string, Resolution<Endpoint>>();
  readonly #cursors = new Map<string, number>();
  readonly #waiting = new Map<string, Waiting>();
  #waiters: (() => void)[] = [];

  constructor(address: Address, clock: ProxyClock) {
    this.address = address;
    this.#clock = clock;
  }

  update(document: Destination): void {
    this.document = document;
    this.updates += 1;
    if (document.kind === "service") {
      this.binding ??= bindTo(document);
      this.#resolve(document, this.binding);
    }
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  #resolve(document: ServiceDestination, binding: Binding): void {
    const now = performance.now();
    const wanted = new Set(resolvedLeaves(document, binding));
    for (const key of this.#resolutions.keys()) if (!wanted.has(key)) this.#resolutions.delete(key);
    for (const key of wanted) {
      const { exists = false, endpoints = [] } = document.leaves[key] ?? {};
      const resolution = this.#resolutions.get(key);
      if (!resolution) this.#resolutions.set(key, new Resolution(this.#clock, { exists, endpoints }, now));
      else resolution.update({ exists, endpoints }, now);
      this.#noteLoss(key, resolution, now);
    }
  }

  /** The wait for a leaf that loses its last endpoint begins with the loss, not with the next request. */
  #noteLoss(key: string, resolution: Resolution<Endpoint> | undefined, now: number): void {
    if (resolution?.phase !== "open") return;
    if (resolution.known.length > 0) this.#waiting.delete(key);
    else if (!this.#waiting.has(key)) this.#waiting.set(key, { sinceMs: now, limitMs: LOST_FAIL_FAST_MS });
  }

  /** The leaves as this proxy knows them now. */
  leaves(): Readonly<Record<string, Leaf>> {
    if (this.document?.kind !== "service") return {};
    const now = performance.now();
    const known: Record<string, Leaf> = {};
    for (const [key, leaf] of Object.entries(this.document.leaves)) {
      const resolution = this.#resolutions.get(key);
      resolution?.advance(now);
      const endpoints = resolution?.known ?? [];
      if (endpoints.length > 0) this.#waiting.delete(key);
      known[key] = { ...leaf, endpoints };
    }
    return known;
  }

  /** The backends that this proxy balances over, for its metrics. */
  balanced(): Leaf[] {
    const leaves = this.leaves();
    return [...this.#resolutions.keys()].flatMap((key) => leaves[key] ?? []);
  }

  /** Requests have waited for the leaf as long as they may: its share goes elsewhere at once. */
  failedFast(leaf: string): boolean {
    const waiting = this.#waiting.get(leaf);
    return waiting !== undefined && performance.now() >= waiting.sinceMs + waiting.limitMs;
  }

  /** Waits for an endpoint of the leaf, at most until `deadlineMs`; false when there is still none then. */
  async gotEndpoint(leaf: string, deadlineMs = Infinity): Promise<boolean> {
    for (;;) {
      if (this.leaves()[leaf]?.endpoints.length !== 0) return true;
      const now = performance.now();
      const { sinceMs, limitMs } = this.#waitFor(leaf, now);
      const left = Math.min(sinceMs + limitMs, deadlineMs) - now;
      if (left <= 0) return false;
      await this.changed(Math.ceil(Math.min(left, Math.max(1, this.#resolutions.get(leaf)?.waitMs(now) ?? left))));
    }
  }

  #waitFor(leaf: string, now: number): Waiting {
    let waiting = this.#waiting.get(leaf);
    if (!waiting) this.#waiting.set(leaf, (waiting = { sinceMs: now, limitMs: this.#clock.failFastMs }));
    return waiting;
  }

  /** The next turn of a round robin. */
  turn(leaf: string): number {
    const turn = this.#cursors.get(leaf) ?? 0;
    this.#cursors.set(leaf, turn + 1);
    return turn;
  }

  /** Resolves at the next update, or after `timeoutMs`. */
  async changed(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((done) => {
      timer = setTimeout(done, timeoutMs);
      this.#waiters.push(done);
    });
    clearTimeout(timer);
  }
}

// The sidecar's knowledge of where its app talks to: one entry per destination address, fed by the control plane's
// stream for as long as the app talks to it. When the control plane is away, the last known state goes on.
import { get, type IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { bindTo, type Binding } from "./choice.ts";
import type { Destination } from "./destination.ts";
import { SIGN_OF_LIFE_MS } from "./destination-server.ts";
import { linesOf } from "./lines.ts";
import type { Address } from "./original-destination.ts";

// linkerd-proxy's: after this long without a connection, the next one looks everything up (and binds) anew.
const IDLE_MS = 5000;
// So long are requests held for a backend that lost its last endpoint: a client of 50 requests/s at 50/50 was seen to lose 8.
const FAIL_FAST_MS = 300;
const DISCOVERY_MS = 10_000;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 500;

/** One address that the app talks to. */
export class Entry {
  readonly address: Address;
  document: Destination | undefined;
  binding: Binding | undefined;
  connections = 0;
  updates = 0;
  idleTimer: NodeJS.Timeout | undefined;
  readonly ended = new AbortController();
  readonly #cursors = new Map<string, number>();
  readonly #emptySinceMs = new Map<string, number>();
  #waiters: (() => void)[] = [];

  constructor(address: Address) {
    this.address = address;
  }

  update(document: Destination): void {
    this.document = document;
    this.updates += 1;
    if (document.kind === "service") {
      this.binding ??= bindTo(document);
      this.#noteEmptyLeaves(document.leaves);
    }
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  #noteEmptyLeaves(leaves: Readonly<Record<string, { readonly endpoints: readonly unknown[] }>>): void {
    for (const [key, leaf] of Object.entries(leaves)) {
      if (leaf.endpoints.length > 0) this.#emptySinceMs.delete(key);
      else if (!this.#emptySinceMs.has(key)) this.#emptySinceMs.set(key, performance.now());
    }
  }

  /** Milliseconds that requests may still wait for an endpoint of the leaf. */
  patienceMs(leaf: string): number {
    const since = this.#emptySinceMs.get(leaf);
    return since === undefined ? FAIL_FAST_MS : Math.max(0, since + FAIL_FAST_MS - performance.now());
  }

  /** Waits within the patience; false when the leaf still has no endpoint then. */
  async gotEndpoint(leaf: string): Promise<boolean> {
    for (let left = this.patienceMs(leaf); left > 0; left = this.patienceMs(leaf)) {
      if (this.document?.kind !== "service" || this.document.leaves[leaf]?.endpoints.length !== 0) return true;
      await this.changed(Math.ceil(left));
    }
    return false;
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

export class Destinations {
  readonly #control: string;
  readonly #entries = new Map<string, Entry>();

  readonly #idleMs: number;

  /** `control` is host:port of the control plane's stream; `idleMs`, how long an unused entry is remembered. */
  constructor(control: string, idleMs = IDLE_MS) {
    this.#control = control;
    this.#idleMs = idleMs;
  }

  get entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** The entry for an address, kept for as long as connections are open and a little longer; pair with `close`. */
  open(address: Address): Entry {
    const key = `${address.ip}:${address.port}`;
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = new Entry(address);
      this.#entries.set(key, entry);
      void this.#follow(entry, key);
    }
    clearTimeout(entry.idleTimer);
    entry.connections += 1;
    return entry;
  }

  close(entry: Entry): void {
    entry.connections -= 1;
    if (entry.connections > 0) return;
    entry.idleTimer = setTimeout(() => {
      entry.ended.abort();
      this.#entries.delete(`${entry.address.ip}:${entry.address.port}`);
    }, this.#idleMs);
  }

  /** Follows the stream into the entry until the entry is given up. */
  async #follow(entry: Entry, key: string): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    const { signal } = entry.ended;
    while (!signal.aborted) {
      const before = entry.updates;
      await readStream(`http://${this.#control}/destinations/${key}`, entry).catch((error: unknown) => {
        if (!signal.aborted) process.stderr.write(`The control plane is away: ${String(error)}\n`);
      });
      retryMs = entry.updates > before ? FIRST_RETRY_MS : Math.min(retryMs * 2, LAST_RETRY_MS);
      await delay(retryMs);
    }
  }
}

async function readStream(url: string, entry: Entry): Promise<void> {
  for await (const line of linesOf(await openStream(url, entry.ended.signal))) {
    if (line) entry.update(JSON.parse(line) as Destination);
  }
}

/** The document of an entry, waited for if it is new; `undefined` when the control plane does not answer. */
export async function discovered(entry: Entry): Promise<Destination | undefined> {
  if (!entry.document) await entry.changed(DISCOVERY_MS);
  return entry.document;
}

async function openStream(url: string, signal: AbortSignal): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((done, failed) => {
    const request = get(url, { agent: false, signal }, done);
    request.on("error", failed);
    request.setTimeout(SIGN_OF_LIFE_MS * 3, () => request.destroy(new Error("no sign of life")));
  });
  if (response.statusCode !== 200) throw new Error(`${url} answers ${response.statusCode}`);
  return response;
}

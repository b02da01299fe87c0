// The sidecar's knowledge of where its app talks to: one entry per destination address, fed by the control plane's
// stream for as long as the app talks to it.
import type { Destination } from "../policy/destination.ts";
import { Entry, type ProxyClock } from "./entry.ts";
import type { Address } from "../proxy/original-destination.ts";
import { promptClock } from "../settings.ts";
import { follow } from "../proxy/stream.ts";

// linkerd-proxy's: after this long without a connection, the next one looks everything up (and binds) anew.
const IDLE_MS = 5000;
const DISCOVERY_MS = 10_000;

export class Destinations {
  readonly #control: string;
  readonly #entries = new Map<string, Entry>();
  readonly #clock: ProxyClock;
  readonly #idleMs: number;

  /** `control` is host:port of the control plane's stream; `idleMs`, how long an unused entry is remembered. */
  constructor(control: string, clock: ProxyClock = promptClock, idleMs = IDLE_MS) {
    this.#control = control;
    this.#clock = clock;
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
      const made = new Entry(address, this.#clock);
      this.#entries.set(key, (entry = made));
      const url = `http://${this.#control}/destinations/${key}`;
      void follow<Destination>(url, made.ended.signal, (document) => made.update(document));
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
}

/** The document of an entry, waited for if it is new; `undefined` when the control plane does not answer. */
export async function discovered(entry: Entry): Promise<Destination | undefined> {
  if (!entry.document) await entry.changed(DISCOVERY_MS);
  return entry.document;
}

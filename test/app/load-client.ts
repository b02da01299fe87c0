// Talks to the load generator of a namespace from this machine, by its pod's address.
import { getJson } from "../cluster/get.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import type { Counts } from "./counts.ts";
import { controlPort } from "./load.ts";

interface LoadPod {
  readonly metadata: { readonly deletionTimestamp?: string };
  readonly status: { readonly podIP?: string };
}

export class LoadClient {
  readonly #base: string;

  private constructor(base: string) {
    this.#base = base;
  }

  /** The load generator that runs in `namespace` now, or another one under the label `app`; find it again after a restart. */
  static async of(namespace: string, app = "load"): Promise<LoadClient> {
    const { items } = await getJson<{ items: LoadPod[] }>(["pods", "-l", `app=${app}`, "-n", namespace]);
    // A pod that is being replaced goes on answering for a while.
    const ip = items.find(({ metadata }) => !metadata.deletionTimestamp)?.status.podIP;
    if (!ip) throw new Error(`No pod of the load generator runs in namespace ${namespace}.`);
    return new LoadClient(`http://${ip}:${controlPort}`);
  }

  /** Counts of `requests` from now on, or a few more. */
  async gather(requests: number): Promise<Counts> {
    await this.reset();
    return this.until(requests);
  }

  /** Counts as soon as there are `requests` since the last reset. */
  until(requests: number): Promise<Counts> {
    return waitFor(
      async () => {
        const counts = await this.counts();
        return counts.requests >= requests ? counts : unmet(`${counts.requests} requests`);
      },
      120_000,
      `${requests} requests`,
    );
  }

  /** Sends nothing more; the counts once the last request has ended, one that hangs by its deadline. */
  async rest(): Promise<Counts> {
    await this.setRate(0);
    return waitFor(
      async () => {
        const counts = await this.counts();
        return counts.inFlight === 0 ? counts : unmet(`${counts.inFlight} in flight`);
      },
      90_000,
      "the last request to end",
    );
  }

  /** Counts of these requests and no others: none of before is among them, and all of them have ended. Sends nothing afterwards. */
  async exactly(requests: number, rps: number): Promise<Counts> {
    await this.rest();
    await this.reset();
    await this.setRate(rps);
    await this.until(requests);
    return this.rest();
  }

  counts(): Promise<Counts> {
    return this.#ask("GET", "/counts");
  }

  /** Sets all counts to zero; returns what they were. */
  reset(): Promise<Counts> {
    return this.#ask("POST", "/reset");
  }

  /** Changes the requests per second from now on; 0 stops. */
  setRate(rps: number): Promise<Counts> {
    return this.#ask("POST", `/rate?rps=${rps}`);
  }

  /** Changes which paths are asked for, such as `/ 9, /api/info 1`: one request in ten to the second one. */
  setPaths(mix: string): Promise<Counts> {
    return this.#ask("POST", `/paths?mix=${encodeURIComponent(mix)}`);
  }

  async #ask(method: string, path: string): Promise<Counts> {
    const response = await fetch(`${this.#base}${path}`, { method });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as Counts;
  }
}

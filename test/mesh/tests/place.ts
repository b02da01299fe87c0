// A namespace in which the mesh's cluster tests look at what users get and at what both sides count: podinfo as stable,
// another version as canary, and a load generator.
import { importAppImages, installApp, kubectl, removeApp } from "../../app/install.ts";
import { LoadClient } from "../../app/load-client.ts";
import type { Counts } from "../../app/counts.ts";
import type { AppOptions } from "../../app/manifests.ts";
import { getJson } from "../../cluster/get.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { parseSamples, total, type Sample } from "../series/exposition.ts";
import { installMesh } from "../install.ts";
import { addLeaves } from "./leaves.ts";

interface PodItem {
  readonly metadata: {
    readonly name: string;
    readonly deletionTimestamp?: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly status: { readonly podIP: string };
}

export class Place {
  readonly namespace: string;

  private constructor(namespace: string) {
    this.namespace = namespace;
  }

  static async open(namespace: string, options: AppOptions): Promise<Place> {
    await installMesh();
    await importAppImages();
    await removeApp(namespace);
    await installApp(namespace, { without: ["frontend"], ...options });
    await addLeaves(namespace);
    return new Place(namespace);
  }

  close(): Promise<void> {
    return removeApp(this.namespace);
  }

  kube(...args: string[]): Promise<string> {
    return kubectl(["-n", this.namespace, ...args]);
  }

  load(): Promise<LoadClient> {
    return LoadClient.of(this.namespace);
  }

  async pod(app: string): Promise<PodItem> {
    const { items } = await getJson<{ items: PodItem[] }>(["pods", "-l", `app=${app}`, "-n", this.namespace]);
    const pod = items.find(({ metadata }) => !metadata.deletionTimestamp);
    if (!pod) throw new Error(`No pod of ${app} runs in ${this.namespace}.`);
    return pod;
  }

  /** What the sidecar of the app's pod exports now. */
  async scrape(app: string): Promise<Sample[]> {
    const { status } = await this.pod(app);
    const response = await fetch(`http://${status.podIP}:4191/metrics`);
    return parseSamples(await response.text());
  }

  rolledOut(name: string): Promise<string> {
    return this.kube("rollout", "status", `deployment/${name}`, "--timeout=120s");
  }

  async restart(name: string): Promise<void> {
    await this.kube("rollout", "restart", `deployment/${name}`);
    await this.rolledOut(name);
  }

  async setCanaryImage(image: string): Promise<void> {
    await this.kube("set", "image", "deployment/podinfo-canary", `podinfod=${image}`);
    await this.rolledOut("podinfo-canary");
  }

  /** Sends so many requests, stops, and waits until the last one has ended: what was counted then stands still. */
  async measured(requests: number, rate: number): Promise<Counts> {
    return (await this.load()).exactly(requests, rate);
  }

  /** How much each of these grew while `during` ran, and what `during` returned. No request is under way at either end. */
  async growth<T>(series: readonly Series[], during: () => Promise<T>): Promise<{ grown: number[]; result: T }> {
    await (await this.load()).rest();
    const before = await this.#settled(series);
    const result = await during();
    const after = await this.#settled(series);
    return { result, grown: after.map((value, at) => value - (before[at] ?? 0)) };
  }

  /** A sidecar counts a request a moment after its client has the last byte: two readings must agree. */
  #settled(series: readonly Series[]): Promise<number[]> {
    return waitFor(
      async () => {
        const [first, second] = [await this.#totals(series), await this.#totals(series)];
        return first.join() === second.join() ? second : unmet(`${first.join()}, then ${second.join()}`);
      },
      60_000,
      "the counters to stand still",
    );
  }

  async #totals(series: readonly Series[]): Promise<number[]> {
    const apps = [...new Set(series.map(({ app }) => app))];
    const samples = new Map(await Promise.all(apps.map(async (app) => [app, await this.scrape(app)] as const)));
    return series.map(({ app, name, labels }) => total(samples.get(app) ?? [], name, labels));
  }
}

export interface Series {
  /** Whose sidecar exports it. */
  readonly app: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Requests of users to the app, on its own sidecar. */
export const ofUsers = (app: string, name: string, labels: Series["labels"] = {}): Series => ({
  app,
  name,
  labels: { target_port: "9898", route_name: "default", ...labels },
});

/** What the load generator's sidecar counts of requests to pods with this template hash. */
export const sentTo = (hash: string, name: string, labels: Series["labels"] = {}): Series => ({
  app: "load",
  name,
  labels: { direction: "outbound", dst_pod_template_hash: hash, ...labels },
});

export const ofRoute = (name: string, labels: Series["labels"] = {}): Series => ({
  app: "load",
  name: `outbound_http_route_${name}`,
  labels,
});

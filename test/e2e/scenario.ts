// One namespace with the demo app and a Canary, on the real cluster with the installed chart: what every end-to-end test
// starts from. Metrics' limits are wide by default, so that a busy machine is not what a test decides by.
import type { AnalysisSpec, Canary, CanarySpec } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus } from "../../shared/core/objects/canary-status.ts";
import { label } from "../../shared/core/objects/names.ts";
import { type RouteObject, httpRoute, trafficSplit } from "../../shared/core/routes/routes.ts";
import { installApp } from "../app/install.ts";
import { LoadClient } from "../app/load-client.ts";
import type { AppOptions } from "../app/manifests.ts";
import { podinfoImage, type FaultyTag, type PodinfoTag } from "../app/podinfo.ts";
import { apply, deleteNamespace, kubectl, mustKubectl } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import type { Output } from "../cluster/run.ts";
import { unmet, waitFor } from "../cluster/wait.ts";

export const bypassLabel = label.bypass;

export type Provider = "linkerd" | "gatewayapi:v1";

export interface ScenarioOptions {
  replicas?: number;
  provider?: Provider;
  analysis?: Partial<AnalysisSpec>;
  spec?: Partial<CanarySpec>;
  /** Requests per second of the load generator; 50 by default. */
  rate?: number;
  /** Leave callers that are older than the TrafficSplit as they are. */
  keepStaleCallers?: boolean;
  app?: Omit<AppOptions, "replicas">;
  /** Made before there is a Canary. */
  objects?: (namespace: string) => readonly object[];
}

interface Listed<T> {
  items: T[];
}

interface Labelled {
  metadata: { labels?: Record<string, string> };
}

interface Named {
  metadata: { name: string; uid: string; deletionTimestamp?: string };
}

/** The tutorial's Canary, sped up: steps of 1 s and limits that only a fault exceeds. */
export function canaryFor(namespace: string, { provider = "linkerd", analysis, spec }: ScenarioOptions = {}): Canary {
  const gatewayRefs = [{ group: "core", kind: "Service", name: "podinfo", namespace, port: 9898 }];
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name: "podinfo", namespace },
    spec: {
      provider,
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
      service: { port: 9898, ...(provider === "linkerd" ? {} : { gatewayRefs }) },
      analysis: {
        interval: "1s",
        threshold: 2,
        stepWeight: 20,
        maxWeight: 100,
        metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "30s" }],
        ...analysis,
      },
      ...spec,
    },
  };
}

export class Scenario {
  readonly namespace: string;
  readonly provider: Provider;
  /** How many runs there had been when one more was asked for. */
  private runsBefore = 0;

  private constructor(namespace: string, provider: Provider) {
    this.namespace = namespace;
    this.provider = provider;
  }

  /** For a namespace where the app is installed already, or will be. */
  static of(namespace: string, provider: Provider = "gatewayapi:v1"): Scenario {
    return new Scenario(namespace, provider);
  }

  /** App installed, Canary initialized, callers restarted where a TrafficSplit needs it, load running. */
  static async start(namespace: string, options: ScenarioOptions = {}): Promise<Scenario> {
    const { app = {}, objects } = options;
    await installApp(namespace, { ...app, replicas: options.replicas ?? 1 });
    const scenario = new Scenario(namespace, options.provider ?? "linkerd");
    if (objects) await apply(objects(namespace));
    await apply([canaryFor(namespace, options)]);
    await scenario.phase("Initialized");
    if (scenario.provider === "linkerd" && !options.keepStaleCallers) await scenario.restartCallers(app.without);
    await (await scenario.load()).setRate(options.rate ?? 50);
    return scenario;
  }

  async restartCallers(absent: AppOptions["without"] = []): Promise<void> {
    const callers = (["load", "frontend"] as const).filter((caller) => !absent.includes(caller));
    for (const caller of callers) await this.kubectl("rollout", "restart", `deploy/${caller}`);
    for (const caller of callers) await this.kubectl("rollout", "status", `deploy/${caller}`, "--timeout=90s");
  }

  load(): Promise<LoadClient> {
    return LoadClient.of(this.namespace);
  }

  /** kubectl in this namespace; throws with its words when it fails. */
  kubectl(...args: string[]): Promise<string> {
    return mustKubectl(["-n", this.namespace, ...args]);
  }

  /** kubectl in this namespace, whatever comes of it. */
  try(...args: string[]): Promise<Output> {
    return kubectl(["-n", this.namespace, ...args]);
  }

  /** `kubectl set image`; returns what it printed, warnings included. */
  async setImage(tag: PodinfoTag | FaultyTag): Promise<Output> {
    await this.countRuns();
    return this.try("set", "image", "deployment/podinfo", `podinfod=${podinfoImage(tag)}`);
  }

  /** Another pod template: this of podinfo's container, merged into it as `kubectl patch` does. */
  async setContainer(container: object): Promise<void> {
    await this.countRuns();
    const spec = { template: { spec: { containers: [{ name: "podinfod", ...container }] } } };
    await this.kubectl("patch", "deployment/podinfo", "-p", JSON.stringify({ spec }));
  }

  canary(): Promise<Canary> {
    return getJson<Canary>(["canary", "podinfo", "-n", this.namespace]);
  }

  async status(): Promise<CanaryStatus> {
    return (await this.canary()).status ?? {};
  }

  /** Waits until the status is as wanted, and returns it. The error names phase, weight and reason last seen. */
  until(what: string, met: (status: CanaryStatus) => boolean, deadlineMs = 120_000): Promise<CanaryStatus> {
    return waitFor(
      async () => {
        const status = await this.status();
        return met(status) ? status : unmet(`${status.phase} at ${status.canaryWeight}%: ${status.reason}`);
      },
      deadlineMs,
      `${what} in ${this.namespace}`,
    );
  }

  /** As `until`, of the run alone that was asked for last, or of its end. */
  untilOfRun(what: string, met: (status: CanaryStatus) => boolean): Promise<CanaryStatus> {
    return this.until(what, (status) => this.isLatestRun(status) && met(status));
  }

  /** An end is that of the run which was asked for last: the status may still tell of the one before. */
  phase(phase: CanaryStatus["phase"], deadlineMs?: number): Promise<CanaryStatus> {
    const isEnd = phase === "Succeeded" || phase === "Failed";
    const isMet = (status: CanaryStatus): boolean => status.phase === phase && (!isEnd || this.isLatestRun(status));
    return this.until(`phase ${phase}`, isMet, deadlineMs);
  }

  /** Percent of the canary as the route itself says. */
  async weight(): Promise<number> {
    return this.router().read(await this.route(), "podinfo")?.weight ?? -1;
  }

  /** Weights of the route as they come, without repeats, until the promotion. */
  async weightsUntilEnd(): Promise<number[]> {
    const weights: number[] = [];
    const read = async (): Promise<number> => {
      const weight = await this.weight();
      if (weights.at(-1) !== weight) weights.push(weight);
      return weight;
    };
    const look = async () => {
      const weight = await read();
      const status = await this.status();
      const { phase, reason } = status;
      return phase === "Succeeded" && this.isLatestRun(status) ? true : unmet(`${phase} at ${weight}%: ${reason}`);
    };
    await waitFor(look, 240_000, "the promotion", 200);
    // The last weight may have come between the two reads.
    await read();
    return weights;
  }

  route(): Promise<RouteObject> {
    const { plural, group } = this.router();
    return getJson<RouteObject>([`${plural}.${group}`, "podinfo", "-n", this.namespace]);
  }

  /** Messages of the Canary's Events, oldest first. */
  async events(): Promise<string[]> {
    const args = ["events", "-n", this.namespace, "--field-selector", "involvedObject.kind=Canary"];
    const { items } =
      await getJson<Listed<{ message: string; firstTimestamp: string; metadata: { name: string } }>>(args);
    const order = (name: string): string => name.split(".").at(-1) ?? "";
    return items
      .sort((a, b) => (order(a.metadata.name) < order(b.metadata.name) ? -1 : 1))
      .map((event) => event.message);
  }

  /** Waits for an Event with these words, which is written a moment after the status; returns all, oldest first, a line each. */
  told(words: string): Promise<string> {
    return waitFor(
      async () => {
        const events = (await this.events()).join("\n");
        return events.includes(words) ? events : unmet(events);
      },
      30_000,
      `the Event "${words}" in ${this.namespace}`,
    );
  }

  /** UIDs of the pods of `app` that are not going, sorted. */
  async podUids(app = "podinfo"): Promise<string[]> {
    const { items } = await getJson<Listed<Named>>(["pods", "-l", `app=${app}`, "-n", this.namespace]);
    return items
      .filter(({ metadata }) => !metadata.deletionTimestamp)
      .map(({ metadata }) => metadata.uid)
      .sort();
  }

  /** `kubectl canary <verb> podinfo` as a user types it. */
  plugin(verb: string, ...args: string[]): Promise<Output> {
    return kubectl(["canary", verb, "podinfo", "-n", this.namespace, ...args]);
  }

  end(): Promise<void> {
    return deleteNamespace(this.namespace);
  }

  /** Waits until the Deployment may be changed: a promotion is in the status a moment before it is let go. */
  untilFree(): Promise<true> {
    return waitFor(
      async () => {
        const { metadata } = await getJson<Labelled>(["deploy", "podinfo", "-n", this.namespace]);
        return !(label.promoting in (metadata.labels ?? {})) || unmet("it is being promoted");
      },
      30_000,
      `the Deployment in ${this.namespace} to be let go`,
    );
  }

  private async countRuns(): Promise<void> {
    const { run, runs = 0, phase } = await this.status();
    if (phase === "Succeeded") await this.untilFree();
    this.runsBefore = run ? runs - 1 : runs;
  }

  private isLatestRun({ runs = 0 }: CanaryStatus): boolean {
    return runs > this.runsBefore;
  }

  private router(): typeof trafficSplit {
    return this.provider === "linkerd" ? trafficSplit : httpRoute;
  }
}

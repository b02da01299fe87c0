/**
 * podinfo under a real HorizontalPodAutoscaler that scales it by what its pods really get: runs that go back at weight 90, and that are
 * promoted while the load doubles.
 */
import type { V2HorizontalPodAutoscaler } from "@kubernetes/client-node";
import { serveMetrics, type MetricsApi } from "../app/metrics-api.ts";
import { getJson } from "../cluster/get.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { ReadyPods } from "./ready-pods.ts";
import { Scenario } from "./scenario.ts";

/** Requests per second that a pod is for, as the autoscaler says, and those of its users: few, for two cores run all of the pods. */
const perPod = 5;
export const rate = 13.5;

/** Ready pods that so many requests per second need: an autoscaler asks for no more where a tenth is missing. */
export const neededFor = (rps: number): number => Math.ceil(rps / (1.1 * perPod));

/** What Prometheus measures a rate over, and more. */
const steadySeconds = 40;
const deadlineMs = 240_000;

const autoscaler = (namespace: string): object => ({
  ...{ apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", metadata: { name: "podinfo", namespace } },
  spec: {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
    ...{ minReplicas: 2, maxReplicas: 10 },
    metrics: [
      {
        type: "Resource",
        resource: { name: "memory", target: { type: "AverageValue", averageValue: `${perPod}Mi` } },
      },
    ],
    behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
  },
});

export class Autoscaled {
  readonly scenario: Scenario;
  readonly ready: ReadyPods;
  readonly #metrics: MetricsApi;

  private constructor(scenario: Scenario, ready: ReadyPods, metrics: MetricsApi) {
    [this.scenario, this.ready, this.#metrics] = [scenario, ready, metrics];
  }

  static async start(namespace: string): Promise<Autoscaled> {
    const metrics = await serveMetrics();
    const scenario = await Scenario.start(namespace, {
      ...{ provider: "gatewayapi:v1", replicas: neededFor(rate), rate },
      app: { without: ["frontend"], deadlineMs: 60_000 },
      objects: () => [autoscaler(namespace)],
      analysis: {
        ...{ stepWeight: undefined as never, stepWeights: [50, 90], maxWeight: undefined as never, interval: "5s" },
        pauses: [{ weight: 50 }, { weight: 90 }],
      },
      spec: { autoscalerRef: { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "podinfo" } },
    }).catch((error: unknown) => metrics.stop().then(() => Promise.reject(error as Error)));
    await (await scenario.load()).gather(rate * steadySeconds);
    return new Autoscaled(scenario, await ReadyPods.watch(namespace), metrics);
  }

  /** What of the autoscaler is anyone's but Kubernetes' own, as text. */
  async written(): Promise<string> {
    const { metadata, spec } = await this.#autoscaler();
    const { labels, annotations, generation, uid } = metadata ?? {};
    return JSON.stringify({ labels, annotations, generation, uid, spec });
  }

  /** Goes back at weight 90, after the autoscaler was refused to take pods away. */
  async rollBack(): Promise<void> {
    await this.scenario.setImage("1.7.1");
    await this.#pausedAt(50);
    await this.#resume();
    await this.#pausedAt(90);
    await this.#refused();
    await this.#command("rollback");
    await this.scenario.phase("Failed", deadlineMs);
  }

  /** To the promotion, with twice as many requests from weight 50 on; returns when (by this machine's clock) the canary had grown with them. */
  async promote(): Promise<number> {
    await this.scenario.setImage("1.7.4");
    await this.#pausedAt(50);
    await (await this.scenario.load()).setRate(2 * rate);
    const grown = Math.ceil(neededFor(2 * rate) / 2);
    const look = (): number | ReturnType<typeof unmet> => {
      const now = this.ready.now();
      return now.canary >= grown ? Date.now() : unmet(JSON.stringify(now));
    };
    const at = await waitFor(look, deadlineMs, "the canary to grow with the load", 500);
    await this.#resume();
    await this.#pausedAt(90);
    await this.#resume();
    await this.scenario.phase("Succeeded", 2 * deadlineMs);
    return at;
  }

  async end(): Promise<void> {
    await this.ready.stop();
    await this.scenario.end();
    await this.#metrics.stop();
  }

  #autoscaler(): Promise<V2HorizontalPodAutoscaler> {
    return getJson(["hpa", "podinfo", "-n", this.scenario.namespace]);
  }

  async #refused(): Promise<void> {
    const look = async (): Promise<true | ReturnType<typeof unmet>> => {
      const { status } = await this.#autoscaler();
      const said = (status?.conditions ?? []).map(({ message }) => message ?? "").join("; ");
      return said.includes("Canary podinfo keeps ") || unmet(said);
    };
    await waitFor(look, deadlineMs, "the autoscaler to be refused", 500);
  }

  #pausedAt(weight: number): Promise<unknown> {
    return this.scenario.until(
      `the pause at ${weight}`,
      ({ run }) => run?.hold === "declared-pause" && run.gate?.name === String(weight),
      deadlineMs,
    );
  }

  #resume(): Promise<void> {
    return this.#command("resume");
  }

  async #command(verb: string): Promise<void> {
    const { code, stderr } = await this.scenario.plugin(verb);
    if (code !== 0) throw new Error(`${verb} ended with code ${code}: ${stderr}`);
  }
}

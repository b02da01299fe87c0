/** What users do to one Deployment in one namespace, each from its first version on, and what must have come of it. */
import type { V1Deployment, V1Pod } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus } from "../../shared/core/objects/canary-status.ts";
import type { Verb } from "../../shared/core/objects/command.ts";
import { annotation } from "../../shared/core/objects/names.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { hasCode } from "../../shared/kube/errors.ts";
import { resource } from "../../shared/kube/resources.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import type { PaperNode } from "../kube/controllers.ts";

export const versions = ["1.7.0", "1.7.1", "1.7.4"] as const;
export type Tag = (typeof versions)[number];

/** Controllers come back within a second or two; a drain lasts six. */
const deadlineMs = 90_000;

export class Stage {
  readonly cluster: Cluster;
  readonly namespace: string;
  /** Of the Deployment, its Service and its Canary. */
  readonly name: string;
  private readonly node: PaperNode;
  private readonly namespaces: string[] = [];
  private commands = 0;

  constructor(cluster: Cluster, node: PaperNode, namespace: string, name = "podinfo") {
    this.cluster = cluster;
    this.node = node;
    this.namespace = namespace;
    this.name = name;
  }

  /** Version 1.7.0 runs, and there is a Canary that no controller has seen yet. `pod`: what is merged into its pod spec, as a user would. */
  async set(pod?: object): Promise<void> {
    const { namespace, cluster, name } = this;
    await this.addNamespace(namespace);
    await cluster.create(resource.deployments, { metadata: { name, namespace }, ...deployment(name, "1.7.0") });
    const template = { spec: { template: { spec: pod } } };
    if (pod) await cluster.patch(resource.deployments, { name, namespace }, { type: "strategic", body: template });
    const ports = [{ name: "http", port: 9898, targetPort: 9898 }];
    const service = { metadata: { name, namespace }, spec: { selector: { app: name }, ports } };
    await cluster.create(resource.services, service);
    await this.rolledOut();
    await cluster.create(resource.canaries, { metadata: { name, namespace }, spec: canarySpec(name) });
  }

  async addNamespace(namespace: string): Promise<void> {
    await this.cluster.create(resource.namespaces, { metadata: { name: namespace } }).catch((error: unknown) => {
      if (!hasCode(error, "AlreadyExists")) throw error;
    });
    this.namespaces.push(namespace);
  }

  /** `mark` makes it a version apart from others of its image. */
  async change(tag: Tag, mark?: string): Promise<void> {
    const { namespace, name } = this;
    const metadata = mark === undefined ? {} : { metadata: { annotations: { "example.org/mark": mark } } };
    const containers = [{ name: "podinfod", image: imageOf(tag) }];
    const body = { spec: { template: { ...metadata, spec: { containers } } } };
    await this.cluster.patch(resource.deployments, { name, namespace }, { type: "strategic", body });
  }

  /** Asks, and waits for the answer. */
  async command(verb: Verb): Promise<void> {
    const id = await this.ask(verb);
    await this.until(`an answer to ${verb}`, ({ lastCommand }) => lastCommand?.id === id);
  }

  async ask(verb: Verb): Promise<string> {
    this.commands += 1;
    const id = `${this.namespace}-${this.commands}`;
    const body = { metadata: { annotations: { [annotation.command]: JSON.stringify({ id, verb }) } } };
    await this.cluster.patch(
      resource.canaries,
      { name: this.name, namespace: this.namespace },
      { type: "merge", body },
    );
    return id;
  }

  /** Resolves when a command is there, answered or not. */
  commanded(): Promise<void> {
    return waitFor(
      async () => {
        const at = { name: this.name, namespace: this.namespace };
        const { metadata } = await this.cluster.get<Canary>(resource.canaries, at);
        return annotation.command in (metadata.annotations ?? {}) ? undefined : unmet("no command");
      },
      deadlineMs,
      `a command in ${this.namespace}`,
    );
  }

  async status(): Promise<CanaryStatus> {
    const canary = await this.cluster.get<Canary>(resource.canaries, { name: this.name, namespace: this.namespace });
    return canary.status ?? {};
  }

  until(what: string, met: (status: CanaryStatus) => boolean): Promise<CanaryStatus> {
    return waitFor(
      async () => {
        const status = await this.status();
        return met(status) ? status : unmet(`${status.phase} at ${status.canaryWeight}%: ${status.reason}`);
      },
      deadlineMs,
      `${what} in ${this.namespace}`,
    );
  }

  /** The canary of `tag` has its first weight, by the route itself. */
  async running(tag: Tag): Promise<void> {
    await this.until(`a run of ${tag}`, ({ run, phase }) => phase === "Progressing" && isOf(run?.images, tag));
    await waitFor(
      async () => {
        const weight = canaryWeight(await this.route());
        return weight === 50 ? true : unmet(`weight ${weight}: ${(await this.status()).reason}`);
      },
      deadlineMs,
      `traffic on ${tag} in ${this.namespace}`,
    );
  }

  route(): Promise<Split> {
    return this.cluster.get<Split>(resource.trafficSplits, { name: this.name, namespace: this.namespace });
  }

  target(): Promise<V1Deployment> {
    return this.cluster.get<V1Deployment>(resource.deployments, { name: this.name, namespace: this.namespace });
  }

  /** UIDs of the target's pods. */
  async pods(): Promise<string[]> {
    const { namespace } = this;
    const { items } = await this.cluster.list<V1Pod>(resource.pods, { namespace, labelSelector: `app=${this.name}` });
    return items.map(({ metadata }) => metadata?.uid ?? "").sort();
  }

  rolledOut(): Promise<void> {
    return waitFor(
      async () => {
        const { metadata, spec, status } = await this.target();
        const seen = status?.observedGeneration === metadata?.generation;
        const all = [status?.updatedReplicas, status?.readyReplicas, status?.replicas];
        if (seen && all.every((count) => count === spec?.replicas)) return undefined;
        return unmet(`updated, ready, all: ${all.join()}`);
      },
      deadlineMs,
      `${this.name} to be rolled out in ${this.namespace}`,
    );
  }

  /** From now on no pod of the target's version `tag` becomes ready here. */
  keepUnready(tag: Tag): void {
    const may = this.node.mayBeReady;
    this.node.mayBeReady = (pod) => {
      const { namespace, labels } = pod.metadata ?? {};
      const isKept = namespace === this.namespace && labels?.["app"] === this.name;
      return !(isKept && pod.spec?.containers[0]?.image === imageOf(tag)) && may(pod);
    };
  }

  async end(): Promise<void> {
    await Promise.all(
      this.namespaces.map((namespace) => this.cluster.delete(resource.namespaces, { name: namespace })),
    );
  }
}

export interface Play {
  /** Short enough to be part of a namespace's name. */
  name: string;
  /** `frozen`: its leader is in the write that it freezes in. One that must come before that write waits for it. */
  act(stage: Stage, frozen?: Promise<unknown>): Promise<void>;
  /** How it must have ended, as a person sees it. */
  ends: { phase: string; image: Tag; weight: number; outcomes: string[] };
  /** The target's pods are not the first ones any more. */
  restarts?: true;
  /** What a successor of a frozen leader waits for. */
  succeed?(stage: Stage): Promise<void>;
}

export const plays: readonly Play[] = [
  {
    name: "promote",
    act: async (stage) => {
      await stage.until("initialization", ({ phase }) => phase === "Initialized");
      await stage.change("1.7.1");
      await stage.running("1.7.1");
      await stage.command("promote");
      await stage.until("the promotion", ({ phase }) => phase === "Succeeded");
    },
    ends: { phase: "Succeeded", image: "1.7.1", weight: 0, outcomes: ["promoted"] },
    restarts: true,
  },
  {
    name: "rollback",
    act: async (stage) => {
      await stage.until("initialization", ({ phase }) => phase === "Initialized");
      await stage.change("1.7.1");
      await stage.running("1.7.1");
      await stage.command("rollback");
      await stage.until("the rejection", ({ phase }) => phase === "Failed");
    },
    ends: { phase: "Failed", image: "1.7.1", weight: 0, outcomes: ["rejected"] },
  },
  {
    name: "supersede",
    act: async (stage) => {
      await stage.until("initialization", ({ phase }) => phase === "Initialized");
      await stage.change("1.7.1");
      await stage.running("1.7.1");
      await stage.change("1.7.4");
      await stage.running("1.7.4");
    },
    ends: { phase: "Progressing", image: "1.7.4", weight: 50, outcomes: ["superseded"] },
  },
  {
    name: "abort",
    act: async (stage) => {
      await stage.until("initialization", ({ phase }) => phase === "Initialized");
      await stage.change("1.7.1");
      await stage.running("1.7.1");
      await stage.change("1.7.0");
      await stage.until("the end of the run", ({ run, phase }) => phase === "Initialized" && run === undefined);
    },
    ends: { phase: "Initialized", image: "1.7.0", weight: 0, outcomes: ["reverted"] },
  },
  {
    name: "back-out",
    act: async (stage) => {
      await stage.until("initialization", ({ phase }) => phase === "Initialized");
      stage.keepUnready("1.7.1");
      await stage.change("1.7.1");
      await stage.running("1.7.1");
      await stage.command("promote");
      await stage.until("the promotion's start", ({ phase }) => phase === "Promoting");
      await stage.command("rollback");
      await stage.until("the rejection", ({ phase }) => phase === "Failed");
    },
    ends: { phase: "Failed", image: "1.7.0", weight: 0, outcomes: ["rejected"] },
    restarts: true,
  },
];

/** Someone takes a run back that has only been decided: its successor finds that first, and does nothing of it. */
const takenBackEarly = (name: string, when: (status: CanaryStatus) => boolean): Play => ({
  name,
  act: async (stage, frozen) => {
    await stage.until("initialization", ({ phase }) => phase === "Initialized");
    await stage.change("1.7.1");
    await stage.until("the decision", when);
    await frozen;
    await stage.command("rollback");
    await stage.until("the rejection", ({ phase }) => phase === "Failed");
  },
  succeed: (stage) => stage.commanded(),
  ends: { phase: "Failed", image: "1.7.1", weight: 0, outcomes: ["rejected"] },
});

/** Each with the write of the run that its leader freezes in. */
export const hasty: readonly { play: Play; words: string; nth: number }[] = [
  // The first marks the target, the second gives the canary its pods.
  { play: takenBackEarly("unscaled", ({ run }) => run !== undefined), words: "patch deployments", nth: 2 },
  { play: takenBackEarly("unraised", (status) => status.canaryWeight === 50), words: "replace trafficsplits", nth: 1 },
];

export interface Split {
  metadata: { resourceVersion?: string; annotations?: Record<string, string>; labels?: Record<string, string> };
  spec: { backends: { service: string; weight: number | string }[] };
}

export const canaryWeight = ({ spec }: Split): number =>
  Number(spec.backends.find(({ service }) => service.endsWith("-canary"))?.weight ?? -1);

export const imageOf = (tag: Tag): string => `quay.io/stefanprodan/podinfo:${tag}`;

const isOf = (images: Record<string, string> | undefined, tag: Tag): boolean => images?.["podinfod"] === imageOf(tag);

function deployment(name: string, tag: Tag): Pick<V1Deployment, "spec"> {
  const containers = [{ name: "podinfod", image: imageOf(tag), ports: [{ name: "http", containerPort: 9898 }] }];
  return {
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers } },
    },
  };
}

/** One step that never ends, for lack of requests. */
const canarySpec = (name: string) => ({
  provider: "linkerd",
  targetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
  service: { port: 9898 },
  analysis: { interval: "600s", threshold: 2, stepWeights: [50], noEvidence: { deadline: "3h" } },
});

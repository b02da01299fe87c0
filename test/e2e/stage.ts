/**
 * A namespace whose Canary is brought into one phase and kept there, so that whatever is done to it meets that phase. Two pods
 * of the target, replaced one after the other; a quota that allows no new pod keeps a rollout where it is.
 */
import type { V1Deployment, V1ResourceQuota } from "@kubernetes/client-node";
import { expect } from "vitest";
import { label } from "../../shared/core/objects/names.ts";
import { httpRoute, trafficSplit, type Router } from "../../shared/core/routes/routes.ts";
import { installApp } from "../app/install.ts";
import type { LoadClient } from "../app/load-client.ts";
import { weightsWritten, type Call } from "../cluster/parts/audit.ts";
import { apply, deleteNamespace, mustKubectl, waitForRollout } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { canaryFor, Scenario, type Provider } from "./scenario.ts";

const all = ["steady", "progressing", "promoting", "failed", "restoring"] as const;
export type StagePhase = (typeof all)[number];

/** PHASES=progressing,failed looks at some only. */
const wanted = process.env["PHASES"]?.split(",");
export const phases: readonly StagePhase[] = all.filter((phase) => wanted?.includes(phase) ?? true);

/** Percent that the canary has wherever it has traffic. */
export const share = 20;

const variable = "ROUND";
const quota = "no-new-pods";

/** What must be as it was. */
interface Before {
  spec: string;
  pods: string[];
}

export class Stage {
  readonly phase: StagePhase;
  readonly scenario: Scenario;
  before: Before = { spec: "", pods: [] };
  private round = 0;
  private stableRound = 0;
  private target: V1Deployment | undefined;

  private constructor(phase: StagePhase, scenario: Scenario) {
    this.phase = phase;
    this.scenario = scenario;
  }

  get namespace(): string {
    return this.scenario.namespace;
  }

  get router(): Router {
    return this.scenario.provider === "linkerd" ? trafficSplit : httpRoute;
  }

  /** The canary has a share of traffic in this phase. */
  get hasTraffic(): boolean {
    return this.phase !== "steady" && this.phase !== "failed";
  }

  static async start(prefix: string, phase: StagePhase, provider: Provider): Promise<Stage> {
    const stage = new Stage(phase, Scenario.of(`${prefix}-${phase}`, provider));
    await deleteNamespace(stage.namespace);
    await installApp(stage.namespace, { replicas: 2, rate: 3, deadlineMs: 60_000, without: ["frontend"] });
    const patch = { spec: { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } } };
    await stage.scenario.kubectl("patch", "deploy", "podinfo", "-p", JSON.stringify(patch));
    await stage.adopt();
    return stage;
  }

  /** From wherever the row before left it into its phase. */
  async enter(): Promise<void> {
    await this.settle();
    this.target = await this.readTarget();
    this.before = { spec: JSON.stringify(this.target.spec), pods: await this.scenario.podUids() };
    if (this.phase !== "steady") await this.change();
    if (this.phase === "failed") await this.rollBack();
    if (this.phase === "promoting" || this.phase === "restoring") await this.promote();
    if (this.phase === "restoring") await this.goBack();
    await (await this.load()).reset();
  }

  /** Rollouts may go on. */
  async free(): Promise<void> {
    await this.scenario.kubectl("delete", "quota", quota, "--ignore-not-found");
    // Kubernetes tries refused pods again ever more rarely; a change makes it look at once.
    await this.scenario.try("annotate", "deploy/podinfo", "--overwrite", `example.org/looked=${Date.now()}`);
  }

  load(): Promise<LoadClient> {
    return this.scenario.load();
  }

  readTarget(): Promise<V1Deployment> {
    return getJson<V1Deployment>(["deploy", "podinfo", "-n", this.namespace]);
  }

  /** No run, nothing held, stable on every pod; whatever was deleted is there again. */
  async settle(): Promise<void> {
    await this.free();
    if (this.target && (await this.names("deploy")).every((name) => name !== "podinfo")) await this.recreate();
    if ((await this.names("canary")).length === 0) await this.adopt();
    await this.scenario.until("the end of the run", ({ run }) => !run || ["scaling", "analysing"].includes(run.stage));
    const { spec } = await this.readTarget();
    if (spec?.paused) await this.setRound(this.stableRound);
    else this.stableRound = roundOf(spec);
    await this.scenario.until(
      "rest",
      ({ run, phase }) => !run && ["Initialized", "Succeeded", "Failed"].includes(phase ?? ""),
    );
    await waitForRollout(this.namespace, "podinfo");
  }

  /** Objects of ours, by their label. */
  async leftovers(): Promise<string> {
    const kinds = "deploy,svc,controllerrevisions,httproutes.gateway.networking.k8s.io,trafficsplits.split.smi-spec.io";
    return (await this.scenario.kubectl("get", kinds, "-l", label.canary, "-o", "name")).trim();
  }

  async nothingLeft(deadlineMs = 60_000): Promise<void> {
    const look = async (): Promise<true | ReturnType<typeof unmet>> => {
      const found = await this.leftovers();
      return found === "" ? true : unmet(found);
    };
    await waitFor(look, deadlineMs, `our objects in ${this.namespace} to be gone`, 500);
  }

  /** Stable's template, not paused, none of our labels; the pods too, where no rollout was under way. */
  async isItsUsers(): Promise<void> {
    await waitForRollout(this.namespace, "podinfo");
    const { metadata, spec } = await this.readTarget();
    expect(JSON.stringify(spec)).toBe(this.before.spec);
    expect(Object.keys(metadata?.labels ?? {}).filter((key) => key.startsWith("kubectl-canary.io"))).toEqual([]);
    if (this.phase !== "promoting" && this.phase !== "restoring")
      expect(await this.scenario.podUids()).toEqual(this.before.pods);
  }

  /** So many more requests, none of which failed since `enter` or the last reset. */
  async noneFails(requests = 15): Promise<void> {
    const { failed, failures } = await this.served(requests);
    expect(failed, JSON.stringify(failures)).toBe(0);
  }

  /** No more failed than the canary's share of all, as chance has it. */
  async onlyItsShareFails(): Promise<void> {
    const { failed, requests } = await this.served(15);
    const mean = (requests * share) / 100;
    expect(failed, `of ${requests}`).toBeLessThanOrEqual(mean + 3.9 * Math.sqrt(mean * (1 - share / 100)) + 1);
  }

  /** The counts when there are so many more requests in them. */
  async served(requests: number): ReturnType<LoadClient["counts"]> {
    const load = await this.load();
    const { requests: before } = await load.counts();
    const look = async (): Promise<Awaited<ReturnType<LoadClient["counts"]>> | ReturnType<typeof unmet>> => {
      const counts = await load.counts();
      return counts.requests - before >= requests ? counts : unmet(`${counts.requests - before}`);
    };
    return waitFor(look, 60_000, `${requests} requests in ${this.namespace}`);
  }

  /** The canary's weights that the controller has written, of `calls`, oldest first. */
  weightsIn(calls: readonly Call[]): { at: number; weight: number }[] {
    return weightsWritten(calls, this.namespace, this.router);
  }

  end(): Promise<void> {
    return deleteNamespace(this.namespace);
  }

  private async adopt(): Promise<void> {
    const { namespace, provider } = this.scenario;
    const analysis = { interval: "600s", stepWeight: share, comparison: { mode: "off" as const } };
    await apply([canaryFor(namespace, { provider, analysis })]);
    await this.scenario.phase("Initialized");
    if (provider !== "linkerd") return;
    await this.scenario.kubectl("rollout", "restart", "deploy/load");
    await waitForRollout(namespace, "load");
  }

  private async change(): Promise<void> {
    await this.setRound(++this.round);
    await this.scenario.until("traffic on the canary", ({ canaryWeight }) => canaryWeight === share);
    await waitFor(
      async () => ((await this.scenario.weight()) === share ? true : unmet("another weight")),
      10_000,
      "the route's weight",
    );
  }

  private async promote(): Promise<void> {
    const pods = (await this.names("pods")).length;
    await this.scenario.kubectl("create", "quota", quota, `--hard=pods=${pods - 1}`);
    await waitFor(
      async () => {
        const { status } = await getJson<V1ResourceQuota>(["quota", quota, "-n", this.namespace]);
        return status?.used?.["pods"] ? true : unmet("no count of pods");
      },
      10_000,
      "the quota to count",
    );
    await this.scenario.plugin("promote", "--timeout", "2s");
    await waitFor(
      async () => {
        const { status, metadata } = await this.readTarget();
        const isStuck = label.promoting in (metadata?.labels ?? {}) && status?.availableReplicas === 1;
        return isStuck ? true : unmet(`${status?.availableReplicas} available`);
      },
      60_000,
      `the promotion in ${this.namespace} to be under way`,
    );
  }

  private async goBack(): Promise<void> {
    await this.scenario.plugin("rollback", "--timeout", "2s");
    await this.scenario.until("the way back", ({ run }) => run?.stage === "restoring");
    await waitFor(
      async () => (roundOf((await this.readTarget()).spec) === this.stableRound ? true : unmet("the new template")),
      30_000,
      "stable's template",
    );
  }

  private async rollBack(): Promise<void> {
    await this.scenario.plugin("rollback", "--timeout", "2s");
    await this.scenario.until("the rejection", ({ phase, run }) => phase === "Failed" && !run);
  }

  private async setRound(round: number): Promise<void> {
    await this.scenario.kubectl("set", "env", "deploy/podinfo", round === 0 ? `${variable}-` : `${variable}=${round}`);
  }

  private async recreate(): Promise<void> {
    const { metadata = {}, ...rest } = this.target!;
    const { name, namespace } = metadata;
    const manifest = {
      ...rest,
      metadata: { name, namespace, labels: { app: "podinfo" } },
      spec: JSON.parse(this.before.spec) as object,
    };
    await mustKubectl(["create", "-f", "-"], { input: JSON.stringify(manifest) });
    await waitForRollout(this.namespace, "podinfo");
  }

  private async names(kind: string): Promise<string[]> {
    const text = await this.scenario.kubectl("get", kind, "-o", "jsonpath={.items[*].metadata.name}");
    return text.split(" ").filter((name) => name !== "");
  }
}

function roundOf(spec: V1Deployment["spec"]): number {
  const env = spec?.template.spec?.containers[0]?.env ?? [];
  return Number(env.find(({ name }) => name === variable)?.value ?? 0);
}

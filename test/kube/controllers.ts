/**
 * What turns a bare API server into one where Deployments roll: Kubernetes' own controllers, run beside it, and one node on
 * paper, whose pods are ready as soon as they are there. No container runs.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { V1Node, V1Pod } from "@kubernetes/client-node";
import { systemClock } from "../../shared/kube/clock.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { hasCode } from "../../shared/kube/errors.ts";
import { Reflector } from "../../shared/kube/reflector.ts";
import { resource } from "../../shared/kube/resources.ts";
import { ensureBinary } from "../cluster/build.ts";
import { binaries } from "../cluster/versions.ts";
import type { ControlPlane } from "./control-plane.ts";

export interface Running {
  stop(): Promise<void>;
}

const controllers = ["deployment", "replicaset", "endpointslice", "garbage-collector", "namespace"];

export async function startControllers(plane: ControlPlane): Promise<Running> {
  const binary = await ensureBinary(binaries["kube-controller-manager"]);
  const kubeconfig = join(plane.dir, "controller-manager.kubeconfig");
  await writeFile(kubeconfig, plane.kubeConfig().exportConfig());
  const child = spawn(
    binary,
    [
      `--kubeconfig=${kubeconfig}`,
      `--controllers=${controllers.map((name) => `${name}-controller`).join(",")}`,
      "--secure-port=0",
      "--leader-elect=false",
      "--kube-api-qps=500",
      "--kube-api-burst=1000",
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const log = createWriteStream(join(plane.dir, "kube-controller-manager.log"), { flags: "a" });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  process.once("exit", () => child.kill("SIGKILL"));
  return {
    stop: async () => {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

const nodeName = "paper";

export class PaperNode implements Running {
  /** Whether a pod may become ready; all may, unless a test says otherwise. */
  mayBeReady: (pod: V1Pod) => boolean = () => true;
  private readonly cluster: Cluster;
  private readonly pods: Reflector<V1Pod>;
  private addresses = 0;

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.pods = new Reflector<V1Pod>(
      { cluster, clock: systemClock, random: () => 0.5 },
      { resource: resource.pods, onChange: (_old, pod) => void (pod && this.see(pod)) },
    );
  }

  static async start(cluster: Cluster): Promise<PaperNode> {
    const node = new PaperNode(cluster);
    await cluster.create<V1Node>(resource.nodes, { metadata: { name: nodeName } });
    node.pods.start();
    await node.pods.whenSynced();
    return node;
  }

  readyPods(): V1Pod[] {
    const isReady = ({ status }: V1Pod): boolean =>
      status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") ?? false;
    return this.pods.list().filter(isReady);
  }

  stop(): Promise<void> {
    return this.pods.stop();
  }

  private see(pod: V1Pod): void {
    const turn = pod.metadata?.deletionTimestamp ? this.end(pod) : this.run(pod);
    turn.catch((error: unknown) => {
      // The pod is gone, or was changed, of which the watch brings news; or the API server is being stopped.
      if (!hasCode(error, "NotFound", "Conflict", "Unreachable", "Timeout")) throw error;
    });
  }

  private async end(pod: V1Pod): Promise<void> {
    const body = { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0 };
    await this.cluster.raw("DELETE", pathOf(pod), body);
  }

  private async run(pod: V1Pod): Promise<void> {
    const { name = "", namespace = "" } = pod.metadata ?? {};
    if (!pod.spec?.nodeName) {
      const target = { apiVersion: "v1", kind: "Node", name: nodeName };
      const binding = { apiVersion: "v1", kind: "Binding", metadata: { name, namespace }, target };
      await this.cluster.raw("POST", `${pathOf(pod)}/binding`, binding);
      return;
    }
    const ready = this.mayBeReady(pod) ? "True" : "False";
    if (pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === ready)) return;
    await this.cluster.patch(
      resource.pods,
      { name, namespace, subresource: "status" },
      { type: "merge", body: { status: this.statusOf(pod, ready) } },
    );
  }

  private statusOf(pod: V1Pod, ready: string): object {
    this.addresses += 1;
    const podIP = pod.status?.podIP ?? `10.99.${this.addresses >> 8}.${this.addresses & 255}`;
    const conditions = ["Ready", "ContainersReady", "Initialized", "PodScheduled"].map((type) => ({
      type,
      status: type === "Initialized" || type === "PodScheduled" ? "True" : ready,
    }));
    return { phase: "Running", podIP, podIPs: [{ ip: podIP }], conditions };
  }
}

function pathOf({ metadata }: V1Pod): string {
  return `/api/v1/namespaces/${metadata?.namespace}/pods/${metadata?.name}`;
}

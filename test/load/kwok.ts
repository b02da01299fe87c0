// Nodes that are not there: kwok plays their kubelet, so that hundreds of pods cost nothing. Everything else about those pods is
// real: Deployments, ReplicaSets, the scheduler, the mesh's injector, EndpointSlices.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBinary } from "../cluster/build.ts";
import { apply, mustKubectl } from "../cluster/client.ts";
import { paths } from "../cluster/layout.ts";
import { run } from "../cluster/run.ts";
import { kwok } from "../cluster/versions.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { stages } from "./stages.ts";

/** Addresses of the pods. All of them are made local to this machine, so that whoever asks a pod asks the test. */
const podRange = "10.214.0.0/16";
const marks = { "kwok.x-k8s.io/node": "fake" };
const nodes = ["kwok-0", "kwok-1", "kwok-2", "kwok-3"];

/** For a pod's spec: onto these nodes only. */
export const onKwok = {
  nodeSelector: { type: "kwok" },
  tolerations: [{ key: "kwok.x-k8s.io/node", operator: "Exists", effect: "NoSchedule" }],
};

export class Kwok {
  private readonly child: ChildProcess;
  private readonly folder: string;

  private constructor(child: ChildProcess, folder: string) {
    this.child = child;
    this.folder = folder;
  }

  static async start(): Promise<Kwok> {
    const binary = await ensureBinary(kwok);
    await ip("replace");
    const folder = await mkdtemp(join(tmpdir(), "kubectl-canary-kwok-"));
    const config = join(folder, "stages.yaml");
    await writeFile(config, stages);
    const args = [`--kubeconfig=${paths.kubeconfig}`, `--config=${config}`, `--cidr=${podRange}`];
    const chosen = ["--manage-all-nodes=false", "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake"];
    const child = spawn(binary, [...args, ...chosen, "--node-ip=10.214.255.254", "--node-lease-duration-seconds=40"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-2_000)));
    const started = new Kwok(child, folder);
    try {
      await apply(nodes.map(nodeManifest));
      await waitFor(
        async () => {
          if (child.exitCode !== null) throw new Error(`kwok ended: ${said}`);
          const ready = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}';
          const states = (await mustKubectl(["get", "nodes", "-l", "type=kwok", "-o", ready])).split(" ");
          return states.filter((state) => state === "True").length === nodes.length || unmet(states.join(" "));
        },
        60_000,
        "kwok's nodes",
      );
    } catch (error) {
      await started.stop();
      throw error;
    }
    return started;
  }

  /** To be called when the pods are gone: nobody else ends those of a node that is not there. */
  async stop(): Promise<void> {
    await mustKubectl(["delete", "nodes", "-l", "type=kwok", "--ignore-not-found"]);
    const ended = new Promise((done) => this.child.once("close", done));
    if (this.child.exitCode === null && this.child.kill()) await ended;
    await ip("del");
    await rm(this.folder, { recursive: true, force: true });
  }
}

// --- internal ---

async function ip(verb: "replace" | "del"): Promise<void> {
  const { code, stderr } = await run("ip", ["route", verb, "local", podRange, "dev", "lo"]);
  if (code !== 0 && verb === "replace") throw new Error(`The pods' addresses cannot be made local: ${stderr}`);
}

function nodeManifest(name: string): object {
  const capacity = { cpu: "64", memory: "256Gi", pods: "400" };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, annotations: marks, labels: { type: "kwok", "kubernetes.io/hostname": name } },
    spec: { taints: [{ key: "kwok.x-k8s.io/node", value: "fake", effect: "NoSchedule" }] },
    status: { allocatable: capacity, capacity },
  };
}

/** The controller as it is shipped, as a process of its own on this machine: what it takes, and when it is ready. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { join } from "node:path";
import { repository } from "../../cluster/layout.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import type { Place } from "./place.ts";

export interface ReplicaOptions {
  identity: string;
  port: number;
}

export interface Used {
  cpuSeconds: number;
  megabytes: number;
}

const ticksPerSecond = 100;
const bundle = join(repository, "dist", "webhook", "webhook.mjs");

export class Replica {
  private readonly child: ChildProcess;
  private readonly port: number;

  private constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.port = port;
  }

  /** With the chart's memory limit as V8 is told of it. */
  static async start(place: Place, { identity, port }: ReplicaOptions): Promise<Replica> {
    const { plane, token, metricsServer } = place;
    const kubeconfig = join(plane.dir, `${identity}.kubeconfig`);
    await writeFile(kubeconfig, plane.kubeConfig({ token }).exportConfig());
    const settings = {
      NAMESPACE: "kubectl-canary",
      IDENTITY: identity,
      PORT: String(port),
      METRICS_PORT: String(port + 1),
      METRICS_SERVER: metricsServer,
    };
    const env = Object.fromEntries(Object.entries(settings).map(([name, value]) => [`KUBECTL_CANARY_${name}`, value]));
    const child = spawn(process.execPath, ["--max-semi-space-size=4", "--max-old-space-size=384", bundle], {
      env: { ...env, KUBECONFIG: kubeconfig, PATH: process.env["PATH"], NODE_ENV: "production" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const log = createWriteStream(join(plane.dir, `${identity}.log`), { flags: "a" });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    process.once("exit", () => child.kill("SIGKILL"));
    return new Replica(child, port);
  }

  /** Reviews are answered, and the loop knows the cluster. */
  async ready(deadlineMs: number): Promise<void> {
    await waitFor(
      async () => {
        if (this.child.exitCode !== null) throw new Error(`the controller ended with code ${this.child.exitCode}`);
        const [admission, metrics] = await Promise.all([this.status(), this.metrics()]);
        const knows = /^kubectl_canary_loop_ready\S* 1$/m.test(metrics);
        return admission === 200 && knows ? true : unmet(`/readyz ${admission}, loop ${knows}`);
      },
      deadlineMs,
      "the controller to be ready",
    );
  }

  private async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.port + 1}/metrics`)).text();
  }

  async used(): Promise<Used> {
    const stat = await readFile(`/proc/${this.child.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    const status = await readFile(`/proc/${this.child.pid}/status`, "utf8");
    const kilobytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]);
    return { cpuSeconds: ticks / ticksPerSecond, megabytes: kilobytes("VmRSS") / 1_024 };
  }

  async kill(): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await gone;
  }

  private status(): Promise<number> {
    return new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: this.port, path: "/readyz", rejectUnauthorized: false };
      get(options, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      }).once("error", reject);
    });
  }
}

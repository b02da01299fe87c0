// A real Prometheus for a test, on loopback, that scrapes one endpoint five times a second and keeps its data in a folder of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dump } from "js-yaml";
import { ensureBinary } from "../cluster/build.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { binaries } from "../cluster/versions.ts";
import { freePorts } from "../kube/free-ports.ts";

export const scrapeIntervalMs = 200;

export interface PrometheusServer {
  url: string;
  /** Killed and started again, `isEmptied` without what it had stored; `meanwhile` runs while there is none. */
  restart(how: { isEmptied: boolean; meanwhile: () => Promise<unknown> }): Promise<void>;
  stop(): Promise<void>;
}

export async function startPrometheus(target: string): Promise<PrometheusServer> {
  const binary = await ensureBinary(binaries.prometheus);
  const folder = await mkdtemp(join(tmpdir(), "canary-prometheus-"));
  const [port] = await freePorts(1);
  const address = `127.0.0.1:${port}`;
  await writeFile(join(folder, "prometheus.yml"), dump(configuration(target)));
  const args = [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=${address}`,
    "--log.level=warn",
  ];
  const start = async (): Promise<ChildProcess> => {
    const child = spawn(binary, args, { stdio: ["ignore", "ignore", "inherit"] });
    try {
      await waitFor(
        async () => (await fetch(`http://${address}/-/ready`)).ok || unmet("not ready"),
        60_000,
        "Prometheus to be ready",
      );
    } catch (error) {
      await killed(child);
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    return child;
  };
  let child = await start();
  return {
    url: `http://${address}`,
    restart: async ({ isEmptied, meanwhile }) => {
      await killed(child);
      await meanwhile();
      if (isEmptied) await rm(join(folder, "data"), { recursive: true, force: true });
      child = await start();
    },
    stop: async () => {
      await killed(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

function configuration(target: string): object {
  const interval = `${scrapeIntervalMs}ms`;
  return {
    global: { scrape_interval: interval, scrape_timeout: interval },
    scrape_configs: [{ job_name: "linkerd-proxy", honor_labels: true, static_configs: [{ targets: [target] }] }],
  };
}

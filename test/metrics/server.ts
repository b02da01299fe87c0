// A real Prometheus for a test, on loopback, that scrapes one endpoint five times a second and keeps its data in a folder of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dump } from "js-yaml";
import { ensureBinary } from "../cluster/build.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { binaries } from "../cluster/versions.ts";

export const scrapeIntervalMs = 200;

export interface PrometheusServer {
  url: string;
  stop(): Promise<void>;
}

export async function startPrometheus(target: string): Promise<PrometheusServer> {
  const binary = await ensureBinary(binaries.prometheus);
  const folder = await mkdtemp(join(tmpdir(), "canary-prometheus-"));
  const address = `127.0.0.1:${await freePort()}`;
  await writeFile(join(folder, "prometheus.yml"), dump(configuration(target)));
  const args = [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=${address}`,
    "--log.level=warn",
  ];
  const child = spawn(binary, args, { stdio: ["ignore", "ignore", "inherit"] });
  const stop = async (): Promise<void> => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(
      async () => (await fetch(`http://${address}/-/ready`)).ok || unmet("not ready"),
      20_000,
      "Prometheus to be ready",
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://${address}`, stop };
}

function configuration(target: string): object {
  const interval = `${scrapeIntervalMs}ms`;
  return {
    global: { scrape_interval: interval, scrape_timeout: interval },
    scrape_configs: [{ job_name: "linkerd-proxy", honor_labels: true, static_configs: [{ targets: [target] }] }],
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

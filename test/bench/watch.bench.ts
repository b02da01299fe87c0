/** `kubectl-canary watch` of a run in a namespace of 300 pods, on a terminal and off it, while nothing happens: CPU and memory. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { resource } from "../../shared/kube/resources.ts";
import { repository } from "../cluster/layout.ts";
import { place } from "../plugin/fixtures/place.ts";
import { defineResources, type Plane, startPlane } from "../plugin/fixtures/plane.ts";
import { aCheck, aRun, latencyCheck, microTime, seenWith, tracks } from "../plugin/fixtures/seen.ts";
import { printTable } from "./measure.ts";

const pods = 300;
const idleMs = 30_000;
const most = { cpuPercent: 2, megabytes: 150 };
const ticksPerSecond = 100;
const program = join(repository, "dist", "plugin", "kubectl-canary");

interface Used {
  cpuPercent: number;
  megabytes: number;
}

async function fill(plane: Plane): Promise<void> {
  const seen = seenWith({ run: aRun, tracks, checks: [aCheck(), latencyCheck] });
  if (seen.lease?.spec) seen.lease.spec.renewTime = microTime(Date.now() + 3_600_000);
  await place(plane.cluster, seen, { namespace: "test", controllerNamespace: "kubectl-canary" });
  await plane.cluster.create(resource.serviceAccounts, { metadata: { name: "default", namespace: "test" } });
  for (let count = 0; count < pods; count += 1)
    await plane.cluster.create(resource.pods, {
      metadata: { name: `podinfo-${count}`, namespace: "test", labels: { app: "podinfo" } },
      spec: { containers: [{ name: "podinfod", image: "podinfo" }] },
    });
}

/** CPU seconds so far of a process, and its resident memory. */
async function read(pid: number): Promise<{ seconds: number; megabytes: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const memory = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
  return { seconds: ticks / ticksPerSecond, megabytes: Number(memory) / 1_024 };
}

/** Its start is not idleness. */
const startMs = 5_000;

async function measure(plane: Plane, terminal: boolean): Promise<Used> {
  const command = `${program} watch podinfo -n test`;
  const [file = "", ...args] = terminal
    ? ["script", "-qfec", `stty cols 120 rows 50; echo $$; exec ${command}`, "/dev/null"]
    : ["sh", "-c", `echo $$; exec ${command}`];
  const env = { PATH: process.env["PATH"], KUBECONFIG: plane.kubeconfig, TERM: "xterm", LANG: "C.UTF-8" };
  const child = spawn(file, args, { env, stdio: ["pipe", "pipe", "inherit"] });
  const [first] = (await once(child.stdout)).split(/\s/);
  const pid = Number(first);
  await setTimeout(startMs);
  const before = await read(pid);
  await setTimeout(idleMs);
  const after = await read(pid);
  process.kill(pid, "SIGINT");
  return { cpuPercent: ((after.seconds - before.seconds) / idleMs) * 100_000, megabytes: after.megabytes };
}

const once = (stream: NodeJS.ReadableStream): Promise<string> =>
  new Promise((resolve) => stream.once("data", (chunk: Buffer) => resolve(chunk.toString())));

const plane = await startPlane();
try {
  await defineResources(plane.cluster);
  await fill(plane);
  const used = [await measure(plane, false), await measure(plane, true)];
  const row = (name: string, { cpuPercent, megabytes }: Used): string[] => [
    name,
    `${cpuPercent.toFixed(2)} %`,
    `${megabytes.toFixed(0)} MB`,
  ];
  printTable(
    ["watch", "of a core", "memory"],
    used.map((one, index) => row(index === 0 ? "off a terminal" : "on a terminal", one)),
  );
  const isMet = used.every(({ cpuPercent, megabytes }) => cpuPercent < most.cpuPercent && megabytes < most.megabytes);
  const wanted = `less than ${most.cpuPercent} % and ${most.megabytes} MB`;
  process.stdout.write(`${pods} pods, ${idleMs / 1_000}s idle; ${wanted} is wanted: ${isMet ? "met" : "missed"}\n`);
  process.exitCode = isMet ? 0 : 1;
} finally {
  await plane.stop();
}

/**
 * How long the tutorial's run takes on the local cluster, from `set image` to its end, pods' start included: ten steps of 10 s at scrapes
 * of 10 s. Five runs at once, each in a namespace of its own. Needs `make cluster install`.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { HistoryEntry } from "../../shared/core/objects/canary-status.ts";
import { installApp, removeApp } from "../app/install.ts";
import { apply, getJson, mustKubectl, waitForRollout } from "../cluster/client.ts";
import { readState } from "../cluster/state.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { median, printTable } from "./measure.ts";

const runs = 5;
const boundSeconds = 112;
const deadlineMs = 300_000;
/** Requests per second of each. */
const rate = 20;

interface Taken {
  promoted: number;
  ended: number;
  /** Seconds after `set image` at which each weight was first seen. */
  weights: string;
}

const namespaces = Array.from({ length: runs }, (_, index) => `bench-tutorial-${index + 1}`);
const readCanary = (namespace: string): Promise<Canary> => getJson<Canary>(["canary", "podinfo", "-n", namespace]);

async function prepare(namespace: string, manifest: string): Promise<void> {
  await installApp(namespace, { rate, without: ["frontend"] });
  // Five apps on one machine may answer slowly now and then, and how fast they are is not what is measured.
  await apply(manifest.replace("namespace: test", `namespace: ${namespace}`).replace("max: 500", "max: 10000"));
  const look = async () => {
    const { status } = await readCanary(namespace);
    return status?.phase === "Initialized" ? true : unmet(status?.reason ?? "no status");
  };
  await waitFor(look, deadlineMs, `${namespace} to be initialized`);
  // It is older than the TrafficSplit, and would ignore it.
  await mustKubectl(["-n", namespace, "rollout", "restart", "deploy/load"]);
  await waitForRollout(namespace, "load");
}

async function play(namespace: string): Promise<Taken> {
  const image = "podinfod=quay.io/stefanprodan/podinfo:1.7.1";
  await mustKubectl(["-n", namespace, "set", "image", "deployment/podinfo", image]);
  const from = Date.now();
  const since = (at: number): number => Math.round((at - from) / 100) / 10;
  const seen = new Map<string, number>();
  const look = async (): Promise<HistoryEntry | ReturnType<typeof unmet>> => {
    const { status } = await readCanary(namespace);
    const mark = status?.run ? `${status.canaryWeight}${status.run.stage === "promoting" ? " promoting" : ""}` : "0";
    if (!seen.has(mark)) seen.set(mark, since(Date.now()));
    return status?.history?.[0] ?? unmet(status?.reason ?? "no status");
  };
  const entry = await waitFor(look, deadlineMs, `the end of the run in ${namespace}`, 250);
  if (entry.outcome !== "promoted") throw new Error(`${namespace}: ${entry.outcome}: ${entry.cause}`);
  const weights = [...seen].map(([weight, at]) => `${weight}@${at}`).join(" ");
  return { promoted: seen.get("100 promoting") ?? 0, ended: since(Date.parse(entry.endedAt)), weights };
}

if (!(await readState())) {
  process.stdout.write("Needs the local cluster: make cluster install\n");
  process.exitCode = 1;
} else {
  const manifest = await readFile(join(import.meta.dirname, "../demo/canary.yaml"), "utf8");
  try {
    await Promise.all(namespaces.map((namespace) => prepare(namespace, manifest)));
    const taken = await Promise.all(namespaces.map(play));
    const row = ({ promoted, ended, weights }: Taken, index: number): string[] => [
      String(index + 1),
      promoted.toFixed(1),
      ended.toFixed(1),
      weights,
    ];
    printTable(["run", "promotion begins, s", "ends, s", "weights"], taken.map(row));
    const middle = median(taken.map(({ ended }) => ended));
    const met = middle <= boundSeconds;
    process.stdout.write(
      `Median: ${middle.toFixed(1)} s; at most ${boundSeconds} s is wanted: ${met ? "met" : "missed"}\n`,
    );
    process.exitCode = met ? 0 : 1;
  } finally {
    await Promise.all(namespaces.map((namespace) => removeApp(namespace)));
  }
}

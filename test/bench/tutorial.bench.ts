/**
 * How long the tutorial's run takes on the local cluster, from `set image` to its end, pods' start included: ten steps of 10 s at scrapes
 * of 10 s; and what it asks of the API server meanwhile, by the API server's own audit log. Five runs, one after the other: side by side
 * they would measure how busy the machine is. RUNS=1 takes a look only. Needs `make cluster install`.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { V1Deployment } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus, HistoryEntry } from "../../shared/core/objects/canary-status.ts";
import { installApp, removeApp } from "../app/install.ts";
import { apply, mustKubectl, waitForRollout } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import { auditMark, callsSince, isOurs } from "../cluster/parts/audit.ts";
import { defaultScrapeInterval, setScrapeInterval } from "../cluster/parts/prometheus.ts";
import { readState } from "../cluster/state.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { printRows, row } from "./fleet/rows.ts";
import { median, printTable } from "./measure.ts";

const runs = Number(process.env["RUNS"] ?? 5);
const most = { seconds: 112, calls: 60 };
const deadlineMs = 300_000;
/** What comes so soon after the canary's pods were told to go is part of the run. */
const afterEndMs = 2_000;
/** Requests per second. */
const rate = 20;
const namespace = "bench-tutorial";
/** They take turns; the first run is for the second. */
const tags = ["1.7.1", "1.7.0"] as const;

/** Seconds after `set image`. */
interface Taken {
  /** The canary's pods are ready and scraped: the first users. */
  firstWeight: number;
  promoting: number;
  /** Every user is on the target's own pods, which run the new version; the run is in the history. */
  ended: number;
  /** API calls of the controller for this Canary, and how many of them wrote its status. */
  calls: number;
  statusWrites: number;
}

const readCanary = (): Promise<Canary> => getJson<Canary>(["canary", "podinfo", "-n", namespace]);

async function prepare(manifest: string): Promise<void> {
  await installApp(namespace, { rate, without: ["frontend"] });
  // How fast a busy machine answers is not what is measured.
  await apply(manifest.replace("namespace: test", `namespace: ${namespace}`).replace("max: 500", "max: 10000"));
  const look = async () => {
    const { status } = await readCanary();
    return status?.phase === "Initialized" ? true : unmet(status?.reason ?? "no status");
  };
  await waitFor(look, deadlineMs, `${namespace} to be initialized`);
  // It is older than the TrafficSplit, and would ignore it.
  await mustKubectl(["-n", namespace, "rollout", "restart", "deploy/load"]);
  await waitForRollout(namespace, "load");
}

/** What of a status is worth a line: the weight while it rises, then the stages. */
function markOf({ run, canaryWeight = 0 }: CanaryStatus): string {
  return run && ["scaling", "analysing"].includes(run.stage) ? `${canaryWeight}` : (run?.stage ?? "held");
}

async function play(index: number): Promise<Taken> {
  const { status: before } = await readCanary();
  const mark = await auditMark();
  const image = `podinfod=quay.io/stefanprodan/podinfo:${tags[index % tags.length]}`;
  await mustKubectl(["-n", namespace, "set", "image", "deployment/podinfo", image]);
  const from = Date.now();
  const since = (at: number): number => Math.round((at - from) / 100) / 10;
  const seen = new Map<string, number>();
  const look = async (): Promise<HistoryEntry | ReturnType<typeof unmet>> => {
    const { status = {} } = await readCanary();
    const mark = markOf(status);
    if (!seen.has(mark)) seen.set(mark, since(Date.now()));
    const [last] = status.history ?? [];
    return last && last.run !== before?.history?.[0]?.run ? last : unmet(status.reason ?? "no status");
  };
  const entry = await waitFor(look, deadlineMs, "the end of the run", 250);
  if (entry.outcome !== "promoted") throw new Error(`${entry.outcome}: ${entry.cause}`);
  const at = (mark: string): number => seen.get(mark) ?? NaN;
  const ended = since(Date.parse(entry.endedAt));
  const stages = { firstWeight: at("10"), promoting: at("promoting"), ended };
  return { ...stages, ...(await callsFrom(mark)) };
}

/** Open requests to the canary have ended, and its pods are gone: the next run has nothing to wait for. */
async function atRest(): Promise<void> {
  const look = async () => {
    const { spec, status } = await getJson<V1Deployment>(["deployment", "podinfo-canary", "-n", namespace]);
    const left = (spec?.replicas ?? 0) + (status?.replicas ?? 0);
    return left === 0 ? true : unmet("the canary has pods");
  };
  await waitFor(look, deadlineMs, "the canary's pods to be gone");
  await setTimeout(afterEndMs);
}

/** The Lease and watches are of no Canary. */
async function callsFrom(from: number): Promise<Pick<Taken, "calls" | "statusWrites">> {
  await atRest();
  const calls = (await callsSince(from)).filter(
    ({ verb, user, objectRef }) => isOurs(user.username) && verb !== "watch" && objectRef?.namespace === namespace,
  );
  const writes = calls.filter(({ objectRef }) => objectRef?.resource === "canaries");
  return { calls: calls.length, statusWrites: writes.length };
}

async function playAll(): Promise<Taken[]> {
  const taken: Taken[] = [];
  for (let index = 0; index < runs; index += 1) taken.push(await play(index));
  return taken;
}

if (!(await readState())) {
  process.stdout.write("Needs the local cluster: make cluster install\n");
  process.exitCode = 1;
} else {
  const manifest = await readFile(join(import.meta.dirname, "../demo/canary.yaml"), "utf8");
  try {
    await setScrapeInterval(defaultScrapeInterval);
    await prepare(manifest);
    const taken = await playAll();
    const columns = ["firstWeight", "promoting", "ended", "calls", "statusWrites"] as const;
    const cells = (name: string, of: (column: (typeof columns)[number]) => number): string[] => [
      name,
      ...columns.map((column) => String(Number(of(column).toFixed(1)))),
    ];
    const all = taken.map((one, index) => cells(String(index + 1), (column) => one[column]));
    const medians = cells("median", (column) => median(taken.map((one) => one[column])));
    const head = ["run", "first weight, s", "promotion begins", "ends", "API calls", "status writes"];
    printTable(head, [...all, medians]);
    const found = { seconds: median(taken.map(({ ended }) => ended)), calls: median(taken.map(({ calls }) => calls)) };
    process.exitCode = printRows([
      row("the run ends after (median)", { found: found.seconds, unit: "s", bound: most.seconds }),
      row("API calls in a run (median)", { found: found.calls, unit: "", bound: most.calls }),
    ]);
  } finally {
    await removeApp(namespace);
  }
}

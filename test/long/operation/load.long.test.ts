// Two hundred canaries at once, with the tutorial's two metrics: what they cost, and that all of them are promoted.
//
// Real: the controller as the chart installs it, the API server, every controller of Kubernetes', the scheduler, the mesh's injector,
// Prometheus with the scrape job of Linkerd-Viz, and each scrape. Not real: the pods' containers (kwok plays the kubelet of
// nodes that are not there) and users' requests (test/load/proxies.ts answers scrapes with what a client that obeys the route would
// have sent). CANARIES=40 makes it smaller.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { CanaryStatus } from "../../../shared/core/objects/canary-status.ts";
import { administrator } from "../../cluster/administrator.ts";
import { printTable } from "../../bench/measure.ts";
import { apply, deleteNamespace, mustKubectl, waitForRollout } from "../../cluster/client.ts";
import { getJson } from "../../cluster/get.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { type Cost, cost, countApiCalls, queriesSoFar, stopCountingApiCalls } from "../../load/counting.ts";
import {
  appManifests,
  canary,
  deployment,
  fleetOf,
  imageOf,
  namespaceManifest,
  namespacesOf,
} from "../../load/fleet.ts";
import { Kwok } from "../../load/kwok.ts";
import { StatusWrites, writesPerCheck } from "../../load/status-writes.ts";
import { meshName } from "../../mesh/settings.ts";
import { Proxies } from "../../load/proxies.ts";

const apps = fleetOf(Number(process.env["CANARIES"] ?? 200));
const namespaces = namespacesOf(apps);
const intervalMs = 10_000;
const minutes = 60_000;

let kwok: Kwok;
let proxies: Proxies;
const rows: string[][] = [];

async function statuses(): Promise<CanaryStatus[]> {
  const all = await Promise.all(
    namespaces.map((namespace) => getJson<{ items: Canary[] }>(["canaries", "-n", namespace])),
  );
  return all.flatMap(({ items }) => items.map(({ status }) => status ?? {}));
}

function allIn(phase: string, deadlineMs: number): Promise<CanaryStatus[]> {
  return waitFor(
    async () => {
      const found = await statuses();
      const others = found.filter((status) => status.phase !== phase);
      const [first] = others;
      const said = `${others.length} of ${found.length} are not ${phase}; one is ${first?.phase} at ${first?.canaryWeight}%: ${first?.reason}`;
      return (others.length === 0 && found.length === apps.length) || (first?.phase === "Failed" && phase !== "Failed")
        ? found
        : unmet(said);
    },
    deadlineMs,
    `every Canary to be ${phase}`,
  );
}

/** Counts queries in every stretch of an interval while `work` goes on, and what it all cost. */
async function counted<T>(
  what: string,
  work: () => Promise<T>,
): Promise<{ result: T; perInterval: number; most: number }> {
  const before = await cost();
  const counts = [before.queries];
  const timer = setInterval(() => void queriesSoFar().then((count) => counts.push(count)), intervalMs);
  const result = await work().finally(() => clearInterval(timer));
  const after = await cost();
  const perInterval = ((after.queries - before.queries) * intervalMs) / (after.at - before.at);
  const most = Math.max(0, ...counts.slice(1).map((count, index) => count - (counts[index] ?? 0)));
  rows.push(rowOf(what, before, after, { perInterval, most }));
  return { result, perInterval, most };
}

function rowOf(what: string, before: Cost, after: Cost, queries: { perInterval: number; most: number }): string[] {
  const seconds = (after.at - before.at) / 1_000;
  const calls = after.apiCalls - before.apiCalls;
  return [
    what,
    `${seconds.toFixed(0)} s`,
    `${after.queries - before.queries}`,
    queries.perInterval.toFixed(2),
    `${queries.most}`,
    `${calls}`,
    (calls / seconds).toFixed(1),
    `${((100 * (after.cpuSeconds - before.cpuSeconds)) / seconds).toFixed(0)} %`,
    `${after.residentMiB.toFixed(0)} MiB`,
  ];
}

async function injectorWaits(timeoutSeconds: number): Promise<void> {
  const patch = [{ op: "replace", path: "/webhooks/0/timeoutSeconds", value: timeoutSeconds }];
  const name = `${meshName}-injector`;
  await mustKubectl(["patch", "mutatingwebhookconfiguration", name, "--type=json", "-p", JSON.stringify(patch)]);
}

beforeAll(async () => {
  kwok = await Kwok.start();
  // Only now, since what an interrupted run has left ends when kwok says so.
  for (const namespace of namespaces) await deleteNamespace(namespace);
  await countApiCalls();
  // Hundreds of pods at once keep the injector busy.
  await injectorWaits(30);
  await apply(namespaces.map(namespaceManifest));
  await apply(apps.flatMap(appManifests));
  for (const { namespace, name } of apps) await waitForRollout(namespace, name, 5 * minutes);
  proxies = await Proxies.start(await administrator(), apps);
}, 15 * minutes);

afterAll(async () => {
  const head = ["phase", "time", "queries", "an interval", "most", "API calls", "a second", "CPU", "resident"];
  printTable(head, rows);
  await proxies?.stop();
  await mustKubectl(["delete", "canaries", "--all", "-A", "--timeout=300s"]);
  await Promise.all(namespaces.map((namespace) => deleteNamespace(namespace, 5 * minutes)));
  await injectorWaits(10);
  await stopCountingApiCalls();
  await kwok?.stop();
}, 15 * minutes);

it("are initialized, and name no caller that is younger than its TrafficSplit", async () => {
  await counted("initialized", async () => {
    await apply(apps.map(canary));
    await allIn("Initialized", 10 * minutes);
  });
  // Callers as they are after the one restart that TrafficSplits ask for: younger than those.
  await apply(namespaces.map((namespace) => deployment({ namespace, name: "caller", replicas: 1 })));
  for (const namespace of namespaces) await waitForRollout(namespace, "caller");
  const { result } = await counted("new, at rest", async () => {
    await new Promise((done) => setTimeout(done, 9 * intervalMs));
    return statuses();
  });
  expect(result.flatMap(({ staleCallers = [] }) => staleCallers)).toEqual([]);
});

it("are all promoted, step by step, at no more than four queries an interval in all and one write of each status a check", async () => {
  const writes = await StatusWrites.start(await administrator());
  const { result, perInterval } = await counted("promoted", async () => {
    const images = `app=${imageOf("v2")}`;
    for (const namespace of namespaces) {
      const names = apps.filter((app) => app.namespace === namespace).map(({ name }) => `deploy/${name}`);
      await mustKubectl(["-n", namespace, "set", "image", ...names, images]);
    }
    return allIn("Succeeded", 18 * minutes);
  });
  await writes.stop();
  const { mean, most } = writesPerCheck([...writes.counts.values()], intervalMs);
  process.stdout.write(
    `${writes.counts.size} canaries: ${mean.toFixed(2)} status writes per canary and check, ${most.toFixed(2)} of one canary at most\n`,
  );
  expect(result.filter(({ phase }) => phase !== "Succeeded").map(({ reason }) => reason)).toEqual([]);
  expect(result.every(({ failedChecks }) => failedChecks === 0)).toBe(true);
  expect(perInterval).toBeLessThanOrEqual(4);
  expect(writes.counts.size).toBe(apps.length);
  expect(mean).toBeLessThanOrEqual(1);
  expect(Math.round(proxies.unserved)).toBe(0);
});

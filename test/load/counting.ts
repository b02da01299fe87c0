// What a load costs, counted where it falls due: queries at Prometheus, requests at the API server, memory and CPU in the controller's
// own process metrics.
import { apply, mustKubectl } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import { prometheusUrl } from "../cluster/parts/prometheus.ts";

const schema = "kubectl-canary-load";

export interface Cost {
  at: number;
  queries: number;
  apiCalls: number;
  cpuSeconds: number;
  residentMiB: number;
}

interface Pod {
  metadata: { deletionTimestamp?: string };
  status: { podIP: string };
}

/** A FlowSchema of its own makes the API server count the controller's requests apart from everybody else's. */
export async function countApiCalls(): Promise<void> {
  const serviceAccount = { name: "kubectl-canary", namespace: "kubectl-canary" };
  const any = { verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true };
  const rules = [{ subjects: [{ kind: "ServiceAccount", serviceAccount }], resourceRules: [any] }];
  const priorityLevelConfiguration = { name: "workload-low" };
  const spec = {
    matchingPrecedence: 800,
    priorityLevelConfiguration,
    distinguisherMethod: { type: "ByUser" },
    rules,
  };
  await apply([
    { apiVersion: "flowcontrol.apiserver.k8s.io/v1", kind: "FlowSchema", metadata: { name: schema }, spec },
  ]);
}

export async function stopCountingApiCalls(): Promise<void> {
  await mustKubectl(["delete", "flowschema", schema, "--ignore-not-found"]);
}

export async function cost(): Promise<Cost> {
  const [queries, apiCalls, own] = await Promise.all([queriesSoFar(), apiCallsSoFar(), controllersMetrics()]);
  return {
    at: Date.now(),
    queries,
    apiCalls,
    cpuSeconds: sumOf(own, "process_cpu_seconds_total"),
    residentMiB: sumOf(own, "process_resident_memory_bytes") / 2 ** 20,
  };
}

/** Instant queries that Prometheus has answered or refused, by its own count. */
export async function queriesSoFar(): Promise<number> {
  const text = await textAt(`${await prometheusUrl()}/metrics`);
  return sumOf(text, "prometheus_http_requests_total", 'handler="/api/v1/query"');
}

/** The expositions of the controller's pods, one after the other. */
export async function controllersMetrics(): Promise<string> {
  const selector = ["-l", "app.kubernetes.io/name=kubectl-canary"];
  const { items } = await getJson<{ items: Pod[] }>(["pods", "-n", "kubectl-canary", ...selector]);
  const pods = items.filter(({ metadata }) => !metadata.deletionTimestamp);
  const texts = await Promise.all(pods.map(({ status }) => textAt(`http://${status.podIP}:8080/metrics`)));
  return texts.join("\n");
}

export function sumOf(text: string, name: string, label = ""): number {
  const rows = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return rows
    .filter((line) => line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

async function apiCallsSoFar(): Promise<number> {
  const text = await mustKubectl(["get", "--raw", "/metrics"]);
  return sumOf(text, "apiserver_flowcontrol_dispatched_requests_total", `flow_schema="${schema}"`);
}

async function textAt(url: string): Promise<string> {
  return (await fetch(url)).text();
}

/**
 * The metrics API that a HorizontalPodAutoscaler asks, served from this machine: a pod's memory, in Mi, is the requests per second that its
 * proxy has counted. Not its CPU: of that Kubernetes believes nothing in a pod's first minutes.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { issueAuthority, issueServing } from "../../webhook/certificates/issue.ts";
import { apply, mustKubectl } from "../cluster/client.ts";
import { network } from "../cluster/layout.ts";
import { unmet, waitFor } from "../cluster/wait.ts";

const version = "v1beta1";
const group = "metrics.k8s.io";
const name = "metrics-api";
const place = "kube-system";

export interface MetricsApi {
  /** Before the server goes: an API that does not answer holds up every deletion of a namespace. */
  stop(): Promise<void>;
}

export async function serveMetrics(): Promise<MetricsApi> {
  const validity = { now: Date.now(), lifetimeMs: 86_400_000 };
  const serving = await issueServing(await issueAuthority(name, validity), [`${name}.${place}.svc`], validity);
  const server: Server = createServer(serving, (asked, answer) => {
    void respond(new URL(asked.url ?? "/", "https://metrics")).then(
      (body) => answer.setHeader("content-type", "application/json").end(JSON.stringify(body)),
      (error: unknown) => answer.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, network.nodeAddress);
  await once(server, "listening");
  await apply(objects((server.address() as AddressInfo).port));
  await waitFor(isServed, 60_000, "the metrics API", 500);
  return {
    stop: async () => {
      await mustKubectl(["delete", "apiservice", `${version}.${group}`, "--wait"]);
      await mustKubectl(["-n", place, "delete", `service/${name}`, `endpointslice/${name}`]);
      server.closeAllConnections();
      server.close();
    },
  };
}

// --- internal ---

async function isServed(): Promise<true | ReturnType<typeof unmet>> {
  const path = `jsonpath={.status.conditions[?(@.type=="Available")]}`;
  const said = await mustKubectl(["get", "apiservice", `${version}.${group}`, "-o", path]);
  return said.includes('"status":"True"') || unmet(said);
}

function objects(port: number): object[] {
  const metadata = { name, namespace: place };
  const ports = [{ name: "https", port: 443, targetPort: port }];
  return [
    { apiVersion: "v1", kind: "Service", metadata, spec: { ports } },
    {
      ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4" },
      metadata: { ...metadata, labels: { "kubernetes.io/service-name": name } },
      endpoints: [{ addresses: [network.nodeAddress], conditions: { ready: true } }],
      ports: [{ name: "https", port }],
    },
    {
      ...{ apiVersion: "apiregistration.k8s.io/v1", kind: "APIService", metadata: { name: `${version}.${group}` } },
      spec: {
        ...{ group, version, groupPriorityMinimum: 100, versionPriority: 100 },
        ...{ insecureSkipTLSVerify: true, service: { name, namespace: place } },
      },
    },
  ];
}

async function respond({ pathname, searchParams }: URL): Promise<object> {
  const namespace = /\/namespaces\/([^/]+)\/pods$/.exec(pathname)?.[1];
  if (namespace === undefined) return resources;
  const app = /(?:^|,)app=([^,]+)/.exec(searchParams.get("labelSelector") ?? "")?.[1] ?? "";
  return podMetrics(namespace, await requestRates(namespace, app));
}

const resources = {
  ...{ kind: "APIResourceList", apiVersion: "v1", groupVersion: `${group}/${version}` },
  resources: [{ name: "pods", singularName: "", namespaced: true, kind: "PodMetrics", verbs: ["get", "list"] }],
};

function podMetrics(namespace: string, rates: readonly [string, number][]): object {
  const timestamp = new Date().toISOString();
  const items = rates.map(([pod, rate]) => ({
    metadata: { name: pod, namespace },
    ...{ timestamp, window: "10s" },
    containers: [{ name: "podinfod", usage: { cpu: "0", memory: `${Math.round(rate * 1_024)}Ki` } }],
  }));
  return { kind: "PodMetricsList", apiVersion: `${group}/${version}`, metadata: {}, items };
}

interface Answer {
  data: { result: { metric: { pod: string }; value: [number, string] }[] };
}

async function requestRates(namespace: string, app: string): Promise<[string, number][]> {
  const series = `request_total{namespace="${namespace}",app="${app}",direction="inbound"}`;
  const query = encodeURIComponent(`sum by (pod) (rate(${series}[10s]))`);
  const path = `/api/v1/namespaces/linkerd-viz/services/prometheus:9090/proxy/api/v1/query?query=${query}`;
  const { data } = JSON.parse(await mustKubectl(["get", "--raw", path])) as Answer;
  return data.result.map(({ metric, value }) => [metric.pod, Number(value[1])]);
}

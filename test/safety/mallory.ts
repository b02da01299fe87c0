/** A tenant who may write in one namespace, and a pod without any rights: what they try against everybody else's canaries. */
import { request } from "node:https";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { V1Deployment, V1MutatingWebhookConfiguration } from "@kubernetes/client-node";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { label } from "../../shared/core/objects/names.ts";
import { resource, type Resource } from "../../shared/kube/resources.ts";

const namespace = "mallory";
const atOnce = 2;
const long = "p".repeat(200_000);

/** What may be done in `namespace`, and nothing else anywhere. */
export async function createMallory(cluster: Cluster): Promise<string> {
  const apiGroup = "rbac.authorization.k8s.io";
  const subject = { kind: "ServiceAccount", name: namespace, namespace };
  await cluster.create(resource.namespaces, { metadata: { name: namespace } });
  await cluster.create(resource.serviceAccounts, { metadata: { name: namespace, namespace } });
  const rules = [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }];
  await cluster.create(resource.roles, { metadata: { name: namespace, namespace }, rules });
  await cluster.create(resource.roleBindings, {
    metadata: { name: namespace, namespace },
    roleRef: { apiGroup, kind: "Role", name: namespace },
    subjects: [subject],
  });
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${namespace}/token`;
  const asked = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 7_200 } };
  return ((await cluster.raw("POST", path, asked)) as { status: { token: string } }).status.token;
}

export interface Mallory {
  /** As the tenant. */
  cluster: Cluster;
  /** Where reviews are answered. */
  webhooks: string[];
  /** Name of somebody else's namespace. */
  victim: string;
  /** Address of a Prometheus that lies, see {@link startLiar}. */
  liar: string;
  random: () => number;
}

/** How often each act was tried, how often it was let, and what the last refusal was. */
export type Counts = Map<string, Count>;

interface Count {
  tried: number;
  let: number;
  why?: string;
}

/** Goes on until `ending`. Refusals are what it expects. */
export async function attack(mallory: Mallory, ending: AbortSignal): Promise<Counts> {
  const counts: Counts = new Map();
  let turn = 0;
  const acts = actsOf(mallory);
  const names = Object.keys(acts);
  const worker = async (): Promise<void> => {
    while (!ending.aborted) {
      const name = names[Math.floor(mallory.random() * names.length)] ?? "";
      const count: Count = counts.get(name) ?? { tried: 0, let: 0 };
      counts.set(name, count);
      count.tried += 1;
      turn += 1;
      await acts[name]?.(`x${turn}`).then(
        () => (count.let += 1),
        (error: unknown) => (count.why = String(error).slice(0, 200)),
      );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return counts;
}

/** Answers never, with nonsense, with far too much, or with somebody else's address. */
export function startLiar(): Promise<Server> {
  const answers = [
    (): undefined => undefined,
    (response: ServerResponse) => response.end("no JSON"),
    (response: ServerResponse) => response.end("9".repeat(11_000_000)),
    (response: ServerResponse) => response.writeHead(302, { location: "http://169.254.169.254/" }).end(),
  ];
  let count = 0;
  const server = createServer((asked, response) => {
    asked.resume();
    count += 1;
    answers[count % answers.length]?.(response);
  });
  return new Promise((resolve) => void server.listen(0, "127.0.0.1", () => resolve(server)));
}

// --- internal ---

type Act = (name: string) => Promise<unknown>;

function actsOf(mallory: Mallory): Record<string, Act> {
  return { ...objectsOfOurs(mallory), ...runsOfOurs(mallory), ...objectsOfKubernetes(mallory), ...posts(mallory) };
}

/** Canaries that are let, and then do what they can: runs that ask a liar, change all the time, and lose what they rest on. */
function runsOfOurs({ cluster, liar, random }: Mallory): Record<string, Act> {
  const some = async <T extends { metadata?: { name?: string } }>(of: Resource): Promise<string> => {
    const { items } = await cluster.list<T>(of, { namespace });
    return items[Math.floor(random() * items.length)]?.metadata?.name ?? "";
  };
  const patch = async (of: Resource, body: object): Promise<unknown> =>
    cluster.patch(of, { namespace, name: await some(of) }, { type: "merge", body });
  const image = (): object => ({
    template: { spec: { containers: [{ name: "x", image: `nowhere/x:${Math.floor(random() * 1_000)}` }] } },
  });
  return {
    "Canary of a liar": async (name) => {
      await deploy(cluster, name, { app: name }, { replicas: 1 });
      await canary(cluster, name, {
        service: { port: 80 },
        metricsServer: liar,
        analysis: { ...analysis, metrics: [ownMetric("up")] },
      });
    },
    "a change of its own": () => patch(resource.deployments, { spec: image() }),
    "another answer each second": () =>
      patch(resource.canaries, { spec: { analysis: { metrics: [ownMetric(`x${random()}`)] } } }),
    "an end in mid-run": async () =>
      cluster.delete(resource.canaries, { namespace, name: await some(resource.canaries) }),
    "a Service without pods": () => patch(resource.services, { spec: { selector: { app: "nobody" } } }),
  };
}

const analysis = { interval: "1s", threshold: 3, stepWeight: 50 };

function ownMetric(query: string): object {
  return { name: "own", query, thresholdRange: { min: 0 }, interval: "1s" };
}

function canary(cluster: Cluster, name: string, spec: object): Promise<unknown> {
  const targetRef = { apiVersion: "apps/v1", kind: "Deployment", name };
  return cluster.create(resource.canaries, { metadata: { name, namespace }, spec: { targetRef, analysis, ...spec } });
}

function objectsOfOurs({ cluster, victim }: Mallory): Record<string, Act> {
  const metrics = (count: number): object[] =>
    Array.from({ length: count }, (_, index) => ({
      name: `m${index}`,
      templateRef: { name: `t${index}`, namespace: victim },
      thresholdRange: { min: 1 },
    }));
  return {
    "Canary without spec": (name) => cluster.create(resource.canaries, { metadata: { name, namespace } }),
    "Canary with a long address": (name) => canary(cluster, name, { metricsServer: `http://${long}` }),
    "Canary with slashes": (name) => canary(cluster, name, { metricsServer: `http://p${"/".repeat(2_000)}x` }),
    "Canary with many metrics": (name) => canary(cluster, name, { analysis: { ...analysis, metrics: metrics(5_000) } }),
    "Canary of another's templates": (name) =>
      canary(cluster, name, { analysis: { ...analysis, metrics: metrics(3) } }),
    "MetricTemplate of another's": (name) =>
      cluster.create(resource.metricTemplates, {
        metadata: { name, namespace },
        spec: { provider: { type: "prometheus", address: `http://${victim}.svc` }, query: "(".repeat(5_000) },
      }),
    "TrafficSplit of nonsense": (name) =>
      cluster.create(resource.trafficSplits, {
        metadata: { name, namespace, labels: { [label.canary]: name } },
        spec: { service: victim, backends: [{ service: "x'; $(reboot)", weight: -1 }] },
      }),
    "Canary in another namespace": (name) =>
      cluster.create(resource.canaries, {
        metadata: { name, namespace: victim },
        spec: { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name } },
      }),
    "another's weight": () =>
      cluster.patch(resource.trafficSplits, { name: "podinfo", namespace: victim }, { type: "merge", body: {} }),
  };
}

async function deploy(
  cluster: Cluster,
  name: string,
  labels: Record<string, string>,
  { image = "nowhere/x", replicas = 0 } = {},
): Promise<unknown> {
  const template = { metadata: { labels }, spec: { containers: [{ name: "x", image }] } };
  const spec = { replicas, selector: { matchLabels: labels }, template };
  return cluster.create<V1Deployment>(resource.deployments, { metadata: { name, namespace, labels }, spec });
}

function objectsOfKubernetes({ cluster, victim }: Mallory): Record<string, Act> {
  const ours = {
    [label.canary]: "podinfo",
    [label.managedBy]: "kubectl-canary",
    [label.target]: "forged",
    app: "podinfo",
  };
  return {
    "Deployment called flagger": (name) =>
      deploy(cluster, name, { app: name }, { image: "nowhere/flagger", replicas: 1 }),
    "Deployment with our marks": (name) => deploy(cluster, `${name}-canary`, { ...ours, app: name }),
    "Deployment by a choice": (name) =>
      cluster.create(resource.deployments, {
        metadata: { name, namespace },
        spec: {
          selector: { matchExpressions: [{ key: "app", operator: "In", values: [name, "y"] }] },
          template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "x", image: "x" }] } },
        },
      }),
    "Service with our marks": (name) =>
      cluster.create(resource.services, {
        metadata: { name: `${name}-primary`, namespace, labels: ours },
        spec: { selector: { app: "podinfo" }, ports: [{ port: 80 }] },
      }),
    "huge ConfigMap": (name) =>
      cluster.raw("POST", `/api/v1/namespaces/${namespace}/configmaps`, {
        metadata: { name, labels: ours },
        data: { long },
      }),
    "a sweep of what there is": () => sweep(cluster, [resource.deployments, resource.canaries, resource.services]),
    "another's Deployment": () => cluster.delete(resource.deployments, { name: "podinfo", namespace: victim }),
  };
}

/** Deletes half of its own things, so that names and caches churn. */
async function sweep(cluster: Cluster, kinds: Resource[]): Promise<void> {
  for (const of of kinds) {
    const { items } = await cluster.list<{ metadata: { name: string } }>(of, { namespace });
    for (const { metadata } of items.filter((_, index) => index % 2 === 0))
      await cluster.delete(of, { namespace, name: metadata.name }).catch(() => undefined);
  }
}

/** Straight to the webhook, as a pod that has no rights at the API server can. */
function posts({ webhooks, random }: Mallory): Record<string, Act> {
  const bodies: Record<string, () => string> = {
    "no JSON": () => "{",
    "an empty review": () => "{}",
    "a deep review": () => "[".repeat(100_000),
    "a huge review": () =>
      JSON.stringify({ request: { uid: "x", object: { spec: { metricsServer: "/".repeat(3_000_000) } } } }),
    "a body above the limit": () => "x".repeat(6_000_000),
  };
  const one = (body: string): Promise<unknown> => post(webhooks[Math.floor(random() * webhooks.length)] ?? "", body);
  return Object.fromEntries(Object.entries(bodies).map(([name, body]) => [`webhook: ${name}`, () => one(body())]));
}

function post(url: string, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(url, { method: "POST", headers, rejectUnauthorized: false, timeout: 10_000 }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode ?? 0));
    });
    sent.once("error", reject).once("timeout", () => sent.destroy(new Error("no answer")));
    sent.end(body);
  });
}

export async function webhooksOf(cluster: Cluster): Promise<string[]> {
  const { items } = await cluster.list<V1MutatingWebhookConfiguration>(resource.mutatingWebhookConfigurations);
  return items.flatMap(({ webhooks = [] }) => webhooks.flatMap(({ clientConfig }) => clientConfig.url ?? []));
}

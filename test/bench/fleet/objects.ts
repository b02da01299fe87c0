/** Objects without anybody who acts on them: what a large cluster has, as far as the controller can see. */
import { createHash } from "node:crypto";
import type { V1Deployment, V1Pod, V1ReplicaSet } from "@kubernetes/client-node";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { canary } from "../../load/fleet.ts";

/** As many at once as an API server on two cores takes without being slower for it. */
const atOnce = 24;

export async function forEach<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

export interface App {
  namespace: string;
  name: string;
}

/** Twenty namespaces. */
export function appsOf(count: number): App[] {
  return Array.from({ length: count }, (_, index) => ({
    namespace: `fleet-${index % 20}`,
    name: `app-${String(index).padStart(4, "0")}`,
  }));
}

export async function createNamespaces(cluster: Cluster, apps: readonly App[]): Promise<void> {
  for (const name of new Set(apps.map(({ namespace }) => namespace)))
    await cluster.create(resource.namespaces, { metadata: { name } });
}

/** A Deployment that says that it is rolled out, and `revisions` ReplicaSets, the newest of which has its pods. */
export async function createApp(cluster: Cluster, app: App, revisions: number): Promise<void> {
  const { namespace, name } = app;
  const spec = { replicas: 1, selector: { matchLabels: { app: name } }, template: templateOf(app, revisions) };
  const made = await cluster.create<V1Deployment>(resource.deployments, { metadata: { name, namespace }, spec });
  const counts = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
  await cluster.replace(resource.deployments, { ...made, status: counts }, { subresource: "status" });
  for (let revision = 1; revision <= revisions; revision += 1)
    await cluster.create(resource.replicaSets, replicaSetOf(made, app, { revision, isLast: revision === revisions }));
}

/** A Service and a Canary for it. */
export async function createCanary(cluster: Cluster, app: App): Promise<void> {
  const { namespace, name } = app;
  const spec = { selector: { app: name }, ports: [{ name: "http", port: 9898, targetPort: 9898 }] };
  await cluster.create(resource.services, { metadata: { name, namespace }, spec });
  await cluster.create<Canary>(resource.canaries, canary({ ...app, replicas: 1 }));
}

/** A pod of the app's newest ReplicaSet that is ready, as nothing but its labels and addresses tell. */
export async function createPod(cluster: Cluster, app: App, index: number, revision: number): Promise<void> {
  const labels = { app: app.name, "pod-template-hash": hashOf(app, revision) };
  const { spec } = templateOf(app, revision);
  const metadata = { name: `${app.name}-${hashOf(app, revision)}-${index}`, namespace: app.namespace, labels };
  const automountServiceAccountToken = false;
  const made = await cluster.create<V1Pod>(resource.pods, {
    metadata,
    spec: { ...spec, containers: spec?.containers ?? [], automountServiceAccountToken },
  });
  const at = new Date();
  const conditions = ["Ready", "ContainersReady"].map((type) => ({ type, status: "True", lastTransitionTime: at }));
  const status = { phase: "Running", podIP: `10.${(index >> 8) & 255}.${index & 255}.1`, conditions };
  await cluster.replace(resource.pods, { ...made, status }, { subresource: "status" });
}

// --- internal ---

function hashOf({ name }: App, revision: number): string {
  return createHash("sha256").update(`${name}-${revision}`).digest("hex").slice(0, 10);
}

/** As an ordinary chart has it: probes, resources, an environment of twenty variables. */
function templateOf({ name }: App, revision: number): NonNullable<V1Deployment["spec"]>["template"] {
  const env = Array.from({ length: 20 }, (_, index) => ({
    name: `SETTING_${index}`,
    value: `value-${index}-of-${name}`,
  }));
  const httpGet = { path: "/healthz", port: 9898 };
  const resources = { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } };
  const probes = { readinessProbe: { httpGet }, livenessProbe: { httpGet } };
  const ports = [{ name: "http", containerPort: 9898 }];
  const containers = [
    { name: "app", image: `registry.example.org/${name}:v${revision}`, env, ports, resources, ...probes },
  ];
  return { metadata: { labels: { app: name } }, spec: { containers } };
}

function replicaSetOf(owner: V1Deployment, app: App, at: { revision: number; isLast: boolean }): V1ReplicaSet {
  const hash = hashOf(app, at.revision);
  const labels = { app: app.name, "pod-template-hash": hash };
  const template = templateOf(app, at.revision);
  const { name = "", uid = "" } = owner.metadata ?? {};
  return {
    metadata: {
      name: `${app.name}-${hash}`,
      namespace: app.namespace,
      labels,
      annotations: { "deployment.kubernetes.io/revision": String(at.revision) },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name, uid, controller: true }],
    },
    spec: {
      replicas: at.isLast ? 1 : 0,
      selector: { matchLabels: labels },
      template: { ...template, metadata: { labels } },
    },
  };
}

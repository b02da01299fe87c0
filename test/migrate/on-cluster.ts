/** Puts what Flagger leaves into a real API server, and migrates it as the plugin does. */
import type { V1Deployment } from "@kubernetes/client-node";
import { migrate, type MigrateArgs } from "../../plugin/commands/migrate/migrate.ts";
import type { MigrationSeen } from "../../shared/core/migrate/seen.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { at, resource, type Resource } from "../../shared/kube/resources.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { aTerminal } from "../plugin/fixtures/terminal.ts";
import { leftByFlagger, type LeftOptions } from "./left.ts";

const splits = at(resource.trafficSplits, "v1alpha1");

/** Puts everything there as Flagger leaves it, and waits for the primary's pods. */
export async function leave(cluster: Cluster, options: LeftOptions): Promise<MigrationSeen> {
  const left = leftByFlagger(options);
  const { namespace = "" } = left.canary.metadata;
  const { status, ...canary } = left.canary;
  const { metadata } = await put(cluster, resource.canaries, canary);
  const at = { name: metadata.name ?? "", namespace, subresource: "status" };
  await cluster.patch(resource.canaries, at, { type: "merge", body: { status }, fieldManager: "flagger" });
  for (const [of, object] of objectsOf(left)) {
    const owned = JSON.stringify(object).replaceAll("canary-uid", metadata.uid ?? "");
    await put(cluster, of, JSON.parse(owned) as object);
  }
  await available(cluster, namespace, left.primary?.metadata?.name ?? "");
  return left;
}

/** In the order in which they can be made. */
function objectsOf({ configs, target, primary, services, routes, scalers }: MigrationSeen): [Resource, object][] {
  const all: [Resource, readonly (object | null)[]][] = [
    [resource.configMaps, configs.filter(({ kind }) => kind === "ConfigMap")],
    [resource.secrets, configs.filter(({ kind }) => kind === "Secret")],
    [resource.deployments, [target, primary]],
    [resource.services, services],
    [splits, routes.filter(({ kind }) => kind === "TrafficSplit")],
    [resource.httpRoutes, routes.filter(({ kind }) => kind === "HTTPRoute")],
    [resource.horizontalPodAutoscalers, scalers],
  ];
  return all.flatMap(([of, objects]) => objects.flatMap((one): [Resource, object][] => (one ? [[of, one]] : [])));
}

function put<T extends { metadata?: object }>(cluster: Cluster, of: Resource, object: T): Promise<T> {
  const { resourceVersion: _, uid: __, ...metadata } = { ...object.metadata } as Record<string, unknown>;
  return cluster.create<T>(of, { ...object, metadata }, { fieldManager: "flagger" });
}

function available(cluster: Cluster, namespace: string, name: string): Promise<true> {
  return waitFor(
    async () => {
      const { spec, status } = await cluster.get<V1Deployment>(resource.deployments, { name, namespace });
      return status?.availableReplicas === spec?.replicas || unmet(`${status?.availableReplicas} available`);
    },
    60_000,
    `${name} in ${namespace}`,
  );
}

const args: MigrateArgs = { name: "podinfo", allNamespaces: false, dryRun: false, back: false, timeoutMs: 60_000 };

/** The plugin's `migrate` in this process; `over` is what the command line says beside the name podinfo. */
export async function migrateIn(cluster: Cluster, namespace: string, over: Partial<MigrateArgs> = {}) {
  const io = aTerminal({ now: () => Date.now() });
  const deps = { ...io, cluster, signal: new AbortController().signal };
  const scope = { namespace, clusterFlags: "", controllerNamespace: "kubectl-canary" };
  const code = await migrate({ ...args, ...over }, deps, scope);
  return { code, out: io.out(), err: io.err() };
}

/** `count` Canaries as Flagger leaves them, in a new namespace and taken over by one command: what it printed, and the Deployments left. */
export async function migrateMany(
  cluster: Cluster,
  namespace: string,
  count: number,
): Promise<{ code: number; lines: string[]; names: string[]; left: string[] }> {
  await cluster.create(resource.namespaces, { metadata: { name: namespace } });
  const names = Array.from({ length: count }, (_, index) => `shop-${String(index + 1).padStart(2, "0")}`);
  await Promise.all(
    names.map((name) => leave(cluster, { name, namespace, replicas: 1, provider: "gatewayapi:v1", ownApex: true })),
  );
  const { code, out } = await migrateIn(cluster, namespace, { name: undefined });
  const { items } = await cluster.list<V1Deployment>(resource.deployments, { namespace });
  const lines = out.trim().split("\n");
  return { code, lines, names, left: items.map(({ metadata }) => metadata?.name ?? "").sort() };
}

/** What one command for `count` Canaries says on stdout, whichever ends first. */
export const migratedLines = (count: number): string[] => [
  ...Array.from({ length: count }, (_, index) => `[${index + 1}/${count}] NAME: migrated`),
  `${count} Canaries: ${count} migrated, 0 had nothing to do, 0 refused.`,
];

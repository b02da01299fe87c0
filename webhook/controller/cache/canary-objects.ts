import type { V1ServicePort, V1Deployment, V1Service } from "@kubernetes/client-node";
import type { RouteObject } from "../../../shared/core/routes/routes.ts";
import { apexOf, isWithoutService, type Canary, type ServiceSpec } from "../../../shared/core/objects/canary.ts";
import { type Served, type ServedRoutes, chooseRoute } from "../objects/route-choice.ts";
import { indexes, type Caches } from "./caches.ts";
import { isOurApex } from "../../../shared/core/objects/ownership.ts";
import { discoveredPorts, leafPorts } from "../../../shared/core/objects/workload.ts";
import { canaryName } from "../../../shared/core/objects/names.ts";
import type { SeenObjects } from "../../../shared/core/preconditions/finding.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";

/** The objects behind an observation, for whoever performs the decision's actions. */
export interface CanaryObjects {
  canary: Canary;
  namespace: string;
  targetName: string;
  apexName: string;
  port: number;
  ports: V1ServicePort[];
  /** Until then stable's leaf keeps its own, see `stablePorts`. Undefined: they are as they have been. */
  portsSettleInMs?: number;
  target?: V1Deployment;
  /** What stable's pods carry, while it has any. */
  stableLabels?: Readonly<Record<string, string>>;
  workload?: V1Deployment;
  apex?: V1Service;
  served?: Served;
  routeWhy: string;
  route?: RouteObject;
}

export function routeCache(world: Caches, served: Served): Caches["splits"] {
  return served.router.kind === "TrafficSplit" ? world.splits : world.httpRoutes;
}

export function portsOf(
  canary: Canary,
  { apex, target }: { apex: V1Service | undefined; target: V1Deployment | undefined },
): { port: number; ports: V1ServicePort[] } {
  const { service } = canary.spec;
  if (apex && !isOurApex(canary, apex)) {
    const ports = leafPorts(apex);
    return { port: service?.port ?? ports[0]?.port ?? 0, ports };
  }
  const made = madePort({ port: 0, ...service });
  return { port: made.port, ports: [made, ...(service?.portDiscovery && target ? discoveredPorts(target, made) : [])] };
}

function madePort({ port, portName, targetPort, appProtocol }: ServiceSpec): V1ServicePort {
  const named = { name: portName || "http", port, protocol: "TCP", targetPort: targetPort || port };
  return { ...named, ...(appProtocol ? { appProtocol } : {}) };
}

export type Defined<T> = {
  [K in keyof T]?: Exclude<T[K], undefined>;
};

export function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}

export interface ObjectDeps {
  world: Caches;
  routes: ServedRoutes;
  /** The controller's `provider` setting. */
  provider: string;
  /** Namespaces whose MetricTemplates every Canary may name. */
  templateNamespaces: readonly string[];
  /** Which hosts a Canary's webhooks may name beside Services of its namespace. */
  hookAddresses: readonly string[];
  /** The controller's own Prometheus, and which others may be asked beside Services of a namespace. */
  metricServers: NonNullable<SeenObjects["metricServers"]>;
  /** Namespaces where the webhook is not asked. */
  excludedNamespaces: readonly string[];
  /** A route of ours may have other parents than Services of the Canary's namespace. */
  allowGateways: boolean;
  /** Where ConfigMaps and Secrets may be read to track them. */
  configNamespaces?: readonly string[];
  /** What the chart lets AlertProviders do. */
  alertBounds: NonNullable<SeenObjects["alerts"]>;
}

/** The objects as the caches have them. */
export function objectsOf(deps: ObjectDeps, canary: Canary): CanaryObjects {
  const { world } = deps;
  const namespace = canary.metadata.namespace ?? "";
  const targetName = canary.spec.targetRef.name;
  const apexName = apexOf(canary);
  const target = world.deployments.get(namespace, targetName);
  const hasService = !isWithoutService(canary);
  const apex = hasService ? world.services.get(namespace, apexName) : undefined;
  const choice = hasService ? chooseRoute(canary, deps.provider, deps.routes) : { problem: "" };
  const served = "served" in choice ? choice.served : undefined;
  return {
    canary,
    namespace,
    targetName,
    apexName,
    ...portsOf(canary, { apex, target }),
    ...defined({
      target,
      stableLabels: target && stableLabelsOf(world, canary, target),
      workload: world.deployments.get(namespace, canaryName(targetName)),
      apex,
      served,
      route: served && routeCache(world, served).get(namespace, apexName),
    }),
    routeWhy: "why" in choice ? choice.why : "",
  };
}

function stableLabelsOf(world: Caches, { status }: Canary, target: V1Deployment): CanaryObjects["stableLabels"] {
  const hash = status?.stable?.podTemplateHash;
  const revisions = world.revisions.byIndex(indexes.owner, target.metadata?.uid ?? "");
  return revisions.find(({ version }) => version.podTemplateHash === hash)?.labels;
}

export interface WriteDeps {
  cluster: Cluster;
  world: Caches;
  now(): number;
}

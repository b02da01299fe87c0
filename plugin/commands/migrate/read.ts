/** Reads what a migration looks at. What may not be read ends it with the permission that is missing. */
import type { V1ConfigMap, V1Deployment, V1ObjectMeta, V1Pod, V1Secret, V1Service } from "@kubernetes/client-node";
import { type Canary, apexOf, withSpec } from "../../../shared/core/objects/canary.ts";
import { isFlagger } from "../../../shared/core/objects/eligibility.ts";
import { canaryName, primaryLeaf, primaryName } from "../../../shared/core/objects/names.ts";
import { optional } from "../../../shared/core/format/compact.ts";
import { configsToRead } from "../../../shared/core/migrate/left-by-flagger.ts";
import type { ConfigObject, MigrationSeen, Scaler } from "../../../shared/core/migrate/seen.ts";
import { floorKeptMs } from "../../../shared/core/turn/floor.ts";
import type { NetworkPolicy } from "../../../shared/core/selectors/network-policy.ts";
import type { RouteObject } from "../../../shared/core/routes/routes.ts";
import type { Cluster, Place } from "../../../shared/kube/cluster.ts";
import { hasCode, isAbsent } from "../../../shared/kube/errors.ts";
import { at, resource, type Resource } from "../../../shared/kube/resources.ts";
import type { Deps } from "../../context.ts";
import { Refusal } from "../../errors.ts";
import { readPolicies } from "../doctor/policies.ts";
import { readerOf } from "../doctor/reader.ts";

/**
 * Flagger's controllers at work in the whole cluster, as they were at most {@link flaggersFreshMs} ago; undefined where that may not be
 * asked. Many Canaries take a while, and one answer serves all that move at a time.
 */
export function flaggersLately({
  cluster,
  timers,
}: Pick<Deps, "cluster" | "timers">): () => Promise<V1Deployment[] | undefined> {
  let last: { at: number; flaggers: Promise<V1Deployment[] | undefined> } | undefined;
  return () => {
    const now = timers.now();
    if (!last || now - last.at >= flaggersFreshMs) {
      const flaggers = readFlaggers(cluster);
      const asked = { at: now, flaggers };
      last = asked;
      flaggers.catch(() => {
        if (last === asked) last = undefined;
      });
    }
    return last.flaggers;
  };
}

/** Who may reach the namespace's pods, and whom they may reach. `say` is told what could not be looked at. */
export async function readGuards(
  cluster: Cluster,
  namespace: string,
  say: (line: string) => void,
): Promise<Pick<MigrationSeen, "networkPolicies" | "inboundPolicies">> {
  const reader = readerOf(cluster);
  const [networkPolicies, pods] = await Promise.all([
    reader.list<NetworkPolicy>(resource.networkPolicies, { namespace }),
    reader.list<V1Pod>(resource.pods, { namespace }),
  ]);
  const inboundPolicies = await readPolicies(reader, { namespace, pods: pods ?? undefined });
  for (const sentence of reader.unread) say(`not looked at: ${sentence}`);
  return { networkPolicies: networkPolicies ?? undefined, inboundPolicies };
}

/** Everything of one Canary but what only the caller knows. */
export async function readMigration(
  { cluster, now }: Pick<Deps, "cluster" | "now">,
  place: { name: string; namespace: string },
): Promise<Omit<MigrationSeen, "flaggers" | "quietMs">> {
  const { namespace } = place;
  const canary = withSpec(await cluster.get<Canary>(resource.canaries, place));
  const { name } = canary.spec.targetRef;
  if (name === "")
    throw new Refusal(`Canary ${place.name} names no target (spec.targetRef.name): nothing can be moved.`);
  const apex = { namespace, name: apexOf(canary) };
  const [target, primary, workload, services, routes, scalers] = await Promise.all([
    find<V1Deployment>(cluster, resource.deployments, { namespace, name }),
    find<V1Deployment>(cluster, resource.deployments, { namespace, name: primaryName(name) }),
    find<V1Deployment>(cluster, resource.deployments, { namespace, name: canaryName(name) }),
    listOf<V1Service>(cluster, resource.services, namespace),
    readRoutes(cluster, apex),
    readScalers(cluster, namespace),
  ]);
  const configs = await readConfigs(cluster, namespace, { target, primary });
  const primaryPods = await countPods(cluster, namespace, primaryName(name));
  const leaf = services.find(({ metadata }) => metadata?.name === primaryLeaf(apex.name));
  const flaggerWrote = { ...optional("status", ageOf(canary, now())), ...optional("leaf", leaf && ageOf(leaf, now())) };
  const floorTimes = floorTimesAt(now());
  return {
    canary,
    target,
    primary,
    workload,
    services,
    routes,
    scalers,
    configs,
    primaryPods,
    flaggerWrote,
    floorTimes,
  };
}

// --- internal ---

/** All Deployments of the cluster are a large answer; Flagger takes longer to begin. */
const flaggersFreshMs = 10_000;

async function readFlaggers(cluster: Cluster): Promise<V1Deployment[] | undefined> {
  try {
    const { items } = await cluster.list<V1Deployment>(resource.deployments);
    return items.filter(isFlagger);
  } catch (error) {
    if (hasCode(error, "Forbidden")) return undefined;
    throw error;
  }
}

/** A floor is written before the pods are there: with a minute less it holds long enough after the traffic has come. */
function floorTimesAt(now: number): MigrationSeen["floorTimes"] & object {
  const iso = (time: number): string => new Date(time).toISOString();
  return { until: iso(now + floorKeptMs), atLeast: iso(now + floorKeptMs - 60_000) };
}

/** ms since Flagger's last write, by the object's managedFields. */
function ageOf({ metadata }: { metadata?: V1ObjectMeta }, now: number): number | undefined {
  const times = (metadata?.managedFields ?? []).flatMap(({ manager, time }) =>
    manager === "flagger" && time !== undefined ? [new Date(time).getTime()] : [],
  );
  return times.length === 0 ? undefined : Math.max(0, now - Math.max(...times));
}

async function find<T>(cluster: Cluster, of: Resource, place: Place): Promise<T | null> {
  try {
    return await cluster.get<T>(of, place);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** None where the API server does not serve the kind. */
async function listOf<T>(cluster: Cluster, of: Resource, namespace: string): Promise<T[]> {
  try {
    return (await cluster.list<T>(of, { namespace })).items;
  } catch (error) {
    if (await isUnserved(cluster, of, error)) return [];
    throw error;
  }
}

/** RBAC answers before the API server says that there is no such kind: where a read is forbidden, discovery is asked. */
async function isUnserved(cluster: Cluster, { group, version, plural }: Resource, error: unknown): Promise<boolean> {
  if (!hasCode(error, "Forbidden") || group === "") return hasCode(error, "NoSuchKind");
  try {
    const found = (await cluster.raw("GET", `/apis/${group}/${version}`)) as { resources?: { name: string }[] };
    return found.resources?.every(({ name }) => name !== plural) ?? false;
  } catch (missing) {
    return isAbsent(missing);
  }
}

/** In the version that Flagger writes, where that is served. */
const versions: readonly Resource[][] = [
  ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"].map((version) => at(resource.trafficSplits, version)),
  ["v1", "v1beta1"].map((version) => at(resource.httpRoutes, version)),
];

async function readRoutes(cluster: Cluster, place: Place): Promise<RouteObject[]> {
  const found = await Promise.all(versions.map((kinds) => firstServed(cluster, kinds, place)));
  return found.flatMap((route) => route ?? []);
}

async function firstServed(cluster: Cluster, kinds: readonly Resource[], place: Place): Promise<RouteObject | null> {
  for (const of of kinds)
    try {
      return await cluster.get<RouteObject>(of, place);
    } catch (error) {
      if (hasCode(error, "NotFound")) return null;
      if (!(await isUnserved(cluster, of, error))) throw error;
    }
  return null;
}

async function readScalers(cluster: Cluster, namespace: string): Promise<Scaler[]> {
  const [autoscalers, scaled] = await Promise.all([
    listOf<Omit<Scaler, "kind">>(cluster, resource.horizontalPodAutoscalers, namespace),
    listOf<Omit<Scaler, "kind">>(cluster, resource.scaledObjects, namespace),
  ]);
  return [
    ...autoscalers.map((one) => ({ ...one, kind: "HorizontalPodAutoscaler" as const })),
    ...scaled.map((one) => ({ ...one, kind: "ScaledObject" as const })),
  ];
}

async function readConfigs(
  cluster: Cluster,
  namespace: string,
  seen: Pick<MigrationSeen, "target" | "primary">,
): Promise<ConfigObject[]> {
  const found = await Promise.all(
    configsToRead(seen).map(async ({ kind, name }): Promise<ConfigObject[]> => {
      const of = kind === "Secret" ? resource.secrets : resource.configMaps;
      const object = await find<V1ConfigMap & V1Secret>(cluster, of, { namespace, name });
      return object ? [{ ...object, kind }] : [];
    }),
  );
  return found.flat();
}

/** By the name that Kubernetes gives a Deployment's pods: the Deployment may be gone before them. */
async function countPods(cluster: Cluster, namespace: string, deployment: string): Promise<number> {
  const pods = await listOf<V1Pod>(cluster, resource.pods, namespace);
  return pods.filter(({ metadata, status }) => {
    const owner = metadata?.ownerReferences?.find(({ kind }) => kind === "ReplicaSet")?.name ?? "";
    const isOver = status?.phase === "Succeeded" || status?.phase === "Failed";
    return owner.slice(0, owner.lastIndexOf("-")) === deployment && !isOver;
  }).length;
}

/** Reads what the doctor looks at, side by side: what a namespace holds, and what the installation consists of. */
import type { V1Deployment, V1Pod, V1ReplicaSet, V1Service, V2HorizontalPodAutoscaler } from "@kubernetes/client-node";
import type { AlertProvider } from "../../../shared/core/objects/alerts/alert-provider.ts";
import { type Canary, apexOf, referredNamespace } from "../../../shared/core/objects/canary.ts";
import type { MetricTemplate } from "../../../shared/core/queries/query-template.ts";
import { canaryName } from "../../../shared/core/objects/names.ts";
import type { RouteObject } from "../../../shared/core/routes/routes.ts";
import type { Known } from "../../../shared/core/preconditions/finding.ts";
import type { ServiceProfile } from "../../../shared/service-profile.ts";
import { at, resource, type Resource } from "../../../shared/kube/resources.ts";
import type { Deps, Scope } from "../../context.ts";
import { oldest } from "../../cluster/find-canary.ts";
import type { Session } from "../../cluster/session.ts";
import { clientVersion } from "../../build-info.ts";
import { type Facts, nameOf } from "./facts.ts";
import { type Installation, readInstallation } from "./installation.ts";
import { readPolicies, readSelecting } from "./policies.ts";
import { type Reader, readerOf } from "./reader.ts";

export interface Survey extends Installation {
  scope: Scope;
  canaries: readonly Canary[] | null | undefined;
  deployments: readonly V1Deployment[] | undefined;
  replicaSets: readonly V1ReplicaSet[] | undefined;
  pods: readonly V1Pod[] | undefined;
  services: readonly V1Service[] | undefined;
  autoscalers: readonly V2HorizontalPodAutoscaler[] | undefined;
  routes: readonly RouteObject[] | undefined;
  servedRoutes: readonly string[] | undefined;
  /** Undefined where the cluster has none, or they may not be read. */
  serviceProfiles: readonly ServiceProfile[] | undefined;
  policies: Facts["policies"];
  selecting: Facts["selecting"];
  /** By `namespace/name`; undefined where some may not be read. */
  templates: Facts["templates"];
  alertProviders: Facts["alertProviders"];
  /** Sentences about what could not be read. */
  unread: string[];
}

export async function survey(deps: Deps, scope: Scope, forward?: Session["forward"]): Promise<Survey> {
  const reader = readerOf(deps.cluster);
  const { namespace } = scope;
  const list = async <T>(r: Resource): Promise<T[] | undefined> =>
    (await reader.list<T>(r, { namespace })) ?? undefined;
  const [installation, canaries, routes, deployments, replicaSets, pods, services, autoscalers, serviceProfiles] =
    await Promise.all([
      readInstallation(reader, { deps, scope }, forward),
      reader.list<Canary>(resource.canaries, { namespace }),
      readRoutes(reader, deps, namespace),
      list<V1Deployment>(resource.deployments),
      list<V1ReplicaSet>(resource.replicaSets),
      list<V1Pod>(resource.pods),
      list<V1Service>(resource.services),
      list<V2HorizontalPodAutoscaler>(resource.horizontalPodAutoscalers),
      list<ServiceProfile>(resource.serviceProfiles),
    ]);
  const hasPolicies = (await groupOf(deps.cluster, resource.linkerdServers.group)).versions !== undefined;
  const from = { reader, namespace };
  const all = canaries ?? [];
  const [templates, alertProviders, policies, selecting] = await Promise.all([
    readNamed<MetricTemplate>(from, resource.metricTemplates, all.flatMap(templatesOf)),
    readNamed<AlertProvider>(from, resource.alertProviders, all.flatMap(providersOf)),
    hasPolicies ? readPolicies(reader, { namespace, pods }) : undefined,
    readSelecting(reader, namespace),
  ]);
  return {
    ...installation,
    ...routes,
    scope,
    canaries,
    deployments,
    replicaSets,
    pods,
    services,
    autoscalers,
    serviceProfiles,
    templates,
    policies,
    selecting,
    alertProviders,
    unread: [...reader.unread],
  };
}

/** Of one Deployment. */
export function factsOf(seen: Survey, targetName: string): Facts {
  const its = seen.canaries?.filter(({ spec }) => spec.targetRef.name === targetName);
  // Without the CRD there is no Canary to miss.
  const canary = its && (oldest(its) ?? null);
  const apexName = canary ? apexOf(canary) : targetName;
  const { installed, ...rest } = seen;
  return {
    ...rest,
    ...installed,
    clientVersion: clientVersion().version,
    targetName,
    apexName,
    canary,
    rivals: its?.filter((other) => other !== canary),
    target: named(seen.deployments, targetName),
    workload: named(seen.deployments, canaryName(targetName)),
    route: routeOf(seen, canary, apexName),
    serviceProfiles: seen.serviceProfiles?.filter((profile) =>
      nameOf(profile).startsWith(`${apexName}.${seen.scope.namespace}.svc`),
    ),
  };
}

// --- internal ---

function named<T extends { metadata?: { name?: string } }>(objects: readonly T[] | undefined, name: string): Known<T> {
  return objects && (objects.find((object) => nameOf(object) === name) ?? null);
}

function routeOf({ routes }: Survey, canary: Known<Canary>, apex: string): Known<RouteObject> {
  const kind = canary?.status?.route?.kind;
  return routes && (routes.find((route) => route.kind === kind && route.metadata.name === apex) ?? null);
}

/** In the newest version that the API server serves, for each kind that it serves. */
async function readRoutes(
  reader: Reader,
  { cluster }: Deps,
  namespace: string,
): Promise<Pick<Survey, "routes" | "servedRoutes">> {
  const kinds = [resource.trafficSplits, resource.httpRoutes];
  const found = await Promise.all(
    kinds.map(async (r) => {
      const { versions = [] } = await groupOf(cluster, r.group);
      const version = versions[0]?.version;
      return version
        ? { kind: r.kind, routes: await reader.list<RouteObject>(at(r, version), { namespace }) }
        : undefined;
    }),
  );
  const served = found.flatMap((entry) => (entry?.routes === null || !entry ? [] : [entry]));
  const isUnread = served.some(({ routes }) => routes === undefined);
  return {
    servedRoutes: served.map((entry) => entry.kind),
    routes: isUnread ? undefined : served.flatMap(({ routes }) => routes ?? []),
  };
}

async function groupOf(cluster: Deps["cluster"], group: string): Promise<{ versions?: { version: string }[] }> {
  const answer = (await cluster.raw("GET", "/apis")) as {
    groups?: { name: string; versions: { version: string }[] }[];
  };
  return answer.groups?.find(({ name }) => name === group) ?? {};
}

interface Reference {
  name: string;
  namespace?: string;
}

const templatesOf = ({ spec }: Canary): Reference[] =>
  (spec.analysis.metrics ?? []).flatMap(({ templateRef }) => templateRef ?? []);

const providersOf = ({ spec }: Canary): Reference[] =>
  (spec.analysis.alerts ?? []).flatMap(({ providerRef }) => providerRef ?? []);

/** Every object of the namespaces that `references` name, by `namespace/name`; undefined where some may not be read. */
async function readNamed<T extends { metadata?: { name?: string } }>(
  { reader, namespace }: { reader: Reader; namespace: string },
  of: Resource,
  references: readonly Reference[],
): Promise<Map<string, T> | undefined> {
  const namespaces = [...new Set(references.map((reference) => referredNamespace(reference, namespace)))];
  const lists = await Promise.all(namespaces.map(async (one) => reader.list<T>(of, { namespace: one })));
  if (lists.includes(undefined)) return undefined;
  const keyed = lists.flatMap((list, index) =>
    (list ?? []).map((object) => [`${namespaces[index]}/${nameOf(object)}`, object] as const),
  );
  return new Map(keyed);
}

/**
 * The two ways in which Linkerd splits traffic, behind one small interface: SMI TrafficSplit and Gateway API HTTPRoute with
 * a Service parent. Pure: an object in, an object or what it means out.
 */
import type { V1ObjectMeta } from "@kubernetes/client-node";
import type { GatewayRef } from "./canary.ts";
import { annotation, canaryName, kind, label, manager, primaryName } from "./names.ts";

export interface RouteObject {
  apiVersion: string;
  kind: string;
  metadata: V1ObjectMeta;
  spec: Record<string, unknown>;
  status?: Record<string, unknown>;
}

export interface RouteContext {
  canary: string;
  namespace: string;
  /** UID of the Canary: the route's owner, so that garbage collection alone takes traffic away. */
  uid: string;
  apex: string;
  port: number;
  gatewayRefs: GatewayRef[];
  hosts: string[];
  apiVersion: string;
}

export interface Router {
  kind: "TrafficSplit" | "HTTPRoute";
  group: string;
  plural: string;
  /** A new route, all traffic on the primary. */
  build(context: RouteContext): RouteObject;
  /** Every Service that it may send to. */
  backendsOf(route: RouteObject): string[];
  /** What the route says now; undefined when it does not name both our leaves, so that we cannot work with it. */
  read(route: RouteObject, apex: string): RouteSeen | undefined;
  /** The same route with our two weights at canary `weight`; everything else is as it was. */
  withWeight(route: RouteObject, apex: string, weight: number, over?: string): RouteObject;
}

interface Backend {
  name?: string;
  service?: string;
  weight?: number | string;
}

export const trafficSplit: Router = {
  kind: "TrafficSplit",
  group: kind.trafficSplit.group,
  plural: kind.trafficSplit.plural,
  build: (context) => ({
    apiVersion: context.apiVersion,
    kind: "TrafficSplit",
    metadata: metadataOf(context),
    spec: {
      service: context.hosts[0] ?? context.apex,
      backends: [
        { service: canaryName(context.apex), weight: splitWeight(context.apiVersion, 0) },
        { service: primaryName(context.apex), weight: splitWeight(context.apiVersion, 100) },
      ],
    },
  }),
  backendsOf: (route) => splitBackends(route).flatMap((backend) => leafOf(backend) ?? []),
  read: (route, apex) => weightsSeen(route, splitBackends(route), apex),
  withWeight: (route, apex, weight, over) => {
    const found = splitBackends(route);
    const backends = found.map((backend) => {
      const share = shareOf(backend.service, apex, { weight, of: oursOf(found, apex) });
      return share === undefined ? backend : { ...backend, weight: splitWeight(route.apiVersion, share) };
    });
    return stamped({ ...route, spec: { ...route.spec, backends } }, weight, over);
  },
};

export const httpRoute: Router = {
  kind: "HTTPRoute",
  group: kind.httpRoute.group,
  plural: kind.httpRoute.plural,
  build: (context) => ({
    apiVersion: context.apiVersion,
    kind: "HTTPRoute",
    metadata: metadataOf(context),
    spec: {
      parentRefs: context.gatewayRefs.length > 0 ? context.gatewayRefs : [serviceParent(context)],
      ...(context.hosts.length > 0 ? { hostnames: context.hosts } : {}),
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: "/" } }],
          backendRefs: [
            { group: "", kind: "Service", name: primaryName(context.apex), port: context.port, weight: 100 },
            { group: "", kind: "Service", name: canaryName(context.apex), port: context.port, weight: 0 },
          ],
        },
      ],
    },
  }),
  backendsOf: (route) =>
    rulesOf(route).flatMap(({ backendRefs = [] }) => backendRefs.flatMap((one) => leafOf(one) ?? [])),
  read: (route, apex) => {
    const rule = rulesOf(route).find((candidate) => namesBoth(candidate.backendRefs ?? [], apex));
    const seen = rule && weightsSeen(route, rule.backendRefs ?? [], apex);
    const problem = routeProblem(route);
    return seen && problem ? { ...seen, problem } : seen;
  },
  withWeight: (route, apex, weight, over) => {
    const rules = rulesOf(route).map((rule) => {
      if (!namesBoth(rule.backendRefs ?? [], apex)) return rule;
      const found = rule.backendRefs ?? [];
      const backendRefs = found.map((backend) => {
        const share = shareOf(backend.name, apex, { weight, of: oursOf(found, apex) });
        return share === undefined ? backend : { ...backend, weight: share };
      });
      return { ...rule, backendRefs };
    });
    return stamped({ ...route, spec: { ...route.spec, rules } }, weight, over);
  },
};

interface Rule {
  backendRefs?: Backend[];
}

interface ParentStatus {
  conditions?: { type: string; status: string; reason?: string; message?: string; observedGeneration?: number }[];
}

function metadataOf(context: RouteContext): V1ObjectMeta {
  return {
    name: context.apex,
    namespace: context.namespace,
    labels: { [label.canary]: context.canary, [label.managedBy]: manager },
    annotations: { [annotation.weight]: "0" },
    ownerReferences: [
      {
        apiVersion: `${kind.canary.group}/${kind.canary.version}`,
        kind: kind.canary.kind,
        name: context.canary,
        uid: context.uid,
        controller: true,
        blockOwnerDeletion: false,
      },
    ],
  };
}

function serviceParent(context: RouteContext): GatewayRef {
  return { group: "core", kind: "Service", name: context.apex, namespace: context.namespace, port: context.port };
}

/** v1alpha1 keeps weights as quantities, in text; later versions as integers. */
function splitWeight(apiVersion: string, weight: number): number | string {
  return apiVersion.endsWith("/v1alpha1") ? String(weight) : weight;
}

function splitBackends(route: RouteObject): Backend[] {
  return (route.spec["backends"] as Backend[] | undefined) ?? [];
}

function rulesOf(route: RouteObject): Rule[] {
  return (route.spec["rules"] as Rule[] | undefined) ?? [];
}

function leafOf(backend: Backend): string | undefined {
  return backend.service ?? backend.name;
}

function namesBoth(backends: readonly Backend[], apex: string): boolean {
  const names = backends.map(leafOf);
  return names.includes(primaryName(apex)) && names.includes(canaryName(apex));
}

/** `weight` percent of what our two leaves have together. */
function shareOf(
  leaf: string | undefined,
  apex: string,
  { weight, of }: { weight: number; of: number },
): number | undefined {
  const share = Math.round((weight * of) / 100);
  if (leaf === canaryName(apex)) return share;
  return leaf === primaryName(apex) ? of - share : undefined;
}

/** What our two leaves have together: 100, or beside a backend of the user's what the user gave them, so that its share stays. */
function oursOf(backends: readonly Backend[], apex: string): number {
  const ours = backends.filter((backend) => [primaryName(apex), canaryName(apex)].includes(leafOf(backend) ?? ""));
  if (ours.length === backends.length) return 100;
  return ours.reduce((sum, backend) => sum + milli(backend.weight), 0) / 1_000;
}

function weightsSeen(route: RouteObject, backends: readonly Backend[], apex: string): RouteSeen | undefined {
  if (!namesBoth(backends, apex)) return undefined;
  const of = (leaf: string): number => milli(backends.find((backend) => leafOf(backend) === leaf)?.weight);
  const canary = of(canaryName(apex));
  const total = canary + of(primaryName(apex));
  const weight = total === 0 ? 0 : Math.round((100 * canary) / total);
  const own = Number(route.metadata.annotations?.[annotation.weight]);
  const coarse = backends.length > 2 && (total < 100_000 || total % 1_000 !== 0);
  const problem = `its weights of ${primaryName(apex)} and ${canaryName(apex)} sum to ${total / 1_000} beside another backend: make it a whole number of at least 100`;
  const over = route.metadata.annotations?.[annotation.over];
  return {
    weight,
    ownWeight: Number.isInteger(own) ? own : weight,
    ...(over === undefined ? {} : { over }),
    ...(coarse ? { problem } : {}),
  };
}

/** SMI v1alpha1 allows `900m`; a missing weight is 1 in the Gateway API. */
function milli(weight: number | string | undefined): number {
  if (weight === undefined) return 1_000;
  const text = String(weight);
  return text.endsWith("m") ? Number(text.slice(0, -1)) : Number(text) * 1_000;
}

function stamped(route: RouteObject, weight: number, over: string | undefined): RouteObject {
  const ended = over === undefined ? {} : { [annotation.over]: over };
  const annotations = { ...route.metadata.annotations, [annotation.weight]: String(weight), ...ended };
  return { ...route, metadata: { ...route.metadata, annotations } };
}

/** Why the mesh does not obey the route, from its parents' conditions; undefined while nobody has said anything bad. */
function routeProblem(route: RouteObject): string | undefined {
  const parents = (route.status?.["parents"] as ParentStatus[] | undefined) ?? [];
  if (parents.length === 0) return "no controller of a mesh or gateway has accepted it yet";
  for (const parent of parents) {
    const bad = parent.conditions?.find(
      (condition) => ["Accepted", "ResolvedRefs"].includes(condition.type) && condition.status !== "True",
    );
    if (bad) return `${bad.type}=${bad.status} (${bad.reason ?? "no reason"}${bad.message ? `: ${bad.message}` : ""})`;
  }
  return undefined;
}

export interface RouteSeen {
  /** Percent that the canary leaf has now. */
  weight: number;
  /** Percent of our own last write; differs from `weight` when someone else wrote since. */
  ownWeight: number;
  /** The last run that was written to be over. */
  over?: string;
  /** Why the mesh does not obey it (not Accepted, BackendNotFound ...), undefined if it does. */
  problem?: string;
}

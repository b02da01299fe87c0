/** Weights as they stand in the TrafficSplit or HTTPRoute itself, who changed them last, and how to take the canary out by hand. */
import type { V1ObjectMeta } from "@kubernetes/client-node";
import { annotation, kind as kinds, manager } from "../shared/core/names.ts";

export interface Backend {
  name?: string;
  service?: string;
  weight?: number | string;
}

/** The fields that we read of either kind of route. */
export interface RouteObject {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: { backends?: Backend[]; rules?: { backendRefs?: Backend[] }[] };
  status?: { parents?: { conditions?: { type: string; status: string; reason: string; message: string }[] }[] };
}

export interface RouteView {
  kind: string;
  name: string;
  /** Percent of requests that the route gives the canary; null if it has no such backends. */
  canaryPercent: number | null;
  /** Percent of the controller's own last write, null if it never wrote. */
  ownPercent: number | null;
  /** Who wrote the weights last, if it was not the controller. */
  changedBy: { manager: string; at: string | null } | null;
  /** Why the mesh does not obey it. */
  problem: string | null;
}

export interface Leaves {
  primary: string;
  canary: string;
}

export function viewRoute(route: RouteObject, kind: string, leaves: Leaves): RouteView {
  const own = Number(route.metadata?.annotations?.[annotation.weight] ?? NaN);
  return {
    kind,
    name: route.metadata?.name ?? "",
    canaryPercent: canaryPercent(backendsOf(route), leaves),
    ownPercent: Number.isFinite(own) ? own : null,
    changedBy: lastForeignWriter(route.metadata),
    problem: routeProblem(route),
  };
}

/** The plain kubectl command that gives stable every request in this very route; undefined if it has no such backends. */
export function drainCommand(route: RouteObject, kind: string, leaves: Leaves, flags: string): string | undefined {
  const name = route.metadata?.name;
  const found = route.spec?.backends ? drainSplit(route.spec.backends, leaves) : drainRules(route, leaves);
  if (!name || !found) return undefined;
  return `kubectl patch ${resourceArgument(kind)} ${name}${flags} --type ${found.type} -p '${JSON.stringify(found.body)}'`;
}

/** HTTPRoute with its group: Linkerd has a resource of the same name. */
function resourceArgument(kind: string): string {
  const { httpRoute } = kinds;
  return kind === httpRoute.kind ? `${httpRoute.plural}.${httpRoute.group}` : kind.toLowerCase();
}

function drainSplit(backends: Backend[], leaves: Leaves): { type: string; body: unknown } | undefined {
  if (!backends.some((backend) => nameOf(backend) === leaves.canary)) return undefined;
  const weights: Record<string, number> = { [leaves.primary]: 100, [leaves.canary]: 0 };
  const drained = backends.map((backend) => ({ ...backend, weight: weights[nameOf(backend)] ?? backend.weight }));
  return { type: "merge", body: { spec: { backends: drained } } };
}

function drainRules(route: RouteObject, leaves: Leaves): { type: string; body: unknown } | undefined {
  const operations = (route.spec?.rules ?? []).flatMap((rule, ruleIndex) =>
    (rule.backendRefs ?? []).flatMap((backend, index) => {
      const path = `/spec/rules/${ruleIndex}/backendRefs/${index}/weight`;
      if (nameOf(backend) === leaves.primary) return [{ op: "add", path, value: 100 }];
      return nameOf(backend) === leaves.canary ? [{ op: "add", path, value: 0 }] : [];
    }),
  );
  return operations.some((operation) => operation.value === 0) ? { type: "json", body: operations } : undefined;
}

function backendsOf(route: RouteObject): Backend[] {
  return route.spec?.backends ?? route.spec?.rules?.flatMap((rule) => rule.backendRefs ?? []) ?? [];
}

function canaryPercent(backends: Backend[], leaves: Leaves): number | null {
  const sum = (name: string): number =>
    backends.filter((backend) => nameOf(backend) === name).reduce((total, backend) => total + weightOf(backend), 0);
  const [primary, canary] = [sum(leaves.primary), sum(leaves.canary)];
  if (primary + canary === 0) return null;
  return Math.round((canary / (primary + canary)) * 1000) / 10;
}

function nameOf(backend: Backend): string {
  return backend.service ?? backend.name ?? "";
}

/** An HTTPRoute's absent weight is 1; the oldest TrafficSplit version writes thousandths (`500m`). */
function weightOf(backend: Backend): number {
  const { weight } = backend;
  if (weight === undefined) return backend.service === undefined ? 1 : 0;
  if (typeof weight === "number") return weight;
  return weight.endsWith("m") ? Number(weight.slice(0, -1)) / 1000 : Number(weight);
}

function lastForeignWriter(metadata: V1ObjectMeta | undefined): RouteView["changedBy"] {
  const writers = (metadata?.managedFields ?? []).filter((entry) => {
    const fields = JSON.stringify(entry.fieldsV1 ?? {});
    return !entry.subresource && (fields.includes('"f:backends"') || fields.includes('"f:rules"'));
  });
  const at = (time: unknown): number => (time ? new Date(time as string).getTime() : 0);
  const last = writers.sort((a, b) => at(b.time) - at(a.time))[0];
  if (!last?.manager || last.manager.startsWith(manager)) return null;
  return { manager: last.manager, at: last.time ? new Date(last.time).toISOString() : null };
}

function routeProblem(route: RouteObject): string | null {
  const conditions = (route.status?.parents ?? []).flatMap((parent) => parent.conditions ?? []);
  const bad = conditions.find(
    (condition) => ["Accepted", "ResolvedRefs"].includes(condition.type) && condition.status === "False",
  );
  return bad ? `${bad.type} is False: ${bad.reason}, ${bad.message}` : null;
}

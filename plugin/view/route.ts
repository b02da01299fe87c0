/** Weights as they stand in the TrafficSplit or HTTPRoute itself, who changed them last, and how to take the canary out by hand. */
import type { V1ObjectMeta } from "@kubernetes/client-node";
import { annotation, manager } from "../../shared/core/objects/names.ts";
import { httpRoute, type RouteObject, type Router, trafficSplit } from "../../shared/core/routes/routes.ts";

import { shellQuoted } from "../../shared/core/format/shell.ts";
import { at, resource, type Resource } from "../../shared/kube/resources.ts";

export type { RouteObject } from "../../shared/core/routes/routes.ts";

export interface RouteView {
  kind: string;
  name: string;
  /** Percent of requests that the route gives the canary; null if it does not name our Services. */
  canaryPercent: number | null;
  /** Percent of the controller's own last write, null if it never wrote. */
  ownPercent: number | null;
  /** Who wrote the weights last, if it was not the controller. */
  changedBy: { manager: string; at: string | null } | null;
  /** Why the mesh does not obey it. */
  problem: string | null;
}

/** `apex` is the Service that users send to. */
export function viewRoute(route: RouteObject, apex: string): RouteView {
  const router = routerOf(route);
  const seen = router.read(route, apex);
  const written = route.metadata.annotations?.[annotation.weight] !== undefined;
  return {
    kind: router.kind,
    name: route.metadata.name ?? "",
    canaryPercent: seen?.weight ?? null,
    ownPercent: seen && written ? seen.ownWeight : null,
    changedBy: lastForeignWriter(route.metadata),
    problem: seen ? (seen.problem ?? null) : "it does not name both the primary's and the canary's Service",
  };
}

/** The plain kubectl command that gives stable every request in this very route; undefined if it has not both backends. */
export function drainCommand(route: RouteObject, apex: string, flags: string): string | undefined {
  const router = routerOf(route);
  if (!router.read(route, apex)) return undefined;
  const drained = router.withWeight(route, apex, 0).spec;
  const patch =
    router.kind === "HTTPRoute" ? rulesPatch(route.spec, drained) : { type: "merge", body: backendsPatch(drained) };
  // With its group, since Linkerd has an HTTPRoute of its own, and in the version that was read: in another a weight may be no text.
  const version = route.apiVersion.split("/")[1] ?? "";
  const target = `${router.plural}.${version}.${router.group} ${route.metadata.name}`;
  return `kubectl patch ${target}${flags} --type ${patch.type} -p ${shellQuoted(JSON.stringify(patch.body))}`;
}

/** The resource that a Canary's status names. */
export function routeResource(route: { kind: string; apiVersion: string }): Resource {
  const base = route.kind === httpRoute.kind ? resource.httpRoutes : resource.trafficSplits;
  return at(base, route.apiVersion.split("/")[1] ?? base.version);
}

// --- internal ---

function routerOf(route: RouteObject): Router {
  return route.kind === httpRoute.kind ? httpRoute : trafficSplit;
}

function backendsPatch(spec: Record<string, unknown>): unknown {
  return { spec: { backends: spec["backends"] } };
}

interface Rule {
  backendRefs?: { weight?: number }[];
}

/** Only the weights: a user's own rules may be long. A leaf that has no weight goes, where the route is ours. `add` also replaces. */
function rulesPatch(before: Record<string, unknown>, spec: Record<string, unknown>): { type: string; body: unknown } {
  const rulesBefore = before["rules"] as Rule[];
  if ((spec["rules"] as Rule[]).length !== rulesBefore.length)
    return { type: "json", body: [{ op: "replace", path: "/spec/rules", value: spec["rules"] }] };
  const operations = (spec["rules"] as Rule[]).flatMap(({ backendRefs = [] }, ruleIndex): object[] => {
    const path = `/spec/rules/${ruleIndex}/backendRefs`;
    if (backendRefs.length !== (rulesBefore[ruleIndex]?.backendRefs ?? []).length)
      return [{ op: "add", path, value: backendRefs }];
    return backendRefs.map(({ weight }, index) => ({ op: "add", path: `${path}/${index}/weight`, value: weight ?? 1 }));
  });
  return { type: "json", body: operations };
}

function lastForeignWriter(metadata: V1ObjectMeta): RouteView["changedBy"] {
  const writers = (metadata.managedFields ?? []).filter((entry) => {
    const fields = JSON.stringify(entry.fieldsV1 ?? {});
    return !entry.subresource && (fields.includes('"f:backends"') || fields.includes('"f:rules"'));
  });
  const at = (time: unknown): number => (time ? new Date(time as string).getTime() : 0);
  const last = writers.sort((a, b) => at(b.time) - at(a.time))[0];
  if (!last?.manager || last.manager.startsWith(manager)) return null;
  return { manager: last.manager, at: last.time ? new Date(last.time).toISOString() : null };
}

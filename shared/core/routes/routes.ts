/**
 * The two ways in which Linkerd splits traffic, behind one small interface: SMI TrafficSplit and Gateway API HTTPRoute with
 * a Service parent. Pure: an object in, an object or what it means out.
 */
import { type Backend, leafOf, metadataOf, namesBoth, oursOf, shareOf, stamped, weightsSeen } from "./backends.ts";
import { canaryLeaf, kind, primaryLeaf } from "../objects/names.ts";
import { httpRoute } from "./http-route.ts";
import type { RouteObject, Router } from "./route-object.ts";

export { costOfResting, httpRoute, isOurRoute, voidingFilters } from "./http-route.ts";
export { fingerprintOf } from "./route-rules.ts";
export type { RequestMatch, RouteRules } from "../objects/routing/rules.ts";
export type { RouteContext, RouteObject, Router, RouteSeen } from "./route-object.ts";

export const trafficSplit: Router = {
  kind: "TrafficSplit",
  group: kind.trafficSplit.group,
  plural: kind.trafficSplit.plural,
  build: (context) => ({
    apiVersion: context.apiVersion,
    kind: "TrafficSplit",
    metadata: metadataOf(context),
    spec: {
      service: context.apex,
      backends: [
        { service: canaryLeaf(context.apex), weight: splitWeight(context.apiVersion, 0) },
        { service: primaryLeaf(context.apex), weight: splitWeight(context.apiVersion, 100) },
      ],
    },
  }),
  backendsOf: (route) => splitBackends(route).flatMap((backend) => leafOf(backend) ?? []),
  read: (route, apex) =>
    namesBoth(splitBackends(route), apex) ? weightsSeen(route, splitBackends(route), apex) : undefined,
  withWeight: (route, apex, weight, over) => {
    const found = splitBackends(route);
    const backends = found.map((backend) => {
      const share = shareOf(backend.service, apex, { weight, of: oursOf(found, apex) });
      return share === undefined ? backend : { ...backend, weight: splitWeight(route.apiVersion, share) };
    });
    return stamped({ ...route, spec: { ...route.spec, backends } }, weight, over);
  },
  withRules: (route) => route,
};

/** What reads and writes `route`, by its kind. */
export const routerOf = (route: RouteObject): Router => (route.kind === httpRoute.kind ? httpRoute : trafficSplit);

// --- internal ---

/** v1alpha1 keeps weights as quantities, in text; later versions as integers. */
function splitWeight(apiVersion: string, weight: number): number | string {
  return apiVersion.endsWith("/v1alpha1") ? String(weight) : weight;
}

/** Its definition demands no spec, and what a stranger wrote there must not keep a Canary from being looked at. */
function splitBackends({ spec }: { spec?: RouteObject["spec"] | null }): Backend[] {
  const found: unknown = spec?.["backends"];
  return Array.isArray(found) ? (found as (Backend | null)[]).filter((backend) => backend !== null) : [];
}

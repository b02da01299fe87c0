/** Which kind of route a Canary uses, in which version the cluster serves it, and why. */
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { httpRoute, trafficSplit, type Router } from "../../../shared/core/routes/routes.ts";
import { routeKindOf } from "../../../shared/core/spec/route-kind.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { isAbsent } from "../../../shared/kube/errors.ts";
import { pause, type Clock } from "../../../shared/kube/clock.ts";
import type { Resource } from "../../../shared/kube/resources.ts";

export interface Served {
  router: Router;
  resource: Resource;
  /** The API server serves it now. */
  present: boolean;
}

export interface ServedRoutes {
  trafficSplit: Served;
  httpRoute: Served;
}

/** Versions that we can write, most wanted first: the SMI adaptor reads v1alpha1. */
const wanted = { trafficSplit: ["v1alpha1", "v1alpha2", "v1alpha4"], httpRoute: ["v1", "v1beta1"] };

/** Asks the API server what it serves; what is missing gets our default version, in case it is installed later. */
export async function discoverRoutes(cluster: Cluster): Promise<ServedRoutes> {
  const [split, route] = await Promise.all([
    discover(cluster, trafficSplit, wanted.trafficSplit),
    discover(cluster, httpRoute, wanted.httpRoute),
  ]);
  return { trafficSplit: split, httpRoute: route };
}

/** How soon a kind of route is seen that is installed after us. */
const lookAgainMs = 30_000;

/** Resolves when the API server serves a kind of route that was missing in `known`, or at `ending`. */
export async function routesAppear(
  { cluster, clock }: { cluster: Cluster; clock: Clock },
  known: ServedRoutes,
  ending: AbortSignal,
): Promise<void> {
  const missing = (["trafficSplit", "httpRoute"] as const).filter((kind) => !known[kind].present);
  while (!ending.aborted) {
    await pause(clock, lookAgainMs, ending);
    if (missing.length === 0 || ending.aborted) continue;
    // Who does not answer now is asked again.
    const served = await discoverRoutes(cluster).catch(() => known);
    if (missing.some((kind) => served[kind].present)) return;
  }
}

export type RouteChoice = { served: Served; why: string } | { problem: string };

/** In the version that the cluster serves; `provider` is the controller's setting. */
export function chooseRoute(canary: Canary, provider: string, served: ServedRoutes): RouteChoice {
  const choice = routeKindOf(canary, provider, servedKinds(served));
  if ("problem" in choice) return choice;
  const { kind, why } = choice;
  return { served: kind === "TrafficSplit" ? served.trafficSplit : served.httpRoute, why };
}

export function servedKinds(served: ServedRoutes): Router["kind"][] {
  return Object.values(served).flatMap(({ present, router }: Served) => (present ? [router.kind] : []));
}

// --- internal ---

async function discover(cluster: Cluster, router: Router, versions: string[]): Promise<Served> {
  const found = await groupVersions(cluster, router.group);
  const version = versions.find((candidate) => found.includes(candidate));
  const { group, plural, kind } = router;
  const resource = { group, plural, kind, version: version ?? versions[0]! };
  return { router, resource, present: version !== undefined };
}

async function groupVersions(cluster: Cluster, group: string): Promise<string[]> {
  try {
    const answer = (await cluster.raw("GET", `/apis/${group}`)) as { versions?: { version: string }[] };
    return (answer.versions ?? []).map((entry) => entry.version);
  } catch (error: unknown) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** Which kind of route a Canary uses, in which version the cluster serves it, and why. */
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { httpRoute, trafficSplit, type Router } from "../../../shared/core/objects/routes.ts";
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

/** `provider` of the Canary, else of the controller (`auto`: TrafficSplit where the cluster serves it, else HTTPRoute). */
export function chooseRoute(canary: Canary, provider: string, served: ServedRoutes): RouteChoice {
  const pinned = pinnedRoute(canary, served);
  if (pinned) return pinned;
  const asked = canary.spec.provider;
  const name = asked ?? provider;
  const source = asked ? "spec.provider" : "the controller's provider";
  if (name === "auto") {
    if (served.trafficSplit.present)
      return { served: served.trafficSplit, why: "auto: this cluster serves TrafficSplit" };
    return require(served.httpRoute, "auto: this cluster serves no TrafficSplit");
  }
  if (name === "linkerd" || name.startsWith("smi:")) return require(served.trafficSplit, `${source} is ${name}`);
  if (name.startsWith("gatewayapi")) return require(served.httpRoute, `${source} is ${name}`);
  return { problem: `provider ${name} is not supported: use linkerd, or gatewayapi:v1 (${source}).` };
}

// --- internal ---

/** A run ends on the route that carries it, whatever the provider is meanwhile. */
function pinnedRoute(
  { status }: Canary,
  { trafficSplit: split, httpRoute: route }: ServedRoutes,
): RouteChoice | undefined {
  const { run, route: used } = { run: undefined, route: undefined, ...status };
  if (!run || !used) return undefined;
  return { served: used.kind === "TrafficSplit" ? split : route, why: used.why };
}

function require(served: Served, why: string): RouteChoice {
  if (served.present) return { served, why };
  const { group, kind } = served.resource;
  return { problem: `${why}, but this cluster does not serve ${kind} (${group}): install its CRD.` };
}

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

/** Which kind of route a Canary uses, and why. */
import type { Canary } from "../objects/canary.ts";
import { httpRoute, type Router, trafficSplit } from "../routes/routes.ts";

export type RouteKindChoice = { kind: Router["kind"]; why: string } | { problem: string };

/**
 * `provider` of the Canary, else of the controller (`auto`: HTTPRoute for a Canary that has `gatewayRefs`, which only an HTTPRoute has;
 * else TrafficSplit where the cluster serves it, else HTTPRoute). `served`
 * names the kinds that the API server serves. A run ends on the route that carries it, whatever the provider is meanwhile.
 */
export function routeKindOf(canary: Canary | undefined, provider: string, served: readonly string[]): RouteKindChoice {
  const pinned = pinnedIn(canary);
  if (pinned) return pinned;
  const asked = canary?.spec.provider;
  const name = asked ?? provider;
  const source = asked ? "spec.provider" : "the controller's provider";
  const need = (router: Router, why: string): RouteKindChoice => chosen(router, why, served);
  if (name === "auto") return automatic(canary, served);
  if (/^(linkerd$|smi:)/.test(name)) return need(trafficSplit, `${source} is ${name}`);
  if (name.startsWith("gatewayapi")) return need(httpRoute, `${source} is ${name}`);
  return { problem: `provider ${name} is not supported: use linkerd, or gatewayapi:v1 (${source}).` };
}

/** It names parents, and only an HTTPRoute has any. */
export function wantsGateway(canary: Canary | undefined): boolean {
  return (canary?.spec.service?.gatewayRefs ?? []).length > 0;
}

// --- internal ---

function pinnedIn(canary: Canary | undefined): RouteKindChoice | undefined {
  const { run, route } = { ...canary?.status };
  return run && route && { kind: route.kind, why: route.why };
}

function automatic(canary: Canary | undefined, served: readonly string[]): RouteKindChoice {
  if (wantsGateway(canary) && served.includes(httpRoute.kind))
    return { kind: httpRoute.kind, why: "auto: spec.service.gatewayRefs is given" };
  if (served.includes(trafficSplit.kind))
    return { kind: trafficSplit.kind, why: "auto: this cluster serves TrafficSplit" };
  return chosen(httpRoute, "auto: this cluster serves no TrafficSplit", served);
}

function chosen(router: Router, why: string, served: readonly string[]): RouteKindChoice {
  return served.includes(router.kind) ? { kind: router.kind, why } : notServed(router, why);
}

function notServed({ kind, group }: Router, why: string): RouteKindChoice {
  return { problem: `${why}, but this cluster does not serve ${kind} (${group}): install its CRD.` };
}

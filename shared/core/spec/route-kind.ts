/** Which kind of route a Canary uses, and why. */
import type { Canary } from "../objects/canary.ts";
import { httpRoute, type Router, trafficSplit } from "../routes/routes.ts";

export type RouteKindChoice = { kind: Router["kind"]; why: string } | { problem: string };

/**
 * `provider` of the Canary, else of the controller (`auto`: TrafficSplit where the cluster serves it, else HTTPRoute). `served`
 * names the kinds that the API server serves. A run ends on the route that carries it, whatever the provider is meanwhile.
 */
export function routeKindOf(canary: Canary | undefined, provider: string, served: readonly string[]): RouteKindChoice {
  const pinned = pinnedIn(canary);
  if (pinned) return pinned;
  const asked = canary?.spec.provider;
  const name = asked ?? provider;
  const source = asked ? "spec.provider" : "the controller's provider";
  const need = (router: Router, why: string): RouteKindChoice =>
    served.includes(router.kind) ? { kind: router.kind, why } : notServed(router, why);
  if (name === "auto") {
    if (served.includes(trafficSplit.kind))
      return { kind: trafficSplit.kind, why: "auto: this cluster serves TrafficSplit" };
    return need(httpRoute, "auto: this cluster serves no TrafficSplit");
  }
  if (/^(linkerd$|smi:)/.test(name)) return need(trafficSplit, `${source} is ${name}`);
  if (name.startsWith("gatewayapi")) return need(httpRoute, `${source} is ${name}`);
  return { problem: `provider ${name} is not supported: use linkerd, or gatewayapi:v1 (${source}).` };
}

// --- internal ---

function pinnedIn(canary: Canary | undefined): RouteKindChoice | undefined {
  const { run, route } = { ...canary?.status };
  return run && route && { kind: route.kind, why: route.why };
}

function notServed({ kind, group }: Router, why: string): RouteKindChoice {
  return { problem: `${why}, but this cluster does not serve ${kind} (${group}): install its CRD.` };
}

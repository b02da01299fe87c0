/** A route that Flagger made becomes one of ours, in the object that callers' proxies know. */
import { metadataOf } from "./backends.ts";
import { httpRoute, madeRules } from "./http-route.ts";
import type { RouteContext, RouteObject } from "./route-object.ts";

/**
 * With our labels and owner. What it says of all requests stays; other rules go: Flagger writes all of them anew each time, and what an
 * A/B test or session affinity of its own has left names the canary's Service also between runs.
 */
export function ownRoute(
  route: RouteObject,
  context: Pick<RouteContext, "canary" | "namespace" | "uid" | "apex">,
): RouteObject {
  const made = metadataOf({ ...context, port: 0, gatewayRefs: [], hosts: [], apiVersion: route.apiVersion });
  const { annotations: _ours, ...metadata } = made;
  const owned = { ...route, metadata: { ...route.metadata, ...metadata } };
  if (route.kind !== httpRoute.kind) return owned;
  const rules = madeRules(owned, context.apex);
  return rules.length > 0 ? { ...owned, spec: { ...owned.spec, rules } } : owned;
}

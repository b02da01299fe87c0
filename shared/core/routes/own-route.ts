/** A route that Flagger made becomes one of ours, in the object that callers' proxies know. */
import { metadataOf } from "./backends.ts";
import type { RouteContext, RouteObject } from "./route-object.ts";

/** With our labels and owner; what it says of traffic stays. */
export function ownRoute(
  route: RouteObject,
  context: Pick<RouteContext, "canary" | "namespace" | "uid" | "apex">,
): RouteObject {
  const made = metadataOf({ ...context, port: 0, gatewayRefs: [], hosts: [], apiVersion: route.apiVersion });
  const { annotations: _ours, ...metadata } = made;
  return { ...route, metadata: { ...route.metadata, ...metadata } };
}

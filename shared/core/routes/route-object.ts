/** What both kinds of route have in common. */
import type { V1ObjectMeta } from "@kubernetes/client-node";
import type { GatewayRef } from "../objects/canary.ts";

import type { RouteRules } from "../objects/routing/rules.ts";

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
  /** What the route says now; undefined when it does not name our leaves, so that we cannot work with it. */
  read(route: RouteObject, apex: string): RouteSeen | undefined;
  /** The same route with our two weights at canary `weight`, for all requests; everything else is as it was. */
  withWeight(route: RouteObject, apex: string, weight: number, over?: string): RouteObject;
  /** Of a route of ours that has this weight: with these rules beside. A route that can have none is as it was. */
  withRules(route: RouteObject, apex: string, weight: number, rules: RouteRules | undefined): RouteObject;
}

export interface RouteSeen {
  /** Percent that the canary leaf has now. */
  weight: number;
  /** Percent of our own last write; differs from `weight` when someone else wrote since. */
  ownWeight: number;
  /** The last run that was written to be over. */
  over?: string;
  /**
   * An HTTPRoute that names the canary's leaf at weight 0, and whose it is. Every caller then asks Linkerd for that leaf all the time;
   * of one without endpoints it hears up to a minute late, and the first requests of a weight fail meanwhile.
   */
  restsOnCanary?: "ours" | "theirs";
  /** `fingerprintOf` the rules beside the one for all requests, and another text where one was taken out; missing where it can have none of ours. */
  rules?: string;
  /** A route of ours that the spec now says something else of. */
  isBehind?: true;
  /** There is no route: a weight is a share of pods, and in force as soon as they run. */
  isAbsent?: true;
  /** Why the mesh does not obey it (not Accepted, BackendNotFound ...), undefined if it does. */
  problem?: string;
}

/**
 * The ServiceProfile of an apex, which is what Linkerd's proxies look at: Linkerd-SMI's adaptor writes a TrafficSplit's weights into its
 * `dstOverrides`, and leaves an empty one behind where the split is gone.
 */
import type { V1ObjectMeta } from "@kubernetes/client-node";
import type { RouteObject } from "./core/routes/routes.ts";

export interface ServiceProfile {
  metadata: V1ObjectMeta;
  spec?: { dstOverrides?: unknown[] };
}

export type Profile = ServiceProfile | null | undefined;

/** The adaptor has written weights into it. */
export function isCarriedOut(profile: Profile): boolean {
  return (profile?.spec?.dstOverrides ?? []).length > 0;
}

export function profileName({ namespace, apex }: { namespace: string; apex: string }): string {
  return `${apex}.${namespace}.svc.cluster.local`;
}

/**
 * Proxies older than this, ms, ignore the route. With a TrafficSplit its profile counts, which may come minutes later; an HTTPRoute
 * is ignored only by those that have followed a split before. Undefined: no running proxy ignores it.
 */
export function obeyedSince(route: RouteObject | undefined, profile: Profile): number | undefined {
  const routeAt = timeOf(route?.metadata);
  if (route === undefined || routeAt === undefined) return undefined;
  if (route.kind !== "TrafficSplit") return profile ? routeAt : undefined;
  return Math.max(routeAt, (isCarriedOut(profile) && timeOf(profile?.metadata)) || 0);
}

/** Why no proxy can obey a TrafficSplit, at `now` ms; undefined where one can, and where it is too early to say. */
export function splitProblem(split: RouteObject, profile: Profile, now: number): string | undefined {
  const madeAt = timeOf(split.metadata) ?? now;
  if (profile === undefined || isCarriedOut(profile) || now - madeAt < carriedOutMs) return undefined;
  return "nobody carries out the TrafficSplit (no ServiceProfile has its weights as dstOverrides): see whether Linkerd-SMI's adaptor is at work";
}

// --- internal ---

/** The adaptor takes about a second, unless its limits throttle it. */
const carriedOutMs = 10_000;

function timeOf(metadata: V1ObjectMeta | undefined): number | undefined {
  const created = metadata?.creationTimestamp;
  return created ? new Date(created).getTime() : undefined;
}

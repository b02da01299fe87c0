/** The Services and the route as the Canary's spec wants them now, and whether those that are there follow it. */
import type { V1Service } from "@kubernetes/client-node";
import { annotation, label, primaryLeaf } from "../../../shared/core/objects/names.ts";
import { apexService, leavesOf, type ServiceContext } from "../../../shared/core/objects/workload.ts";
import { trackLabel } from "../../../shared/core/selectors/track-label.ts";
import { isBehindSpec, routeBySpec } from "../../../shared/core/routes/following.ts";
import type { RouteObject } from "../../../shared/core/routes/routes.ts";
import { givenOf, ruleSettingsOf } from "../../../shared/core/spec/service-settings.ts";
import { optional } from "../../../shared/core/format/compact.ts";
import type { Caches } from "./caches.ts";
import { isOurApex } from "../../../shared/core/objects/ownership.ts";
import type { CanaryObjects } from "./canary-objects.ts";
import { metaOf } from "../objects/from-objects.ts";

/** The apex where it is missing or ours, then both leaves; nothing where the target cannot be canaried. */
export function wantedServices(world: Caches, objects: CanaryObjects): V1Service[] {
  const { target, apex, apexName, namespace, canary } = objects;
  const track = target && trackLabel(target, objects);
  if (!target || track === undefined) return [];
  const context: ServiceContext = { ...contextOf(objects), track };
  const made = !apex || isOurApex(canary, apex) ? [apexService(target, context)] : [];
  const leaf = world.services.get(namespace, primaryLeaf(apexName));
  return [...made, ...leavesOf(target, context, { leaf, isSettled: objects.portsSettleInMs === undefined })];
}

/** `found` is as `wanted` says, in what is ours to say. */
export function isAsWanted(found: V1Service | undefined, wanted: V1Service): boolean {
  if (!found) return false;
  const facts = (service: V1Service): string =>
    JSON.stringify([
      service.metadata?.labels?.[label.canaryUid],
      service.metadata?.annotations?.[annotation.fromSpec],
      Object.entries(service.spec?.selector ?? {}).sort(),
      (service.spec?.ports ?? []).map((port) => [port.name, port.port, port.targetPort, port.protocol]),
    ]);
  return facts(found) === facts(wanted);
}

export function wantedRoute(objects: CanaryObjects): RouteObject | undefined {
  const { served, canary, namespace, apexName: apex, port } = objects;
  if (!served) return undefined;
  const { name, uid } = metaOf(canary);
  const { service } = canary.spec;
  const { gatewayRefs = [], hosts = [] } = { ...service };
  const apiVersion = `${served.resource.group}/${served.resource.version}`;
  const context = { canary: name, namespace, uid, apex, port, gatewayRefs, hosts, apiVersion };
  return routeBySpec(served.router, context, { given: givenOf(service, "apex"), rule: ruleSettingsOf(service) });
}

export function isRouteBehind(objects: CanaryObjects): boolean {
  const wanted = objects.route && wantedRoute(objects);
  return wanted !== undefined && isBehindSpec(objects.route!, wanted);
}

// --- internal ---

function contextOf({ canary, apexName, apex, ports }: CanaryObjects): ServiceContext {
  const { name, uid } = metaOf(canary);
  const { service } = canary.spec;
  const given = {
    apex: givenOf(service, "apex"),
    primary: givenOf(service, "primary"),
    canary: givenOf(service, "canary"),
  };
  // What a user's own Service prefers, its tracks prefer.
  const preferred = service?.trafficDistribution ?? apex?.spec?.trafficDistribution;
  return { canary: name, uid, apex: apexName, ports, given, ...optional("trafficDistribution", preferred) };
}

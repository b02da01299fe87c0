/**
 * The way from Flagger to us, one write at a time. Every step is derived from the objects alone, so that whoever is stopped after
 * any write goes on from there. At each moment the pods that users' requests go to are ready and have the version that served
 * before: first the target gets the primary's version and size, then the traffic, and only then the primary goes.
 */
import type { V1Deployment, V1PodTemplateSpec } from "@kubernetes/client-node";
import { apexOf, isLeftToFlagger } from "../objects/canary.ts";
import { lastAppliedAnnotation, withDropped } from "../objects/last-applied.ts";
import { annotation, flaggerFinalizer, kind, primaryLeaf, primaryName } from "../objects/names.ts";
import { describeChange, sameTemplate } from "../objects/pod-template.ts";
import { ownRoute } from "../routes/own-route.ts";
import { routerOf, type RouteObject } from "../routes/routes.ts";
import { drainMs } from "../spec/policy.ts";
import {
  clonedScalers,
  copiesOf,
  flaggersLeaves,
  flaggersRoutes,
  isCopyIn,
  isLeftBehind,
  isOfFlagger,
  isSwitched,
  kedaPause,
  ownScalers,
  sendersOf,
  serviceNamed,
} from "./left-by-flagger.ts";
import { holdSize } from "./hold-size.ts";
import { flaggersInterval, migrationRefusal } from "./refusals.ts";
import type { ConfigObject, MigrationSeen, MigrationStep, MigrationWrite, Scaler } from "./seen.ts";
import { hasFluxMarks, ownLeaf, plainService } from "./own-services.ts";
import { servingTemplate } from "./serving-template.ts";

/** The next write or wait on the way to us; `done` where nothing of Flagger's is left. */
export function nextToCanary(seen: MigrationSeen): MigrationStep {
  if (!isLeftBehind(seen)) return { kind: "done" };
  const refused = migrationRefusal(seen);
  if (refused) return refused;
  const target = seen.target!;
  return (
    prepare(seen, target) ??
    switchOver(seen, target) ??
    drain(seen) ??
    takeOver(seen, target) ??
    removePrimary(seen) ?? { kind: "done" }
  );
}

/** How many pods the target must have before it gets the traffic. */
export function wantedSize(seen: MigrationSeen): number {
  const { primary } = seen;
  if (primary) return primary.spec?.replicas ?? 1;
  // Someone deleted it: what it had is not known any more.
  const least = ownScalers(seen).map(({ spec }) => spec?.minReplicas ?? spec?.minReplicaCount ?? 1);
  return Math.max(1, ...least);
}

// --- internal ---

const write = (one: MigrationWrite): MigrationStep => ({ kind: "write", write: one });

/** The target gets what serves, and as many pods. Once it has the traffic, its version and size are its user's and the autoscaler's. */
function prepare(seen: MigrationSeen, target: V1Deployment): MigrationStep | undefined {
  const has = target.spec?.replicas ?? 1;
  const size = wantedSize(seen);
  if (isSwitched(seen) && has > 0) return seen.primary ? waitForPods(target, Math.min(size, has)) : undefined;
  const templated = withServingTemplate(seen, target);
  if (templated) return write(templated);
  const paused = ownScalers(seen).find(({ metadata }) => metadata?.annotations?.[kedaPause] === "0");
  if (paused) return write(resumeScaler(paused));
  if (has < size) return write(scale(target, { has, size, of: seen.primary }));
  const floor = holdSize(seen, target, size);
  return floor ? write(floor) : waitForPods(target, size);
}

function withServingTemplate({ primary, ...seen }: MigrationSeen, target: V1Deployment): MigrationWrite | undefined {
  if (!primary?.spec) return undefined;
  const template = servingTemplate(target, primary, isCopyIn({ primary, ...seen }));
  const asked = target.spec?.template;
  if (sameTemplate(asked, template)) return undefined;
  return {
    code: "serving-template",
    verb: "replace",
    kind: "Deployment",
    object: { ...target, metadata: remembering(target, template), spec: { ...target.spec!, template } } as V1Deployment,
    does: `deployment/${target.metadata?.name} asks for what ${primary.metadata?.name} serves, not for what Flagger did not promote (${describeChange(asked, template)})`,
  };
}

/** What `kubectl apply` is to drop at the next apply, it must have in its own record. */
function remembering(target: V1Deployment, template: V1PodTemplateSpec): V1Deployment["metadata"] {
  const { annotations = {} } = { ...target.metadata };
  const applied = annotations[lastAppliedAnnotation];
  if (applied === undefined) return target.metadata;
  const kept = withDropped(applied, target.spec?.template, template);
  return { ...target.metadata, annotations: { ...annotations, [lastAppliedAnnotation]: kept } };
}

function resumeScaler(scaler: Scaler): MigrationWrite {
  const { [kedaPause]: _paused, ...annotations } = scaler.metadata?.annotations ?? {};
  return {
    code: "resume-scaler",
    verb: "replace",
    kind: scaler.kind,
    object: { ...scaler, metadata: { ...scaler.metadata, annotations } },
    does: `${scaler.kind.toLowerCase()}/${scaler.metadata?.name} scales again (it was paused at 0)`,
  };
}

function scale(
  target: V1Deployment,
  { has, size, of }: { has: number; size: number; of: V1Deployment | null },
): MigrationWrite {
  const like = of ? `, as many as ${of.metadata?.name} has` : "";
  return {
    code: "scale",
    size,
    verb: "replace",
    kind: "Deployment",
    object: { ...target, spec: { ...target.spec!, replicas: size } } as V1Deployment,
    does: `deployment/${target.metadata?.name} is scaled from ${has} to ${size}${like}`,
  };
}

/** More than `size`, as an autoscaler may ask for meanwhile, are nice to have. */
function waitForPods(target: V1Deployment, size: number): MigrationStep | undefined {
  const { isSeen, updated, available, others } = countsOf(target);
  if (isSeen && updated >= size && others === 0 && available >= size) return undefined;
  const ready = isSeen ? Math.min(updated, available) : 0;
  const why = `${ready} of ${size} pods of ${target.metadata?.name} are ready`;
  return { kind: "wait", code: "pods", stand: ready, why };
}

interface PodCounts {
  /** Kubernetes has seen the spec as it is now. */
  isSeen: boolean;
  updated: number;
  available: number;
  /** Of an earlier template. */
  others: number;
}

function countsOf({ metadata, status = {} }: V1Deployment): PodCounts {
  const { replicas = 0, updatedReplicas: updated = 0, availableReplicas: available = 0 } = status;
  const isSeen = (status.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  return { isSeen, updated, available, others: replicas - updated };
}

/**
 * By selector, and not by weight: callers know these Services and watch them, whereas of one that was empty until now they hear
 * up to a minute late.
 */
function switchOver(seen: MigrationSeen, target: V1Deployment): MigrationStep | undefined {
  const [service] = sendersOf(seen);
  if (!service) return undefined;
  const name = service.metadata?.name;
  const isLeaf = name === primaryLeaf(apexOf(seen.canary));
  const object = isLeaf ? ownLeaf(seen, target, service) : plainService(seen, target, service);
  return write({
    code: "switch-over",
    verb: "replace",
    kind: "Service",
    object,
    does: `service/${name} sends to the pods of ${target.metadata?.name}`,
  });
}

/** Requests that are under way at the primary come to their end, and a Flagger that is at work shows itself. */
function drain(seen: MigrationSeen): MigrationStep | undefined {
  if (!seen.primary) return undefined;
  const needed = seen.flaggers ? drainMs : Math.max(drainMs, flaggersInterval(seen) + flaggersLoopMs);
  if (seen.quietMs >= needed) return undefined;
  const left = Math.ceil((needed - seen.quietMs) / 1_000);
  const why = seen.flaggers
    ? "open requests end"
    : "open requests end, and a Flagger that still acts would show itself (Deployments of all namespaces could not be listed)";
  return { kind: "wait", code: "drain", stand: 0, why: `${why}: ${left}s` };
}

/** Flagger looks at its Canaries this often, and takes a moment. */
const flaggersLoopMs = 15_000;

/** Route, leaves, apex and Canary become what our controller would have made. */
function takeOver(seen: MigrationSeen, target: V1Deployment): MigrationStep | undefined {
  const { canary } = seen;
  const apexName = apexOf(canary);
  const [route] = flaggersRoutes(seen);
  if (route) return write(takeRoute(seen, route));
  const [leaf] = flaggersLeaves(seen);
  if (leaf)
    return write({
      code: "take-leaf",
      verb: "replace",
      kind: "Service",
      object: ownLeaf(seen, target, leaf),
      does: `service/${leaf.metadata?.name} is kubectl-canary's`,
    });
  const apex = serviceNamed(seen, apexName);
  if (apex && (isOfFlagger(canary, apex) || hasFluxMarks(apex)))
    return write({
      code: "give-apex",
      verb: "replace",
      kind: "Service",
      object: plainService(seen, target, apex),
      does: `service/${apexName} is yours, and stays when the Canary goes`,
    });
  return canaryOfOurs(seen);
}

function takeRoute({ canary }: MigrationSeen, route: RouteObject): MigrationWrite {
  const { name = "", namespace = "", uid = "" } = canary.metadata;
  const apex = apexOf(canary);
  const owned = ownRoute(route, { canary: name, namespace, uid, apex });
  return {
    code: "take-route",
    verb: "replace",
    kind: route.kind as "TrafficSplit" | "HTTPRoute",
    object: routerOf(owned).withWeight(owned, apex, 0),
    does: `${route.kind.toLowerCase()}/${apex} is kubectl-canary's, with every request for ${primaryLeaf(apex)}`,
  };
}

/** Without Flagger's finalizer, which nobody would take off any more. */
function canaryOfOurs({ canary }: MigrationSeen): MigrationStep | undefined {
  const { finalizers = [], annotations = {} } = canary.metadata;
  if (!finalizers.includes(flaggerFinalizer) && !isLeftToFlagger(canary)) return undefined;
  const { [annotation.leftTo]: _left, ...kept } = annotations;
  const metadata = {
    ...canary.metadata,
    annotations: kept,
    finalizers: finalizers.filter((one) => one !== flaggerFinalizer),
  };
  return write({
    code: "take-canary",
    verb: "replace",
    kind: kind.canary.kind,
    object: { ...canary, metadata },
    does: `canary/${canary.metadata.name} is kubectl-canary's, without Flagger's finalizer`,
  });
}

/** Scalers first: what they scale is about to go. Copies last: ending pods may still read them. */
function removePrimary(seen: MigrationSeen): MigrationStep | undefined {
  const { canary, primary, primaryPods } = seen;
  const name = primaryName(canary.spec.targetRef.name);
  const [scaler] = clonedScalers(seen);
  if (scaler) return write(removal(scaler.kind, scaler));
  if (primary) return write(removal("Deployment", primary));
  const why = `${primaryPods} pods of ${name} are ending`;
  if (primaryPods > 0) return { kind: "wait", code: "primary-pods", stand: primaryPods, why };
  const [copy] = copiesOf(seen);
  return copy && write(removeCopy(seen, copy));
}

function removal(of: MigrationWrite["kind"], object: MigrationWrite["object"]): MigrationWrite {
  return {
    code: "remove",
    verb: "delete",
    kind: of,
    object,
    does: `${of.toLowerCase()}/${object.metadata?.name} is deleted`,
  };
}

/** Canaries may share a copy; each gives up its part, and the last takes it away. */
function removeCopy({ canary }: MigrationSeen, copy: ConfigObject): MigrationWrite {
  const others = (copy.metadata?.ownerReferences ?? []).filter(({ uid }) => uid !== canary.metadata.uid);
  if (others.length === 0) return removal(copy.kind, copy);
  const name = `${copy.kind.toLowerCase()}/${copy.metadata?.name}`;
  return {
    code: "share-copy",
    verb: "replace",
    kind: copy.kind,
    object: { ...copy, metadata: { ...copy.metadata, ownerReferences: others } },
    does: `${name} stays for ${others.length} other ${others.length === 1 ? "Canary" : "Canaries"}`,
  };
}

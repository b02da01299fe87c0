/** Performs decisions' actions: the only writer beside `target.ts`. Each action is absolute; all may be repeated. */
import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import { canaryDeployment } from "../../../shared/core/objects/workload.ts";
import { trackLabel } from "../../../shared/core/selectors/track-label.ts";
import { pausedCondition, rejectedCondition } from "../../../shared/core/admission/rejection.ts";
import { annotation, label, manager } from "../../../shared/core/objects/names.ts";
import { otherRouteOf } from "../cache/ours.ts";
import type { Action } from "../../../shared/core/action.ts";
import { sealOf } from "../../../shared/core/objects/ownership.ts";
import { hashTemplate } from "../../../shared/template-hash.ts";
import { CanaryError, hasCode } from "../../../shared/kube/errors.ts";
import { resource, type Resource } from "../../../shared/kube/resources.ts";
import type { Stored } from "../../../shared/kube/store.ts";
import { removeOurs, type Deleting } from "./cleanup.ts";
import { sortedJson } from "../../../shared/core/format/sorted-json.ts";
import { deleteSeen } from "./delete.ts";
import { keepStable } from "./stable-template.ts";
import type { Cache } from "../cache/cache.ts";
import { routeCache, type CanaryObjects, type WriteDeps } from "../cache/canary-objects.ts";
import {
  patchTarget,
  releaseTarget,
  requireTarget,
  markConfigs,
  restoreStable,
  setProgressing,
  markStable,
  unholdTarget,
} from "./target.ts";
import { wholeOf } from "./whole.ts";
import { wantedRoute, wantedServices } from "../cache/wanted.ts";
import { droppedFrom } from "../../../shared/core/objects/made/from-spec.ts";
import { followingSpec } from "../../../shared/core/routes/following.ts";
import { metaOf } from "../objects/from-objects.ts";

export type PerformDeps = WriteDeps & Deleting;

export interface ApplyContext {
  objects: CanaryObjects;
  progressDeadlineMs: number;
}

/** Throws `CanaryError`; a `Conflict` means that the world moved, and that a new decision is due. */
export function perform(deps: PerformDeps, stage: ApplyContext, action: Action): Promise<void> {
  const performer = performers[action.kind] as Performer<Action["kind"]>;
  return performer(deps, stage, action);
}

// --- internal ---

type Performer<K extends Action["kind"]> = (
  deps: PerformDeps,
  stage: ApplyContext,
  action: Extract<Action, { kind: K }>,
) => Promise<void>;

const performers: { [K in Action["kind"]]: Performer<K> } = {
  optIn: (deps, { objects }, { podTemplateHash }) =>
    patchTarget(deps, objects, { labels: { [label.target]: uidOf(objects), [label.stable]: podTemplateHash } }),
  markStable: (deps, { objects }, { podTemplateHash }) => markStable(deps, objects, podTemplateHash),
  markConfigs: (deps, { objects }, action) => markConfigs(deps, objects, action),
  releaseTarget: (deps, { objects }, action) => releaseTarget(deps, objects, action),
  unholdTarget: (deps, { objects }) => unholdTarget(deps, objects),
  restoreStable: async (deps, { objects }, { podTemplateHash }) => {
    objects.target = await restoreStable(deps, requireTarget(objects), podTemplateHash, []);
  },
  removeOurs: (deps, { objects: { canary, namespace } }) => removeOurs(deps, { namespace, name: metaOf(canary).name }),
  keepStable: (deps, { objects }, { podTemplateHash }) => keepStable(deps, objects, podTemplateHash),
  consumeBypass: (deps, { objects }) =>
    patchTarget(deps, objects, {
      labels: { [label.bypass]: null },
      annotations: { [annotation.requestedBy]: null },
    }),
  markRejected: async (deps, { objects }, { words, intent }) => {
    objects.target = await setProgressing(deps, requireTarget(objects), rejectedCondition(words, intent));
  },
  clearRejected: async (deps, { objects }) => {
    objects.target = await setProgressing(deps, requireTarget(objects), pausedCondition);
  },
  applyServices: (deps, { objects }) => applyServices(deps, objects),
  applyRoute: (deps, { objects }) => applyRoute(deps, objects),
  setWeight: (deps, { objects }, action) => setWeight(deps, objects, action),
  removeOtherRoute: (deps, { objects }) => removeOtherRoute(deps, objects),
  runCanary: (deps, stage, action) => runCanary(deps, stage, action),
  scaleCanary: (deps, { objects }, action) => scaleCanary(deps, objects, action),
};

function uidOf(objects: CanaryObjects): string {
  return metaOf(requireTarget(objects)).uid;
}

async function applyServices(deps: WriteDeps, objects: CanaryObjects): Promise<void> {
  requireTarget(objects);
  for (const wanted of wantedServices(deps.world, objects)) {
    const { name, namespace } = metaOf(wanted);
    const found = deps.world.services.get(namespace, name);
    await (found ? correctService(deps, found, wanted) : createIfMissing(deps, wanted));
  }
}

async function createIfMissing(deps: WriteDeps, wanted: V1Service): Promise<void> {
  try {
    deps.world.services.wrote(
      await deps.cluster.create<V1Service>(resource.services, wanted, { fieldManager: manager }),
    );
  } catch (error: unknown) {
    if (!hasCode(error, "AlreadyExists")) throw error;
    const { name, namespace } = metaOf(wanted);
    deps.world.services.wrote(await deps.cluster.get<V1Service>(resource.services, { name, namespace }));
  }
}

async function correctService(deps: WriteDeps, found: V1Service, wanted: V1Service): Promise<void> {
  const { name, namespace } = metaOf(wanted);
  const { resourceVersion } = { ...found.metadata };
  const dropped = droppedFrom(found, wanted);
  const labels = { ...taken(dropped.labels), ...wanted.metadata?.labels };
  const annotations = { ...taken(dropped.annotations), ...wanted.metadata?.annotations };
  const selector = replacing(found.spec?.selector, wanted.spec?.selector);
  const { ports, trafficDistribution } = { ...wanted.spec };
  const isDropped = dropped.fields.includes("trafficDistribution");
  const distribution = trafficDistribution ?? (isDropped ? null : undefined);
  const spec = { selector, ports, ...(distribution === undefined ? {} : { trafficDistribution: distribution }) };
  const body = { metadata: { resourceVersion, labels, annotations }, spec };
  const written = await deps.cluster.patch<V1Service>(
    resource.services,
    { name, namespace },
    { type: "merge", body, fieldManager: manager },
  );
  deps.world.services.wrote(written);
}

function taken(names: readonly string[]): Record<string, null> {
  return Object.fromEntries(names.map((name) => [name, null]));
}

/** A merge patch adds to what is there: a key that is not wanted any more must be taken out by name. */
function replacing(found: Record<string, string> = {}, wanted: Record<string, string> = {}): object {
  return { ...Object.fromEntries(Object.keys(found).map((key) => [key, null])), ...wanted };
}

/** A route that is there keeps its weights. */
async function applyRoute(deps: PerformDeps, objects: CanaryObjects): Promise<void> {
  const { served, apexName: apex, route } = objects;
  const wanted = wantedRoute(objects);
  if (!served || !wanted) return;
  const cache = routeCache(deps.world, served);
  if (route) {
    const body = followingSpec(await wholeOf(deps.cluster, served.resource, route), wanted, apex);
    objects.route = await deps.cluster.replace(served.resource, body, { fieldManager: manager });
    cache.wrote(objects.route);
    return;
  }
  objects.route = await createNew(deps, { of: served.resource, cache }, wanted);
}

async function removeOtherRoute(deps: PerformDeps, objects: CanaryObjects): Promise<void> {
  const other = otherRouteOf(deps, objects);
  if (other) await deleteSeen(deps.cluster, other.of, other.route);
}

async function setWeight(
  deps: WriteDeps,
  objects: CanaryObjects,
  { weight, over, rules }: Extract<Action, { kind: "setWeight" }>,
): Promise<void> {
  const { served, route: observed, apexName } = objects;
  if (!served || !observed) return;
  const route = await wholeOf(deps.cluster, served.resource, observed);
  const weighted = served.router.withWeight(route, apexName, weight, over);
  const wanted = served.router.withRules(weighted, apexName, weight, rules);
  objects.route = await deps.cluster.replace(served.resource, wanted, { fieldManager: manager });
  routeCache(deps.world, served).wrote(objects.route);
}

async function runCanary(
  deps: WriteDeps,
  { objects, progressDeadlineMs }: ApplyContext,
  wanted: { intent: string; replicas: number },
): Promise<void> {
  const target = await wholeOf(deps.cluster, resource.deployments, requireTarget(objects));
  if (hashTemplate(target.spec?.template) !== wanted.intent)
    throw new CanaryError("Conflict", `Deployment ${objects.targetName} no longer has the template of this run.`);
  const desired = canaryDeployment(target, {
    canary: metaOf(objects.canary).name,
    uid: metaOf(objects.canary).uid,
    ...wanted,
    track: trackLabel(target, objects),
    progressDeadlineSeconds: Math.ceil(progressDeadlineMs / 1_000),
  });
  const { workload } = objects;
  // The target was made anew with another selector. A selector cannot be changed: what has the old one goes, and the next look makes it anew.
  if (workload && sortedJson(workload.spec?.selector) !== sortedJson(desired.spec?.selector))
    return void (await deleteSeen(deps.cluster, resource.deployments, workload));
  const { deployments: cache } = deps.world;
  if (!workload) {
    objects.workload = await createNew(deps, { of: resource.deployments, cache }, withoutPods(desired));
    return;
  }
  const wantedNow = overwriting(workload, desired);
  objects.workload = await deps.cluster.replace(resource.deployments, wantedNow, { fieldManager: manager });
  cache.wrote(objects.workload);
}

/**
 * Throws `Conflict` where it is there already: another leader has made it, or we have and never heard. It is read, so that the
 * next look knows it, and whose it is.
 */
async function createNew<T extends Stored>(
  deps: WriteDeps,
  { of, cache }: { of: Resource; cache: Cache<T> },
  wanted: T,
): Promise<T> {
  try {
    const made = await deps.cluster.create<T>(of, wanted, { fieldManager: manager });
    cache.wrote(made);
    return made;
  } catch (error: unknown) {
    if (!hasCode(error, "AlreadyExists")) throw error;
    const { name = "", namespace = "" } = { ...wanted.metadata };
    cache.wrote(await deps.cluster.get<T>(of, { name, namespace }));
    throw new CanaryError("Conflict", error.message, { status: 409, cause: error });
  }
}

/** A creation has no precondition. What comes too late must do no harm. */
function withoutPods(desired: V1Deployment): V1Deployment {
  return { ...desired, spec: { ...desired.spec!, replicas: 0 } };
}

/** `desired` in place of exactly the object that was observed. */
function overwriting(found: V1Deployment, desired: V1Deployment): V1Deployment {
  const { uid, resourceVersion } = found.metadata ?? {};
  return {
    ...desired,
    metadata: { ...desired.metadata, ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) },
  };
}

async function scaleCanary(
  deps: WriteDeps,
  objects: CanaryObjects,
  { replicas, over }: { replicas: number; over?: string },
): Promise<void> {
  if (!objects.workload) return;
  const { name, namespace } = metaOf(objects.workload);
  const { resourceVersion } = { ...objects.workload.metadata };
  const { name: canary, uid } = metaOf(objects.canary);
  const seal = { [label.canaryUid]: sealOf({ canary, uid }, name) };
  const labels = { ...seal, ...(over === undefined ? {} : { [label.over]: over }) };
  const body = { metadata: { resourceVersion, labels }, spec: { replicas } };
  objects.workload = await deps.cluster.patch<V1Deployment>(
    resource.deployments,
    { name, namespace },
    { type: "merge", body, fieldManager: manager },
  );
  deps.world.deployments.wrote(objects.workload);
}

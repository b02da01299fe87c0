/** Performs decisions' actions: the only writer beside `target.ts`. Each action is absolute; all may be repeated. */
import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import { apexService, canaryDeployment, leavesOf } from "../../../shared/core/objects/workload.ts";
import { pausedCondition, rejectedCondition } from "../../../shared/core/admission/rejection.ts";
import { annotation, label, manager, primaryName } from "../../../shared/core/objects/names.ts";
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
  restoreStable,
  setProgressing,
  settleTarget,
  unholdTarget,
} from "./target.ts";
import type { Served } from "../objects/route-choice.ts";
import { metaOf } from "../objects/from-objects.ts";

export type PerformDeps = WriteDeps & Deleting;

export interface ApplyContext {
  scene: CanaryObjects;
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
  optIn: (deps, { scene }, { podTemplateHash }) =>
    patchTarget(deps, scene, { labels: { [label.target]: uidOf(scene), [label.stable]: podTemplateHash } }),
  settleTarget: (deps, { scene }, { podTemplateHash }) => settleTarget(deps, scene, podTemplateHash),
  releaseTarget: (deps, { scene }, action) => releaseTarget(deps, scene, action),
  unholdTarget: (deps, { scene }) => unholdTarget(deps, scene),
  restoreStable: async (deps, { scene }, { podTemplateHash }) => {
    scene.target = await restoreStable(deps, requireTarget(scene), podTemplateHash, []);
  },
  removeOurs: (deps, { scene: { canary, namespace } }) => removeOurs(deps, { namespace, name: metaOf(canary).name }),
  keepStable: (deps, { scene }, { podTemplateHash }) => keepStable(deps, scene, podTemplateHash),
  consumeBypass: (deps, { scene }) =>
    patchTarget(deps, scene, {
      labels: { [label.bypass]: null },
      annotations: { [annotation.requestedBy]: null },
    }),
  markRejected: async (deps, { scene }, { words, intent }) => {
    scene.target = await setProgressing(deps, requireTarget(scene), rejectedCondition(words, intent));
  },
  clearRejected: async (deps, { scene }) => {
    scene.target = await setProgressing(deps, requireTarget(scene), pausedCondition);
  },
  applyServices: (deps, { scene }) => applyServices(deps, scene),
  applyRoute: (deps, { scene }) => createRoute(deps, scene),
  setWeight: (deps, { scene }, action) => setWeight(deps, scene, action),
  runCanary: (deps, stage, action) => runCanary(deps, stage, action),
  scaleCanary: (deps, { scene }, action) => scaleCanary(deps, scene, action),
};

function uidOf(scene: CanaryObjects): string {
  return metaOf(requireTarget(scene)).uid;
}

async function applyServices(deps: WriteDeps, scene: CanaryObjects): Promise<void> {
  const target = requireTarget(scene);
  const { name: canary, uid } = metaOf(scene.canary);
  const context = { canary, uid, apex: scene.apexName, ports: scene.ports };
  if (!scene.apex) await createIfMissing(deps, apexService(target, context));
  const leaf = deps.world.services.get(scene.namespace, primaryName(scene.apexName));
  for (const wanted of leavesOf(target, context, leaf)) {
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
  const labels = wanted.metadata?.labels;
  const selector = replacing(found.spec?.selector, wanted.spec?.selector);
  const body = { metadata: { resourceVersion, labels }, spec: { selector, ports: wanted.spec?.ports } };
  const written = await deps.cluster.patch<V1Service>(
    resource.services,
    { name, namespace },
    { type: "merge", body, fieldManager: manager },
  );
  deps.world.services.wrote(written);
}

/** A merge patch adds to what is there: a key that is not wanted any more must be taken out by name. */
function replacing(found: Record<string, string> = {}, wanted: Record<string, string> = {}): object {
  return { ...Object.fromEntries(Object.keys(found).map((key) => [key, null])), ...wanted };
}

async function createRoute(deps: PerformDeps, scene: CanaryObjects): Promise<void> {
  const { served, canary, namespace, apexName: apex, port } = scene;
  if (!served) return;
  const { name, uid } = metaOf(canary);
  const { gatewayRefs = [], hosts = [] } = { ...canary.spec.service };
  const apiVersion = `${served.resource.group}/${served.resource.version}`;
  const context = { canary: name, namespace, uid, apex, port, gatewayRefs, hosts, apiVersion };
  const cache = routeCache(deps.world, served);
  scene.route = await createNew(deps, { of: served.resource, cache }, served.router.build(context));
  await deleteOtherRoute(deps, { served, namespace, canary: name, apex });
}

/** The provider was another before: what is left of it would go on dividing traffic. */
async function deleteOtherRoute(
  deps: PerformDeps,
  { served, namespace, canary, apex }: { served: Served; namespace: string; canary: string; apex: string },
): Promise<void> {
  const { trafficSplit, httpRoute } = deps.routes;
  const other = served.router.kind === "TrafficSplit" ? httpRoute : trafficSplit;
  const found = routeCache(deps.world, other).get(namespace, apex);
  if (found && metaOf(found).labels[label.canary] === canary) await deleteSeen(deps.cluster, other.resource, found);
}

async function setWeight(
  deps: WriteDeps,
  scene: CanaryObjects,
  { weight, over }: { weight: number; over?: string },
): Promise<void> {
  const { served, route, apexName } = scene;
  if (!served || !route) return;
  const wanted = served.router.withWeight(route, apexName, weight, over);
  scene.route = await deps.cluster.replace(served.resource, wanted, { fieldManager: manager });
  routeCache(deps.world, served).wrote(scene.route);
}

async function runCanary(
  deps: WriteDeps,
  { scene, progressDeadlineMs }: ApplyContext,
  wanted: { intent: string; replicas: number },
): Promise<void> {
  const target = requireTarget(scene);
  if (hashTemplate(target.spec?.template) !== wanted.intent)
    throw new CanaryError("Conflict", `Deployment ${scene.targetName} no longer has the template of this run.`);
  const desired = canaryDeployment(target, {
    canary: metaOf(scene.canary).name,
    uid: metaOf(scene.canary).uid,
    ...wanted,
    progressDeadlineSeconds: Math.ceil(progressDeadlineMs / 1_000),
  });
  const { workload } = scene;
  // The target was made anew with another selector. A selector cannot be changed: what has the old one goes, and the next look makes it anew.
  if (workload && sortedJson(workload.spec?.selector) !== sortedJson(desired.spec?.selector))
    return void (await deleteSeen(deps.cluster, resource.deployments, workload));
  const { deployments: cache } = deps.world;
  if (!workload) {
    scene.workload = await createNew(deps, { of: resource.deployments, cache }, withoutPods(desired));
    return;
  }
  const wantedNow = overwriting(workload, desired);
  scene.workload = await deps.cluster.replace(resource.deployments, wantedNow, { fieldManager: manager });
  cache.wrote(scene.workload);
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
  scene: CanaryObjects,
  { replicas, over }: { replicas: number; over?: string },
): Promise<void> {
  if (!scene.workload) return;
  const { name, namespace } = metaOf(scene.workload);
  const { resourceVersion } = { ...scene.workload.metadata };
  const { name: canary, uid } = metaOf(scene.canary);
  const seal = { [label.canaryUid]: sealOf({ canary, uid }, name) };
  const labels = { ...seal, ...(over === undefined ? {} : { [label.over]: over }) };
  const body = { metadata: { resourceVersion, labels }, spec: { replicas } };
  scene.workload = await deps.cluster.patch<V1Deployment>(
    resource.deployments,
    { name, namespace },
    { type: "merge", body, fieldManager: manager },
  );
  deps.world.deployments.wrote(scene.workload);
}

/** Writes to the user's Deployment: marks, `paused`, its Progressing condition, and stable's template put back. */
import type { V1Deployment, V1ManagedFieldsEntry, V1PodTemplateSpec } from "@kubernetes/client-node";
import { lastAppliedAnnotation, withDropped } from "../../../shared/core/objects/last-applied.ts";
import { annotation, heldValue, label, manager } from "../../../shared/core/objects/names.ts";
import { pausedCondition, rejectedCondition } from "../../../shared/core/admission/rejection.ts";
import { imagesOf } from "../../../shared/core/objects/pod-template.ts";
import { formatImages } from "../../../shared/core/turn/turn.ts";
import { returnFields } from "../../../shared/core/objects/managed-fields.ts";
import { hashTemplate } from "../../../shared/template-hash.ts";
import { CanaryError } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { StableLost } from "./not-given-back.ts";
import { keptTemplate, templateOfReplicaSet } from "./stable-template.ts";
import type { CanaryObjects, WriteDeps } from "../cache/canary-objects.ts";
import { metaOf } from "../objects/from-objects.ts";

export function requireTarget(objects: CanaryObjects): V1Deployment {
  if (objects.target) return objects.target;
  throw new CanaryError("NotFound", `Deployment ${objects.targetName} is gone.`);
}

export interface TargetPatch {
  labels?: Labels;
  annotations?: Labels;
  spec?: object;
}

/** A merge patch on exactly the target that was observed: a newer version of it is a Conflict. */
export async function patchTarget(
  deps: WriteDeps,
  objects: CanaryObjects,
  { labels, annotations, spec }: TargetPatch,
): Promise<void> {
  const { name, namespace } = metaOf(requireTarget(objects));
  const resourceVersion = objects.target?.metadata?.resourceVersion;
  const metadata = { resourceVersion, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
  const body = { metadata, ...(spec ? { spec } : {}) };
  const at = { name, namespace };
  const written = await deps.cluster.patch<V1Deployment>(resource.deployments, at, {
    type: "merge",
    body,
    fieldManager: manager,
  });
  objects.target = written;
  deps.world.deployments.wrote(written);
}

export async function releaseTarget(
  deps: WriteDeps,
  objects: CanaryObjects,
  { intent, run }: { intent: string; run: string },
): Promise<void> {
  const found = hashTemplate(requireTarget(objects).spec?.template);
  if (found !== intent)
    throw new CanaryError("Conflict", `Deployment ${objects.targetName} no longer has the judged template.`);
  return patchTarget(deps, objects, {
    labels: { [label.held]: null, [label.promoting]: run },
    annotations: { [annotation.requestedBy]: null },
    spec: { paused: null },
  });
}

/** Another mark on its template, held as admission would hold it: our own writes pass there as they are. */
export function markConfigs(
  deps: WriteDeps,
  objects: CanaryObjects,
  { mark, changed }: { mark?: string; changed: string },
): Promise<void> {
  const target = requireTarget(objects);
  const held = target.spec?.paused === true ? heldValue.pausedByUser : heldValue.running;
  const words =
    changed === "" ? "configuration that is as stable has it, or tracked no more" : `a change of ${changed}`;
  return patchTarget(deps, objects, {
    ...(label.held in metaOf(target).labels ? {} : { labels: { [label.held]: held } }),
    annotations: { [annotation.requestedBy]: words },
    spec: { paused: true, template: { metadata: { annotations: { [annotation.config]: mark ?? null } } } },
  });
}

export async function unholdTarget(deps: WriteDeps, objects: CanaryObjects): Promise<void> {
  objects.target = await giveBack(deps, requireTarget(objects), { dropLabels: [label.held] });
}

/** The target runs what it should: `podTemplateHash` is stable, and nobody is kept from changing it. */
export async function markStable(deps: WriteDeps, objects: CanaryObjects, podTemplateHash: string): Promise<void> {
  const stable = { [label.stable]: podTemplateHash };
  objects.target = await giveBack(deps, requireTarget(objects), { dropLabels: [label.promoting], setLabels: stable });
}

/** What `rollout status` and kstatus read: the deployment controller leaves this condition alone while the target is paused. */
export async function setProgressing(
  deps: WriteDeps,
  target: V1Deployment,
  words: { status: string; reason: string; message: string },
): Promise<V1Deployment> {
  const { name, namespace } = metaOf(target);
  const { resourceVersion } = { ...target.metadata };
  const time = new Date(deps.now()).toISOString();
  const condition = { type: "Progressing", ...words, lastUpdateTime: time, lastTransitionTime: time };
  const written = await deps.cluster.patch<V1Deployment>(
    resource.deployments,
    { name, namespace, subresource: "status" },
    {
      type: "strategic",
      // Of a later version of the target it might not be true any more.
      body: { metadata: { resourceVersion }, status: { conditions: [condition] } },
      fieldManager: manager,
    },
  );
  deps.world.deployments.wrote(written);
  return written;
}

/**
 * Writes the template of the target's ReplicaSet `podTemplateHash` back into its spec; then gives the target back in a further
 * write. The marks stay until then: should that write be lost, whoever takes them off does the rest of it. Whoever waits for the
 * template that goes is told first that it did not go out: stable's own rollout would pass for its success.
 */
export async function restoreStable(
  deps: WriteDeps,
  target: V1Deployment,
  podTemplateHash: string,
  dropLabels: readonly string[],
): Promise<V1Deployment> {
  const template = await templateOf(deps, target, podTemplateHash);
  const before = await failRollout(deps, target);
  const { annotations } = metaOf(before);
  const lastApplied = annotations[lastAppliedAnnotation];
  const remembered =
    lastApplied === undefined
      ? annotations
      : { ...annotations, [lastAppliedAnnotation]: withDropped(lastApplied, before.spec?.template, template) };
  const { managedFields = [], ...metadata } = before.metadata ?? {};
  const written = await deps.cluster.replace<V1Deployment>(
    resource.deployments,
    { ...before, metadata: { ...metadata, annotations: remembered }, spec: { ...before.spec!, template } },
    { fieldManager: manager },
  );
  const given = await returnToManagers(deps, written, {
    dropLabels: [...dropLabels, label.held],
    owners: managedFields,
  });
  // Kubernetes itself says nothing of a rollout that its user has paused.
  return given.spec?.paused ? setProgressing(deps, given, pausedCondition) : given;
}

/** Takes our marks off, sets `paused` back to what it was before we held it, and gives up the template's fields. */
export async function giveBack(deps: WriteDeps, target: V1Deployment, giving: Giving): Promise<V1Deployment> {
  return returnToManagers(deps, await presentTarget(deps, target), giving);
}

export interface Giving {
  dropLabels: readonly string[];
  setLabels?: Record<string, string>;
  /** Who owned what before we wrote a template, where that is known. */
  owners?: readonly V1ManagedFieldsEntry[];
}

// --- internal ---

type Labels = Record<string, string | null>;

/** The target as it is, with its managedFields, which the cache leaves out. Throws where it is not the one observed. */
async function presentTarget(deps: WriteDeps, observed: V1Deployment): Promise<V1Deployment> {
  const { name, namespace } = metaOf(observed);
  const found = await deps.cluster.get<V1Deployment>(resource.deployments, { name, namespace });
  if (found.metadata?.resourceVersion === observed.metadata?.resourceVersion) return found;
  throw new CanaryError("Conflict", `Deployment ${name} was changed by someone else.`);
}

/** Tells everyone who waits for the template that is about to go that it has failed. */
function failRollout(deps: WriteDeps, target: V1Deployment): Promise<V1Deployment> {
  const words = `${formatImages(imagesOf(target.spec?.template))} did not go out: stable's template is put back.`;
  return setProgressing(deps, target, rejectedCondition(words, hashTemplate(target.spec?.template)));
}

/** From stable's ReplicaSet; where that is gone, from what we keep ourselves. */
async function templateOf(deps: WriteDeps, target: V1Deployment, podTemplateHash: string): Promise<V1PodTemplateSpec> {
  const { name: targetName, namespace } = metaOf(target);
  const template =
    (await templateOfReplicaSet(deps, target, podTemplateHash)) ??
    (await keptTemplate(deps, { namespace, targetName, podTemplateHash }));
  if (template) return template;
  throw new StableLost(
    "NotFound",
    `The ReplicaSet of stable (${podTemplateHash}) of ${targetName} is gone: its template cannot be put back.`,
  );
}

async function returnToManagers(deps: WriteDeps, target: V1Deployment, giving: Giving): Promise<V1Deployment> {
  const { labels, annotations } = metaOf(target);
  const { managedFields = [] } = { ...target.metadata };
  const kept = Object.entries(labels).filter(([key]) => !giving.dropLabels.includes(key));
  const unheld = label.held in labels && giving.dropLabels.includes(label.held);
  const returned = returnFields(giving.owners ?? [], managedFields, manager);
  const metadata = {
    ...target.metadata,
    labels: { ...Object.fromEntries(kept), ...giving.setLabels },
    annotations: unheld ? withoutRequester(annotations) : annotations,
    ...(returned ? { managedFields: returned } : {}),
  };
  const { paused: _paused, ...spec } = target.spec!;
  const asUserHadIt = labels[label.held] === heldValue.pausedByUser ? { paused: true } : {};
  const written = await deps.cluster.replace<V1Deployment>(
    resource.deployments,
    { ...target, metadata, spec: unheld ? { ...spec, ...asUserHadIt } : target.spec! },
    { fieldManager: manager },
  );
  deps.world.deployments.wrote(written);
  return written;
}

function withoutRequester(annotations: Record<string, string>): Record<string, string> {
  const { [annotation.requestedBy]: _by, ...others } = annotations;
  return others;
}

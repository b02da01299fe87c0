/** Kubernetes objects reduced to what decisions need. Pure: objects in, views out. */
import type {
  V1Deployment,
  V1DeploymentCondition,
  V1EndpointSlice,
  V1ObjectMeta,
  V1OwnerReference,
  V1ReplicaSet,
  V1Service,
} from "@kubernetes/client-node";
import { isRejection } from "../../../shared/core/admission/rejection.ts";
import { annotation, heldValue, label, manager } from "../../../shared/core/objects/names.ts";
import type { Version } from "../../../shared/core/state.ts";
import type { Endpoints, Workload, Target } from "../../../shared/core/observation.ts";
import { imagesOf, podLabelsOf } from "../../../shared/core/objects/pod-template.ts";
import { small } from "../../../shared/core/objects/kept/kept-size.ts";
import { hashTemplate } from "../../../shared/template-hash.ts";
import { optional } from "../../../shared/core/format/compact.ts";

/** A ReplicaSet as it is kept in memory: its template is replaced by what we ask of it. */
export interface Revision {
  metadata: V1ObjectMeta;
  /** UID of the Deployment that controls it. */
  owner: string;
  version: Version;
  /** Kubernetes' own revision number. */
  revision: number;
  replicas: number;
  /** Ready pods. */
  ready: number;
  /** What its pods carry; of those that have none nobody asks. */
  labels?: Readonly<Record<string, string>>;
}

export function toRevision(replicaSet: V1ReplicaSet): Revision {
  const meta = metaOf(replicaSet);
  const { template, replicas = 0 } = { template: undefined, ...replicaSet.spec };
  const status = { replicas: 0, readyReplicas: 0, ...replicaSet.status };
  const podTemplateHash = meta.labels[label.podTemplateHash] ?? "";
  const { name, namespace, uid, resourceVersion = "" } = { ...meta, ...replicaSet.metadata };
  return {
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      ownerReferences: controllers(meta.ownerReferences),
    },
    owner: meta.ownerReferences.find((owner) => owner.controller)?.uid ?? "",
    version: { hash: hashTemplate(template), podTemplateHash, images: bounded(imagesOf(template)) },
    revision: Number(meta.annotations["deployment.kubernetes.io/revision"] ?? 0),
    replicas: Math.max(replicas, status.replicas),
    ready: status.readyReplicas,
    ...(Math.max(replicas, status.replicas) > 0 ? { labels: bounded(podLabelsOf(template)) } : {}),
  };
}

/** To be called while the object still has its managedFields. */
export function rememberWriter(deployment: V1Deployment): void {
  const writer = writerOf(deployment);
  if (writer !== undefined) writers.set(deployment, writer);
}

export function toTarget(deployment: V1Deployment, revisions: readonly Revision[]): Target {
  const { uid, labels, annotations } = metaOf(deployment);
  const spec = { replicas: 1, ...deployment.spec };
  const intent = hashTemplate(spec.template);
  const active = revisions.filter((revision) => revision.replicas > 0).sort((a, b) => a.revision - b.revision);
  return {
    uid,
    intent,
    ...optional("podTemplateHash", revisions.find(({ version }) => version.hash === intent)?.version.podTemplateHash),
    images: imagesOf(spec.template),
    replicas: spec.replicas,
    readyPods: deployment.status?.readyReplicas ?? 0,
    optedIn: labels[label.target] === uid,
    // Marks on an object that is not opted in came along with a copy.
    held: label.held in labels && labels[label.target] === uid,
    paused: spec.paused === true,
    bypass: label.bypass in labels,
    changedBy: changedBy(deployment),
    stableKept: false,
    kept: revisions.map((revision) => revision.version.podTemplateHash),
    pausedByUser: labels[label.held] === heldValue.pausedByUser,
    requestedBy: annotations[annotation.requestedBy] ?? "an unnamed user",
    ...optional("configMark", spec.template?.metadata?.annotations?.[annotation.config]),
    rolledOut: isRolledOut(deployment),
    ...optional("available", availableOf(deployment)),
    ...(mayLeaveNobody(deployment) ? { mayLeaveNobody: true } : {}),
    active: active.map((revision) => revision.version),
    ...optional("promoting", labels[label.promoting]),
    ...optional("stableMark", labels[label.stable]),
    ...progressOf(deployment),
  };
}

export function toWorkload(deployment: V1Deployment, revisions: readonly Revision[], failure?: string): Workload {
  const hash = hashTemplate(deployment.spec?.template);
  const current = revisions.find((revision) => revision.version.hash === hash);
  const { labels } = metaOf(deployment);
  return {
    intent: labels[label.intent] ?? "",
    template: hash,
    ...optional("over", labels[label.over]),
    replicas: deployment.spec?.replicas ?? 0,
    ...optional("podTemplateHash", current?.version.podTemplateHash),
    ...optional("failure", failure),
  };
}

/**
 * What is behind a leaf Service now. The slices of one that was deleted stay for a moment, also while another of its name is
 * there: they lead nowhere.
 */
export function behind(service: V1Service | undefined, slices: readonly V1EndpointSlice[]): V1EndpointSlice[] {
  const uid = service?.metadata?.uid;
  if (uid === undefined) return [];
  return slices.filter(({ metadata }) => {
    const owner = metadata?.ownerReferences?.find(({ kind }) => kind === "Service");
    return owner === undefined || owner.uid === uid;
  });
}

/**
 * Ready endpoints, one per pod, by the pod-template-hash of the ReplicaSet that the pod's name begins with; `labelled`: by pod, where
 * its own labels have been read.
 */
export function toEndpoints(
  slices: readonly V1EndpointSlice[],
  revisions: readonly Revision[] = [],
  labelled: ReadonlyMap<string, string> = new Map(),
): Endpoints {
  const endpoints = slices.flatMap((slice) => slice.endpoints ?? []);
  const ready = endpoints.filter((endpoint) => endpoint.conditions?.ready !== false);
  const pods = new Set(ready.flatMap((endpoint) => endpoint.targetRef?.name ?? []));
  const byRevision: Record<string, number> = {};
  for (const pod of pods) {
    const hash = labelled.get(pod) ?? podTemplateHashOf(pod, revisions);
    byRevision[hash] = (byRevision[hash] ?? 0) + 1;
  }
  return { ready: pods.size, byRevision };
}

/** The ready pods of one Deployment, as its ReplicaSets count them. */
export function readyPods(revisions: readonly Revision[]): Endpoints {
  const serving = revisions.filter(({ ready }) => ready > 0);
  const byRevision = Object.fromEntries(serving.map(({ version, ready }) => [version.podTemplateHash, ready]));
  return { ready: serving.reduce((sum, { ready }) => sum + ready, 0), byRevision };
}

/** Kubernetes cuts pods' names: of a long Deployment's it leaves too little of the hash to tell two versions apart. */
export function areAlikeByName(revisions: readonly Revision[]): boolean {
  const prefixes = revisions.map(podPrefix);
  return new Set(prefixes).size < prefixes.length;
}

/** The metadata with nothing missing. */
export function metaOf(object: { metadata?: V1ObjectMeta }): {
  name: string;
  namespace: string;
  uid: string;
  generation: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  ownerReferences: NonNullable<V1ObjectMeta["ownerReferences"]>;
} {
  const empty = { name: "", namespace: "", uid: "", generation: 0, labels: {}, annotations: {}, ownerReferences: [] };
  return { ...empty, ...object.metadata };
}

// --- internal ---

/** A tenant's template may have thousands. */
const bounded = (texts: Record<string, string>): Record<string, string> => small(texts, 16 * 1_024) ?? {};

function controllers(owners: readonly V1OwnerReference[]): V1OwnerReference[] {
  return owners
    .filter((owner) => owner.controller)
    .map(({ apiVersion, kind, name, uid }) => ({ apiVersion, kind, name, uid, controller: true }));
}

const writers = new WeakMap<V1Deployment, string>();

/** The user whom admission saw, where break-glass let a change go; else the field manager that last wrote the template. */
function changedBy(deployment: V1Deployment): string {
  const { labels, annotations } = metaOf(deployment);
  const stamped = label.bypass in labels ? annotations[annotation.requestedBy] : undefined;
  return stamped ?? writers.get(deployment) ?? writerOf(deployment) ?? "an unknown writer";
}

function writerOf(deployment: V1Deployment): string | undefined {
  const entries = (deployment.metadata?.managedFields ?? [])
    .filter(
      (entry) =>
        entry.manager !== manager &&
        entry.subresource === undefined &&
        writesTemplate(entry.fieldsV1 as object | undefined),
    )
    .sort((a, b) => Number(new Date(b.time ?? 0)) - Number(new Date(a.time ?? 0)));
  return entries[0]?.manager;
}

function writesTemplate(fields: object | undefined): boolean {
  const { "f:spec": spec } = (fields ?? {}) as { "f:spec"?: object };
  return spec !== undefined && "f:template" in spec;
}

/** Kubernetes cuts the name of a ReplicaSet to this before it adds five characters for a pod. */
const longestPodPrefix = 58;

const podPrefix = ({ metadata }: Revision): string => `${metadata.name ?? ""}-`.slice(0, longestPodPrefix);

/** Pods of a ReplicaSet are `<replicaset>-<suffix>`, cut where that is too long; the ReplicaSet is `<deployment>-<hash>`. */
function podTemplateHashOf(pod: string, revisions: readonly Revision[]): string {
  const prefix = pod.slice(0, -5);
  const found = revisions.filter((revision) => podPrefix(revision) === prefix);
  const [only, ...others] = found;
  return only && others.length === 0 ? only.version.podTemplateHash : (pod.split("-").at(-2) ?? "");
}

function isRolledOut(deployment: V1Deployment): boolean {
  const wanted = deployment.spec?.replicas ?? 1;
  return availableOf(deployment) === wanted && (deployment.status?.readyReplicas ?? 0) === wanted;
}

/** Undefined while a pod of another template is left, or one of this is not even there. */
function availableOf(deployment: V1Deployment): number | undefined {
  const none = { observedGeneration: 0, updatedReplicas: 0, replicas: 0, readyReplicas: 0, availableReplicas: 0 };
  const status = { ...none, ...deployment.status };
  const wanted = deployment.spec?.replicas ?? 1;
  const isReplaced = [status.updatedReplicas, status.replicas].every((count) => count === wanted);
  if (status.observedGeneration < metaOf(deployment).generation || !isReplaced) return undefined;
  return Math.min(status.availableReplicas, status.readyReplicas);
}

/** By Kubernetes' own arithmetic: shares of unavailable pods are rounded down, of additional ones up, and not both are 0. */
function mayLeaveNobody({ spec }: V1Deployment): boolean {
  const replicas = spec?.replicas ?? 1;
  const { maxSurge = "25%", maxUnavailable = "25%" } = { ...spec?.strategy?.rollingUpdate };
  const share = (value: number | string): number =>
    typeof value === "number" ? value : (Number.parseInt(value, 10) * replicas) / 100;
  const unavailable = Math.floor(share(maxUnavailable));
  const isForced = unavailable === 0 && Math.ceil(share(maxSurge)) === 0;
  return replicas > 0 && (isForced ? 1 : unavailable) >= replicas;
}

function progressOf(deployment: V1Deployment): Pick<Target, "markedRejected" | "stuck"> {
  const conditions = deployment.status?.conditions ?? [];
  const none: V1DeploymentCondition = { type: "Progressing", status: "Unknown" };
  const { reason, message = "" } = conditions.find((condition) => condition.type === "Progressing") ?? none;
  const markedRejected = isRejection(message);
  const stuck = reason === "ProgressDeadlineExceeded" && !markedRejected;
  return { markedRejected, ...(stuck ? { stuck: message } : {}) };
}

/** Writes to the user's Deployment: marks, `paused`, its Progressing condition, and stable's template put back. */
import type { V1Deployment, V1ReplicaSet } from "@kubernetes/client-node";
import { annotation, heldValue, label, manager } from "../../shared/core/names.ts";
import { hashTemplate } from "../../shared/hash.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { CanaryError } from "../../shared/kube/errors.ts";
import { resource } from "../../shared/kube/resources.ts";
import type { Scene } from "./observe.ts";
import { metaOf } from "./views.ts";
import { indexes, type World } from "./world.ts";

export interface WriteDeps {
  cluster: Cluster;
  world: World;
  now(): number;
}

export function requireTarget(scene: Scene): V1Deployment {
  if (scene.target) return scene.target;
  throw new CanaryError("NotFound", `Deployment ${scene.targetName} is gone.`);
}

export interface TargetPatch {
  labels?: Labels;
  annotations?: Labels;
  spec?: object;
}

/** A merge patch on exactly the target that was observed: a newer version of it is a Conflict. */
export async function patchTarget(
  deps: WriteDeps,
  scene: Scene,
  { labels, annotations, spec }: TargetPatch,
): Promise<void> {
  const { name, namespace } = metaOf(requireTarget(scene));
  const resourceVersion = scene.target?.metadata?.resourceVersion;
  const metadata = { resourceVersion, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
  const body = { metadata, ...(spec ? { spec } : {}) };
  const at = { name, namespace };
  const written = await deps.cluster.patch<V1Deployment>(resource.deployments, at, {
    type: "merge",
    body,
    fieldManager: manager,
  });
  scene.target = written;
  deps.world.deployments.wrote(written);
}

export async function releaseTarget(
  deps: WriteDeps,
  scene: Scene,
  { intent, run }: { intent: string; run: string },
): Promise<void> {
  const found = hashTemplate(requireTarget(scene).spec?.template);
  if (found !== intent)
    throw new CanaryError("Conflict", `Deployment ${scene.targetName} no longer has the judged template.`);
  return patchTarget(deps, scene, {
    labels: { [label.held]: null, [label.promoting]: run },
    annotations: { [annotation.requestedBy]: null },
    spec: { paused: null },
  });
}

export async function unholdTarget(deps: WriteDeps, scene: Scene): Promise<void> {
  const byUser = metaOf(requireTarget(scene)).labels[label.held] === heldValue.pausedByUser;
  return patchTarget(deps, scene, {
    labels: { [label.held]: null },
    annotations: { [annotation.requestedBy]: null },
    spec: { paused: byUser ? true : null },
  });
}

/** What `rollout status` and kstatus read: the deployment controller leaves this condition alone while the target is paused. */
export async function setProgressing(
  deps: WriteDeps,
  scene: Scene,
  words: { status: string; reason: string; message: string },
): Promise<void> {
  const { name, namespace } = metaOf(requireTarget(scene));
  const time = new Date(deps.now()).toISOString();
  const condition = { type: "Progressing", ...words, lastUpdateTime: time, lastTransitionTime: time };
  const written = await deps.cluster.patch<V1Deployment>(
    resource.deployments,
    { name, namespace, subresource: "status" },
    { type: "strategic", body: { status: { conditions: [condition] } }, fieldManager: manager },
  );
  scene.target = written;
  deps.world.deployments.wrote(written);
}

/**
 * Writes the template of the target's ReplicaSet `podTemplateHash` back into its spec, in one write with `paused` as its user
 * had it; then takes our own entry out of managedFields, so that nobody's next server-side apply conflicts with us.
 */
export async function restoreStable(
  deps: WriteDeps,
  target: V1Deployment,
  podTemplateHash: string,
  dropLabels: readonly string[],
): Promise<void> {
  const { namespace, uid } = metaOf(target);
  const revision = deps.world.revisions
    .byIndex(indexes.owner, uid)
    .find((candidate) => candidate.version.podTemplateHash === podTemplateHash);
  if (!revision?.metadata.name)
    throw new CanaryError(
      "NotFound",
      `The ReplicaSet of stable (${podTemplateHash}) of ${metaOf(target).name} is gone: its template cannot be put back.`,
    );
  const stable = await deps.cluster.get<V1ReplicaSet>(resource.replicaSets, {
    namespace,
    name: revision.metadata.name,
  });
  const kept = withoutMarks(target, [...dropLabels, label.held]);
  const template = withoutHashLabel(stable.spec!.template!);
  const { paused: _paused, ...spec } = target.spec!;
  const byUser = metaOf(target).labels[label.held] === heldValue.pausedByUser ? { paused: true } : {};
  const written = await deps.cluster.replace<V1Deployment>(
    resource.deployments,
    { ...kept, spec: { ...spec, ...byUser, template } },
    { fieldManager: manager },
  );
  deps.world.deployments.wrote(await disown(deps.cluster, written));
}

// --- internal ---

type Labels = Record<string, string | null>;

function withoutMarks(object: V1Deployment, labels: readonly string[]): V1Deployment {
  const kept = Object.entries(metaOf(object).labels).filter(([key]) => !labels.includes(key));
  const { [annotation.requestedBy]: _by, ...annotations } = metaOf(object).annotations;
  return { ...object, metadata: { ...object.metadata, labels: Object.fromEntries(kept), annotations } };
}

function withoutHashLabel(template: NonNullable<V1Deployment["spec"]>["template"]): typeof template {
  const { [label.podTemplateHash]: _hash, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

async function disown(cluster: Cluster, written: V1Deployment): Promise<V1Deployment> {
  const entries = written.metadata?.managedFields ?? [];
  const others = entries.filter((entry) => entry.manager !== manager || entry.subresource !== undefined);
  if (others.length === entries.length) return written;
  const metadata = { ...written.metadata, managedFields: others };
  return cluster.replace<V1Deployment>(resource.deployments, { ...written, metadata });
}

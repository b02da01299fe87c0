/**
 * Stable's template, kept in a ControllerRevision: a Deployment that is recreated, or keeps no old ReplicaSets, has lost it, and
 * `undo` and a rollback out of a promotion must still be able to put it back. Owned by the Canary, so it goes with it.
 */
import type { V1ControllerRevision, V1Deployment, V1PodTemplateSpec, V1ReplicaSet } from "@kubernetes/client-node";
import { kind, label, manager, keptName } from "../../shared/core/names.ts";
import { hasCode } from "../../shared/kube/errors.ts";
import { resource } from "../../shared/kube/resources.ts";
import { deleteSeen } from "./delete.ts";
import type { Scene } from "./observe.ts";
import type { WriteDeps } from "./target.ts";
import { metaOf } from "./views.ts";
import { indexes, type World } from "./world.ts";

/** Hash of the stable template that is kept for this Canary; undefined if none is. */
export function keptStable(world: World, { canary, namespace, targetName }: Scene, podTemplateHash: string): boolean {
  const kept = world.kept.get(namespace, keptName(targetName, podTemplateHash));
  return kept !== undefined && metaOf(kept).labels[label.canary] === metaOf(canary).name;
}

/** Keeps the template of the target's ReplicaSet `podTemplateHash`, and lets go of those kept before. */
export async function keepStable(deps: WriteDeps, scene: Scene, podTemplateHash: string): Promise<void> {
  const { canary, namespace, targetName } = scene;
  const name = keptName(targetName, podTemplateHash);
  const template = scene.target && (await templateOfReplicaSet(deps, scene.target, podTemplateHash));
  if (!template) return;
  await create(deps, { ...ownedBy(scene, name), data: { template }, revision: 1 });
  const earlier = deps.world.kept
    .byIndex(indexes.namespace, namespace)
    .filter((object) => metaOf(object).labels[label.canary] === metaOf(canary).name && metaOf(object).name !== name);
  for (const object of earlier) await deleteSeen(deps.cluster, resource.controllerRevisions, object);
}

/** The kept template; undefined where none is kept. */
export async function keptTemplate(
  deps: WriteDeps,
  at: { namespace: string; targetName: string; podTemplateHash: string },
): Promise<V1PodTemplateSpec | undefined> {
  const name = keptName(at.targetName, at.podTemplateHash);
  if (!deps.world.kept.get(at.namespace, name)) return undefined;
  const kept = await deps.cluster.get<V1ControllerRevision>(resource.controllerRevisions, {
    namespace: at.namespace,
    name,
  });
  return (kept.data as { template?: V1PodTemplateSpec } | undefined)?.template;
}

/** The template of the target's ReplicaSet `podTemplateHash`, as its user wrote it; undefined where there is none. */
export async function templateOfReplicaSet(
  deps: WriteDeps,
  target: V1Deployment,
  podTemplateHash: string,
): Promise<V1PodTemplateSpec | undefined> {
  const { namespace, uid } = metaOf(target);
  const revision = deps.world.revisions
    .byIndex(indexes.owner, uid)
    .find((candidate) => candidate.version.podTemplateHash === podTemplateHash);
  const name = revision?.metadata.name;
  if (!name) return undefined;
  const { spec } = await deps.cluster.get<V1ReplicaSet>(resource.replicaSets, { namespace, name });
  if (!spec?.template) return undefined;
  const { [label.podTemplateHash]: _hash, ...labels } = spec.template.metadata?.labels ?? {};
  return { ...spec.template, metadata: { ...spec.template.metadata, labels } };
}

// --- internal ---

function ownedBy({ canary, namespace }: Scene, name: string): Omit<V1ControllerRevision, "revision"> {
  const { name: owner, uid } = metaOf(canary);
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name,
      namespace,
      labels: { [label.canary]: owner, [label.managedBy]: manager },
      ownerReferences: [
        {
          apiVersion: `${kind.canary.group}/${kind.canary.version}`,
          kind: kind.canary.kind,
          name: owner,
          uid,
          controller: true,
          blockOwnerDeletion: false,
        },
      ],
    },
  };
}

async function create(deps: WriteDeps, wanted: V1ControllerRevision): Promise<void> {
  try {
    deps.world.kept.wrote(await deps.cluster.create(resource.controllerRevisions, wanted, { fieldManager: manager }));
  } catch (error: unknown) {
    if (!hasCode(error, "AlreadyExists")) throw error;
    const { name, namespace } = metaOf(wanted);
    deps.world.kept.wrote(await deps.cluster.get(resource.controllerRevisions, { name, namespace }));
  }
}

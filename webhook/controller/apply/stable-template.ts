/**
 * Stable's template, kept in a ControllerRevision: a Deployment that is recreated, or keeps no old ReplicaSets, has lost it, and
 * `undo` and a rollback out of a promotion must still be able to put it back. Owned by the Canary, so it goes with it.
 */
import type { V1ControllerRevision, V1Deployment, V1PodTemplateSpec, V1ReplicaSet } from "@kubernetes/client-node";
import { kind, label, manager, keptName } from "../../../shared/core/objects/names.ts";
import { sealOf } from "../../../shared/core/objects/ownership.ts";
import { CanaryError, hasCode } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { deleteSeen } from "./delete.ts";
import type { CanaryObjects, WriteDeps } from "../cache/canary-objects.ts";
import { metaOf } from "../objects/from-objects.ts";
import { indexes } from "../cache/caches.ts";
import { isOf, keptFor } from "../cache/kept-template.ts";

/**
 * Keeps the template of the target's ReplicaSet `podTemplateHash` in the place of the one kept before. There is one name for all of
 * them: who comes too late finds it taken.
 */
export async function keepStable(deps: WriteDeps, objects: CanaryObjects, podTemplateHash: string): Promise<void> {
  const template = objects.target && (await templateOfReplicaSet(deps, objects.target, podTemplateHash));
  if (!template) return;
  const earlier = keptFor(deps.world, objects);
  if (earlier) await deleteSeen(deps.cluster, resource.controllerRevisions, earlier);
  await create(deps, objects, { ...ownedBy(objects, podTemplateHash), data: { template }, revision: 1 });
}

/** The kept template; undefined where none is kept. */
export async function keptTemplate(
  deps: WriteDeps,
  at: { namespace: string; targetName: string; podTemplateHash: string },
): Promise<V1PodTemplateSpec | undefined> {
  const name = keptName(at.targetName);
  const seen = deps.world.kept.get(at.namespace, name);
  if (!seen || !isOf(seen, at.podTemplateHash)) return undefined;
  const kept = await deps.cluster.get<V1ControllerRevision>(resource.controllerRevisions, {
    namespace: at.namespace,
    name,
  });
  // Of another version if it was replaced since: what is put back must be what was asked for.
  if (!isOf(kept, at.podTemplateHash)) return undefined;
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

function ownedBy(
  { canary, namespace, targetName }: CanaryObjects,
  podTemplateHash: string,
): Omit<V1ControllerRevision, "revision"> {
  const { name: owner, uid } = metaOf(canary);
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: keptName(targetName),
      namespace,
      labels: {
        [label.canary]: owner,
        [label.canaryUid]: sealOf({ canary: owner, uid }, keptName(targetName)),
        [label.managedBy]: manager,
        [label.stable]: podTemplateHash,
      },
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

async function create(deps: WriteDeps, objects: CanaryObjects, wanted: V1ControllerRevision): Promise<void> {
  try {
    deps.world.kept.wrote(await deps.cluster.create(resource.controllerRevisions, wanted, { fieldManager: manager }));
  } catch (error: unknown) {
    if (!hasCode(error, "AlreadyExists")) throw error;
    const { name, namespace } = metaOf(wanted);
    const found = await deps.cluster.get<V1ControllerRevision>(resource.controllerRevisions, { name, namespace });
    // A stranger's object of that name must not keep canaries from running: then its ReplicaSet is all that has the template.
    if (metaOf(found).labels[label.canary] !== metaOf(objects.canary).name) return;
    throw new CanaryError("Conflict", `ControllerRevision ${name} was replaced by someone else.`);
  }
}

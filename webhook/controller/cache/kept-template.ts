import type { V1ControllerRevision } from "@kubernetes/client-node";
import { keptName, label } from "../../../shared/core/objects/names.ts";
import { metaOf } from "../objects/from-objects.ts";
import type { Caches } from "./caches.ts";
import type { CanaryObjects } from "./canary-objects.ts";

export function isOf(object: V1ControllerRevision, podTemplateHash: string): boolean {
  return metaOf(object).labels[label.stable] === podTemplateHash;
}
// --- internal ---
export function keptFor(
  world: Caches,
  { canary, namespace, targetName }: CanaryObjects,
): V1ControllerRevision | undefined {
  const kept = world.kept.get(namespace, keptName(targetName));
  return kept && metaOf(kept).labels[label.canary] === metaOf(canary).name ? kept : undefined;
}

/** This stable template is kept for this Canary. */
export function keptStable(world: Caches, objects: CanaryObjects, podTemplateHash: string): boolean {
  const kept = keptFor(world, objects);
  return kept !== undefined && isOf(kept, podTemplateHash);
}

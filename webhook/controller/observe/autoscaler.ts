/** What scales a target. */
import { autoscalerOf, type AutoscalerSeen } from "../../../shared/core/objects/scaling/autoscaler.ts";
import { indexes, type Caches } from "../cache/caches.ts";
import type { CanaryObjects } from "../cache/canary-objects.ts";
import type { Answers } from "./questions.ts";

/** When a check is due. Undefined where nothing does, or it cannot be read: stable's floor holds all the same. */
export function autoscalerSeen(
  { autoscalers }: Pick<Caches, "autoscalers">,
  { namespace, targetName, target }: Pick<CanaryObjects, "namespace" | "targetName" | "target">,
  { metrics }: Answers,
): AutoscalerSeen | undefined {
  if (!metrics || !target || !autoscalers) return undefined;
  return autoscalerOf(autoscalers.byIndex(indexes.namespace, namespace), targetName);
}

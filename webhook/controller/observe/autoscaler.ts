/** Reads what scales a target. */
import type { V2HorizontalPodAutoscaler } from "@kubernetes/client-node";
import { autoscalerOf, type AutoscalerSeen } from "../../../shared/core/objects/scaling/autoscaler.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import type { CanaryObjects } from "../cache/canary-objects.ts";
import type { Answers } from "./questions.ts";
import { resource } from "../../../shared/kube/resources.ts";

/** When a check is due. Undefined where nothing does, or it cannot be read: stable's floor holds all the same. */
export async function readAutoscaler(
  cluster: Cluster,
  { namespace, targetName, target }: Pick<CanaryObjects, "namespace" | "targetName" | "target">,
  { metrics }: Answers,
): Promise<AutoscalerSeen | undefined> {
  if (!metrics || !target) return undefined;
  const found = await cluster
    .list<V2HorizontalPodAutoscaler>(resource.horizontalPodAutoscalers, { namespace })
    .catch(() => undefined);
  return found && autoscalerOf(found.items, targetName);
}

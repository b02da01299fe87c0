/** Which of a namespace's pods are the target's and its canary's. Pure. */
import type { V1Pod } from "@kubernetes/client-node";
import { alsoSelects } from "../../../shared/core/objects/workload.ts";
import { selectedLabels } from "../../../shared/core/selectors/track-label.ts";
import type { Facts } from "./facts.ts";

/** Pods of the target and of its canary. */
export function ownPods(facts: Facts): readonly V1Pod[] {
  const selectors = [facts.target, facts.workload].flatMap((deployment) => {
    const labels = selectedLabels(deployment?.spec?.selector);
    return deployment ? [{ spec: { selector: labels } }] : [];
  });
  return (facts.pods ?? []).filter(
    (pod) => !pod.metadata?.deletionTimestamp && selectors.some((one) => alsoSelects(one, pod.metadata?.labels ?? {})),
  );
}

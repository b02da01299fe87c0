/** The one label by which a Canary's two tracks are told apart, and what a Deployment's selector leaves of choice about it. */
import type { V1Deployment, V1LabelSelector, V1Service } from "@kubernetes/client-node";

/** Selector labels that may be changed for the canary, in order of preference (Flagger's list). */
export const selectorLabels = ["app", "name", "app.kubernetes.io/name"] as const;

/** Labels that every pod has which `selector` selects: also those that an expression leaves one value. */
export function selectedLabels(selector: V1LabelSelector | undefined): Record<string, string> {
  const single = (selector?.matchExpressions ?? []).flatMap(({ key, operator, values: [value, ...others] = [] }) =>
    operator === "In" && value !== undefined && others.length === 0 ? [[key, value] as const] : [],
  );
  return { ...Object.fromEntries(single), ...selector?.matchLabels };
}

/** The same as the API server takes it in a list of pods. */
export function podSelectorText(selector: V1LabelSelector | undefined): string {
  return Object.entries(selectedLabels(selector))
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

/** What else decides on the label that tells tracks apart. */
export interface Beside {
  /** The Service that users send to. */
  apex?: V1Service | null | undefined;
  /** The canary Deployment, which has the label already. */
  workload?: V1Deployment | null | undefined;
}

/** Every selector label that could tell canary pods from stable's. */
export function possibleTrackLabels(target: V1Deployment): string[] {
  const selected = selectedLabels(target.spec?.selector);
  return selectorLabels.filter((key) => selected[key] !== undefined);
}

/**
 * The selector label whose value tells canary pods from stable's; undefined: the target cannot be canaried. Of several it is the one
 * that the apex selects by, else canary pods would be behind it; without an apex, the one that the canary Deployment has.
 */
export function trackLabel(target: V1Deployment, { apex, workload }: Beside = {}): string | undefined {
  const selected = selectedLabels(target.spec?.selector);
  const keys = possibleTrackLabels(target);
  const isUsed = (key: string): boolean => apex?.spec?.selector?.[key] !== undefined;
  const renamed = selectedLabels(workload?.spec?.selector);
  const isRenamed = (key: string): boolean => renamed[key] !== undefined && renamed[key] !== selected[key];
  return keys.find(isUsed) ?? keys.find(isRenamed) ?? keys[0];
}

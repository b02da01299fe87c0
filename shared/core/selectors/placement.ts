/** Where a Deployment's pods may go by where other pods are: affinity and topology rules with the selectors in them. */
import type { V1Deployment, V1LabelSelector, V1PodAffinity, V1PodAffinityTerm } from "@kubernetes/client-node";
import { selectsNamespace } from "./selector.ts";

export interface Placement {
  /** `podAntiAffinity`, or `topologySpreadConstraints`. */
  where: string;
  selector: V1LabelSelector;
}

/** Those that look at pods of `namespace`. */
export function placementsOf({ spec }: V1Deployment, namespace: string): Placement[] {
  const { affinity, topologySpreadConstraints = [] } = { ...spec?.template.spec };
  const terms = (["podAffinity", "podAntiAffinity"] as const).flatMap((where) =>
    termsOf(affinity?.[where])
      .filter((term) => looksInto(term, namespace))
      .map(({ labelSelector }) => ({ where, labelSelector })),
  );
  const spread = topologySpreadConstraints.map(({ labelSelector }) => ({
    where: "topologySpreadConstraints",
    labelSelector,
  }));
  return [...terms, ...spread].flatMap(({ where, labelSelector }) =>
    labelSelector ? [{ where, selector: labelSelector }] : [],
  );
}

// --- internal ---

/** Without either it looks at the namespace of its own pods. */
function looksInto({ namespaces = [], namespaceSelector }: V1PodAffinityTerm, namespace: string): boolean {
  if (namespaces.length === 0 && !namespaceSelector) return true;
  return namespaces.includes(namespace) || (namespaceSelector ? selectsNamespace(namespaceSelector, namespace) : false);
}

function termsOf(rules: V1PodAffinity | undefined): V1PodAffinityTerm[] {
  const preferred = rules?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return [
    ...(rules?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...preferred.map(({ podAffinityTerm }) => podAffinityTerm),
  ];
}

/** Label selectors as Kubernetes reads them, and as a person writes them. */
import type { V1LabelSelector } from "@kubernetes/client-node";

export type Labels = Readonly<Record<string, string>>;

/** As a person writes it: `app=podinfo, tier in (a, b)`. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: V1LabelSelector): string {
  const equal = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const others = matchExpressions.map(({ key, operator, values }) =>
    values ? `${key} ${operator.toLowerCase()} (${values.join(", ")})` : `${key} ${operator}`,
  );
  return [...equal, ...others].join(", ") || "every pod";
}

/** The parts of a selector that these labels do not meet. */
export function unmetParts(selector: V1LabelSelector, labels: Labels): V1LabelSelector {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return {
    matchLabels: Object.fromEntries(Object.entries(matchLabels).filter(([key, value]) => labels[key] !== value)),
    matchExpressions: matchExpressions.filter((one) => !meets(one, labels[one.key])),
  };
}

/** An empty selector takes everything. */
export function selects(selector: V1LabelSelector, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = unmetParts(selector, labels);
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}

/**
 * The same selector taking in what carries `labels` too, as a JSON merge patch of the old one: null takes a label out. Undefined where an
 * operator stands in the way that no further value helps.
 */
export function widenedSelector(selector: V1LabelSelector, labels: Labels): object | undefined {
  const { matchLabels = {}, matchExpressions = [] } = unmetParts(selector, labels);
  if (matchExpressions.some(({ operator }) => operator !== "In")) return undefined;
  const kept = (selector.matchExpressions ?? []).filter((one) => !matchExpressions.includes(one));
  const carried = (key: string): string[] => (labels[key] === undefined ? [] : [labels[key]]);
  const both = [
    ...Object.entries(matchLabels).map(([key, value]) => ({ key, operator: "In", values: [value, ...carried(key)] })),
    ...matchExpressions.map((one) => ({ ...one, values: [...(one.values ?? []), ...carried(one.key)] })),
  ];
  if (both.some(({ key }) => carried(key).length === 0)) return undefined;
  return {
    matchLabels: Object.fromEntries(Object.keys(matchLabels).map((key) => [key, null])),
    matchExpressions: [...kept, ...both],
  };
}

/** Whether a selector of namespaces takes `namespace` in, of which only the name is known. */
export const selectsNamespace = (selector: V1LabelSelector, namespace: string): boolean =>
  selects(selector, { "kubernetes.io/metadata.name": namespace });

// --- internal ---

function meets({ operator, values = [] }: { operator: string; values?: string[] }, value: string | undefined): boolean {
  if (operator === "In") return value !== undefined && values.includes(value);
  if (operator === "NotIn") return value === undefined || !values.includes(value);
  return operator === "Exists" ? value !== undefined : operator === "DoesNotExist" && value === undefined;
}

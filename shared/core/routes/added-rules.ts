/** Which rules of a route are ours beside the one for all requests: its annotation knows them, so that a user's own are let alone. */
import { annotation } from "../objects/names.ts";
import type { RouteObject } from "./route-object.ts";
import type { RouteRules } from "../objects/routing/rules.ts";
import { fingerprintOf, ruleKey, rulesOf, type Rule } from "./route-rules.ts";

export interface AddedRules {
  /** As {@link fingerprintOf} gives it; with a mark where one of them was taken out. */
  fingerprint: string;
  rules: Rule[];
  /** The one that has the weights, where that is not the rule for all requests. */
  weighted?: Rule;
}

/** Undefined where it has none. */
export function addedRules(route: RouteObject): AddedRules | undefined {
  const text = route.metadata.annotations?.[annotation.rules];
  if (text === undefined || text === "") return undefined;
  const [fingerprint = "", ...marks] = text.split(" ");
  const left = new Set(rulesOf(route));
  const found = marks.map((mark) => {
    const rule = [...left].find((one) => ruleKey(one) === mark.replace("*", ""));
    // Two of them may match the same requests: each mark is for another one.
    if (rule) left.delete(rule);
    return { isWeighted: mark.endsWith("*"), rule };
  });
  const rules = found.flatMap(({ rule }) => rule ?? []);
  const weighted = found.find(({ isWeighted }) => isWeighted)?.rule;
  const isWhole = rules.length === marks.length;
  return { fingerprint: isWhole ? fingerprint : `${fingerprint}?`, rules, ...(weighted ? { weighted } : {}) };
}

/** The route without them, and without the annotation. */
export function withoutAdded(route: RouteObject): RouteObject {
  const added = addedRules(route);
  if (!added) return route;
  const { [annotation.rules]: _rules, ...annotations } = { ...route.metadata.annotations };
  const rules = rulesOf(route).filter((rule) => !added.rules.includes(rule));
  return { ...route, metadata: { ...route.metadata, annotations }, spec: { ...route.spec, rules } };
}

/** What the annotation says of them. */
export function markOf(rules: RouteRules, added: readonly { rule: Rule; isWeighted: boolean }[]): string {
  const marks = added.map(({ rule, isWeighted }) => `${ruleKey(rule)}${isWeighted ? "*" : ""}`);
  return [fingerprintOf(rules), ...marks].join(" ");
}

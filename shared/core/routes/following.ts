/** A route of ours follows the Canary's spec while that changes: parents, hosts, port, timeouts, headers and metadata, never weights. */
import { droppedFrom, followsSpec, stampedBySpec, without, type Given } from "../objects/made/from-spec.ts";
import { annotation } from "../objects/names.ts";
import { isLeaf } from "./backends.ts";
import { httpRoute, isOurRoute } from "./http-route.ts";
import type { RouteContext, RouteObject, Router } from "./route-object.ts";
import { rulesOf } from "./route-rules.ts";

/** What the spec says of the rule that has the weights, as an HTTPRoute writes it. */
export interface RuleSettings {
  timeouts?: { request?: string; backendRequest?: string };
  filters?: object[];
}

/** A new route by the spec, all traffic on the primary. A TrafficSplit has neither parents nor settings of a rule. */
export function routeBySpec(
  router: Router,
  context: RouteContext,
  { given, rule: settings }: { given: Given; rule: RuleSettings },
): RouteObject {
  const built = router.build(context);
  if (router.kind !== httpRoute.kind) return stampedBySpec(built, given);
  const [first, ...others] = rulesOf(built);
  const spec = { ...built.spec, rules: [{ ...first, ...settings }, ...others] };
  const { parentRefs, hostnames } = built.spec;
  const fields = { parentRefs, ...(hostnames ? { hostnames } : {}), ...settings, port: context.port };
  return stampedBySpec({ ...built, spec }, given, fields);
}

/**
 * The spec says something else than when the route was last written, or someone has edited what it says. A user's own route is its
 * user's.
 */
export function isBehindSpec(found: RouteObject, wanted: RouteObject): boolean {
  return isOurRoute(found) && (!followsSpec(found, wanted) || isEdited(found, wanted));
}

/** `found`, with its weights and whatever others have added, by the spec that `wanted` was made by. */
export function followingSpec(found: RouteObject, wanted: RouteObject, apex: string): RouteObject {
  const dropped = droppedFrom(found, wanted);
  const labels = { ...without({ ...found.metadata.labels }, dropped.labels), ...wanted.metadata.labels };
  const kept = without({ ...found.metadata.annotations }, dropped.annotations);
  // A new route is at weight 0, this one is not.
  const annotations = { ...kept, ...without({ ...wanted.metadata.annotations }, [annotation.weight]) };
  const metadata = { ...found.metadata, labels, annotations };
  const spec = found.kind === httpRoute.kind ? ruledBy(found, wanted, { apex, dropped: dropped.fields }) : found.spec;
  return { ...found, metadata, spec };
}

// --- internal ---

/** What others have added is theirs. A setting that is not there at all may be one that the cluster's definition does not know. */
function isEdited(found: RouteObject, wanted: RouteObject): boolean {
  if (found.kind !== httpRoute.kind) return false;
  const { parentRefs, hostnames } = wanted.spec;
  if (!holds(found.spec["parentRefs"], parentRefs) || !holds(found.spec["hostnames"], hostnames)) return true;
  const apex = wanted.metadata.name ?? "";
  const [made = {}] = rulesOf(wanted);
  const port = made.backendRefs?.[0]?.port;
  const settings = Object.entries(without(made, ["matches", "backendRefs"]));
  return rulesOf(found).some((rule) => {
    const leaves = (rule.backendRefs ?? []).filter((backend) => isLeaf(backend, apex));
    if (leaves.length === 0) return false;
    const all = Object.entries(rule) as [string, unknown][];
    const isOther = ([name, value]: [string, unknown]): boolean =>
      all.some(([other, is]) => other === name && !holds(is, value));
    return leaves.some((leaf) => leaf.port !== port) || settings.some(isOther);
  });
}

/** `found` says all that `wanted` says, and maybe more: the API server fills in what was left out. */
function holds(found: unknown, wanted: unknown): boolean {
  if (wanted === undefined) return true;
  if (Array.isArray(wanted))
    return Array.isArray(found) && wanted.every((item) => found.some((one) => holds(one, item)));
  if (typeof wanted !== "object" || wanted === null) return found === wanted;
  if (typeof found !== "object" || found === null) return false;
  return Object.entries(wanted).every(([key, value]) => holds((found as Record<string, unknown>)[key], value));
}

/** Every rule that sends to one of our leaves has the settings, the canary's own among them. */
function ruledBy(
  found: RouteObject,
  wanted: RouteObject,
  { apex, dropped }: { apex: string; dropped: readonly string[] },
): RouteObject["spec"] {
  const [made = {}] = rulesOf(wanted);
  const port = made.backendRefs?.[0]?.port;
  const settings = without(made, ["matches", "backendRefs"]);
  const rules = rulesOf(found).map((rule) => {
    const { backendRefs = [] } = rule;
    if (!backendRefs.some((backend) => isLeaf(backend, apex))) return rule;
    const moved = backendRefs.map((backend) => (isLeaf(backend, apex) ? { ...backend, port } : backend));
    return { ...without(rule, dropped), ...settings, backendRefs: moved };
  });
  return { ...without(found.spec, dropped), ...without(wanted.spec, ["rules"]), rules };
}

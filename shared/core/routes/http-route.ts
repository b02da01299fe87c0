/** Gateway API HTTPRoute with a Service parent. */
import type { GatewayRef } from "../objects/canary.ts";
import { type Backend, leafOf, metadataOf, namesBoth, oursOf, shareOf, stamped, weightsSeen } from "./backends.ts";
import { addedRules, markOf, withoutAdded } from "./added-rules.ts";
import { annotation, canaryLeaf, kind, label, primaryLeaf } from "../objects/names.ts";
import type { RouteRules } from "../objects/routing/rules.ts";
import { renderRules, rulesOf, withCookies, withoutCookies, type Rule } from "./route-rules.ts";
import { optional } from "../format/compact.ts";
import type { RouteContext, RouteObject, Router, RouteSeen } from "./route-object.ts";

export const httpRoute: Router = {
  kind: "HTTPRoute",
  group: kind.httpRoute.group,
  plural: kind.httpRoute.plural,
  build: (context) => ({
    apiVersion: context.apiVersion,
    kind: "HTTPRoute",
    metadata: metadataOf(context),
    spec: {
      parentRefs: context.gatewayRefs.length > 0 ? context.gatewayRefs : [serviceParent(context)],
      ...(context.hosts.length > 0 ? { hostnames: context.hosts } : {}),
      rules: [
        {
          matches: everyRequest,
          // The canary's leaf comes with its first weight: see `restsOnCanary`.
          backendRefs: [
            { group: "", kind: "Service", name: primaryLeaf(context.apex), port: context.port, weight: 100 },
          ],
        },
      ],
    },
  }),
  backendsOf: (route) =>
    rulesOf(route).flatMap(({ backendRefs = [] }) => backendRefs.flatMap((one) => leafOf(one) ?? [])),
  read: (route, apex) => {
    const added = isOurRoute(route) ? addedRules(route) : undefined;
    const rule = added?.weighted ?? weightedRules(withoutAdded(route), apex)[0];
    if (!rule) return undefined;
    const seen = weightsSeen(route, rule.backendRefs ?? [], apex);
    const rest = isOurRoute(route) ? { rules: added?.fingerprint ?? "" } : {};
    return {
      ...seen,
      ...restsIn(route, apex, seen.weight),
      ...rest,
      ...optional("problem", routeProblem(route)),
    };
  },
  withWeight: (written, apex, weight, over) => {
    const route = isOurRoute(written) ? withoutAdded(written) : written;
    const weighted = weightedRules(route, apex);
    const made = madeRules(route, apex);
    const rules = rulesOf(route).map((rule) => {
      if (!weighted.includes(rule)) return rule;
      const { backendRefs: refs = [] } = rule;
      const found = made.includes(rule) ? withLeafFor(refs, apex, weight) : refs;
      const of = oursOf(rule.backendRefs ?? [], apex);
      const backendRefs = found.map((backend) => {
        const share = shareOf(backend.name, apex, { weight, of });
        return share === undefined ? backend : { ...backend, weight: share };
      });
      return { ...rule, backendRefs: isOurRoute(route) ? withoutCookies(backendRefs) : backendRefs };
    });
    return stamped({ ...route, spec: { ...route.spec, rules } }, weight, over);
  },
  withRules: (route, apex, weight, rules) => {
    if (rules === undefined || !isOurRoute(route)) return route;
    const weighted = weightedRules(route, apex);
    const made = madeRules(route, apex);
    const [first] = weighted;
    const primary = first?.backendRefs?.find((backend) => leafOf(backend) === primaryLeaf(apex));
    if (!primary) return route;
    // What holds for all requests (timeouts, headers) holds for those that a rule of their own sends somewhere.
    const { matches: _all, backendRefs: _backends, ...settings } = { ...first };
    const added = renderRules(rules, { apex, weight, primary }).map(({ rule, isWeighted }) => ({
      rule: { ...settings, ...rule },
      isWeighted,
    }));
    const others = rulesOf(route).map((rule) =>
      weighted.includes(rule) ? besideAdded(rule, rules, { apex, isMade: made.includes(rule) }) : rule,
    );
    const annotations = { ...route.metadata.annotations, [annotation.rules]: markOf(rules, added) };
    const spec = { ...route.spec, rules: [...added.map(({ rule }) => rule), ...others] };
    return { ...route, metadata: { ...route.metadata, annotations }, spec };
  },
};

/** We made it, and no other writer has a say in which leaves it names. */
export function isOurRoute(route: RouteObject): boolean {
  return route.metadata.labels?.[label.canary] !== undefined;
}

/**
 * What it costs that an HTTPRoute of the user's names the canary's leaf also while that has no weight, as a sentence; undefined for
 * every other route.
 */
export function costOfResting(route: RouteObject, apex: string): string | undefined {
  if (route.kind !== httpRoute.kind || isOurRoute(route) || !httpRoute.read(route, apex)) return undefined;
  const leaf = canaryLeaf(apex);
  return `HTTPRoute ${route.metadata.name ?? ""} is your own and names ${leaf} between runs too: Linkerd's proxies then hear of new canary pods up to a minute late. The first weight of a run waits for those that Prometheus sees; requests of others may fail meanwhile.`;
}

/** Filters in the route's rules and backends for which Linkerd ignores the whole route. */
export function voidingFilters(route: RouteObject): string[] {
  const types = rulesOf(route).flatMap(({ filters = [], backendRefs = [] }) =>
    [...filters, ...backendRefs.flatMap((backend) => backend.filters ?? [])].flatMap(({ type }) => type ?? []),
  );
  return [...new Set(types)].filter((type) => ["RequestMirror", "URLRewrite"].includes(type));
}

/** Those of a route of ours that name the canary's leaf only while it has a weight. */
export function madeRules(route: RouteObject, apex: string): Rule[] {
  if (!isOurRoute(route)) return [];
  const stables = rulesOf(route).filter(({ backendRefs = [] }) => backendRefs.map(leafOf).includes(primaryLeaf(apex)));
  const made = stables.filter(
    ({ matches }) => matches === undefined || JSON.stringify(matches) === JSON.stringify(everyRequest),
  );
  if (made.length > 0) return made;
  // Someone has changed what it matches.
  const both = stables.filter(({ backendRefs = [] }) => namesBoth(backendRefs, apex));
  return both.length > 0 ? both : stables;
}

// --- internal ---

/** A rule of a user's own in a route of ours is theirs: it keeps the canary's leaf. */
function restsIn(route: RouteObject, apex: string, weight: number): Pick<RouteSeen, "restsOnCanary"> {
  const plain = isOurRoute(route) ? withoutAdded(route) : route;
  const resting = weightedRules(plain, apex).filter(({ backendRefs = [] }) => namesBoth(backendRefs, apex));
  if (weight > 0 || resting.length === 0) return {};
  const made = madeRules(plain, apex);
  return { restsOnCanary: resting.some((rule) => made.includes(rule)) ? "ours" : "theirs" };
}

/** A rule of all requests: where some alone get the canary, it is stable's. */
function besideAdded(
  rule: Rule,
  { only, affinity }: RouteRules,
  { apex, isMade }: { apex: string; isMade: boolean },
): Rule {
  const { backendRefs = [] } = rule;
  if (only) {
    const of = oursOf(backendRefs, apex);
    const rest = isMade ? withLeafFor(backendRefs, apex, 0) : backendRefs;
    const whole = (backend: Backend): Backend => {
      const share = shareOf(leafOf(backend), apex, { weight: 0, of });
      return share === undefined ? backend : { ...backend, weight: share };
    };
    return { ...rule, backendRefs: rest.map(whole) };
  }
  return affinity ? { ...rule, backendRefs: withCookies(backendRefs, apex, affinity) } : rule;
}

const everyRequest = [{ path: { type: "PathPrefix", value: "/" } }];

interface ParentStatus {
  conditions?: { type: string; status: string; reason?: string; message?: string; observedGeneration?: number }[];
}

function serviceParent(context: RouteContext): GatewayRef {
  return { group: "core", kind: "Service", name: context.apex, namespace: context.namespace, port: context.port };
}

/** The rules that have our weights: in a route of ours the one that we made, and those of a user's with both leaves. */
function weightedRules(route: RouteObject, apex: string): Rule[] {
  const made = madeRules(route, apex);
  const both = rulesOf(route).filter(({ backendRefs = [] }) => namesBoth(backendRefs, apex));
  return [...made, ...both.filter((rule) => !made.includes(rule))];
}

/** With the canary's leaf beside the primary's where it has a weight, and without it where it has none. */
function withLeafFor(backends: Backend[], apex: string, weight: number): Backend[] {
  const others = backends.filter((backend) => leafOf(backend) !== canaryLeaf(apex));
  if (weight === 0) return others;
  if (others.length < backends.length) return backends;
  return backends.flatMap((backend) => {
    if (leafOf(backend) !== primaryLeaf(apex)) return [backend];
    const { group, kind: of, port } = backend;
    return [backend, { group, kind: of, name: canaryLeaf(apex), port }];
  });
}

/** Why the mesh does not obey the route, from its parents' conditions; undefined while nobody has said anything bad. */
function routeProblem(route: RouteObject): string | undefined {
  const parents = (route.status?.["parents"] as ParentStatus[] | undefined) ?? [];
  if (parents.length === 0) return "no controller of a mesh or gateway has accepted it yet";
  for (const parent of parents) {
    const bad = parent.conditions?.find(
      (condition) => ["Accepted", "ResolvedRefs"].includes(condition.type) && condition.status !== "True",
    );
    if (bad) return `${bad.type}=${bad.status} (${bad.reason ?? "no reason"}${bad.message ? `: ${bad.message}` : ""})`;
  }
  return undefined;
}

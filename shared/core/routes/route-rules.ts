/**
 * Rules of a route of ours beside the one that divides all requests: who alone gets the canary, who gets it whatever the weight, and who
 * stays where they were. JSON-plain; the mesh tries rules in their order.
 */
import { canaryLeaf, primaryLeaf } from "../objects/names.ts";
import type { AffinityRules, Cookie, NamedMatch, RequestMatch, RouteRules } from "../objects/routing/rules.ts";
import { sortedJson } from "../format/sorted-json.ts";
import { checksum } from "../format/checksum.ts";
import { leafOf, type Backend, type Filter } from "./backends.ts";
import type { RouteObject } from "./route-object.ts";

export interface Rule {
  matches?: unknown;
  filters?: Filter[];
  backendRefs?: Backend[];
}

export function rulesOf({ spec }: RouteObject): Rule[] {
  return (spec["rules"] as Rule[] | undefined) ?? [];
}

/** Short text that is the same for the same rules; empty for none. */
export function fingerprintOf(rules: RouteRules | undefined): string {
  return rules === undefined || Object.keys(rules).length === 0 ? "" : checksum(JSON.stringify(rules));
}

/** The rules in their order, and which of them has the weights. `primary`: the backend to be like. */
export function renderRules(
  rules: RouteRules,
  { apex, weight, primary }: { apex: string; weight: number; primary: Backend },
): { rule: Rule; isWeighted: boolean }[] {
  const { only, preview, affinity } = rules;
  const to = (shares: Shares): Backend[] => backendsTo(shares, apex, primary);
  const plain = (rule: Rule): { rule: Rule; isWeighted: boolean } => ({ rule, isWeighted: false });
  return [
    ...(preview ? [plain({ matches: [matchOf(preview)], backendRefs: to({ canary: 100 }) })] : []),
    ...(affinity ? stickyRules(affinity, { apex, weight, to }).map(plain) : []),
    ...(only
      ? [
          {
            rule: { matches: only.map(matchOf), backendRefs: to({ canary: weight, primary: 100 - weight }) },
            isWeighted: true,
          },
        ]
      : []),
  ];
}

/** `backends` with each track's cookie, given with the answer. */
export function withCookies(backends: readonly Backend[], apex: string, { canary, primary }: AffinityRules): Backend[] {
  const cookies: Record<string, Cookie> = { [canaryLeaf(apex)]: canary, [primaryLeaf(apex)]: primary };
  return backends.map((backend) => {
    const cookie = cookies[leafOf(backend) ?? ""];
    return cookie ? { ...backend, filters: [...othersIn(backend), cookieFilter(cookie)] } : backend;
  });
}

/** `backends` without the cookies of {@link withCookies}. */
export function withoutCookies(backends: readonly Backend[]): Backend[] {
  return backends.map((backend) => {
    if (!backend.filters?.some(isCookieFilter)) return backend;
    const { filters: _filters, ...rest } = backend;
    const others = othersIn(backend);
    return others.length > 0 ? { ...rest, filters: others } : rest;
  });
}

/** What tells a rule from others, whatever the API server has filled in. */
export function ruleKey({ matches }: Rule): string {
  const list = (Array.isArray(matches) ? matches : []) as WrittenMatch[];
  const named = (one: Partial<NamedMatch>): unknown[] => [one.name?.toLowerCase(), one.type ?? "Exact", one.value];
  return checksum(
    JSON.stringify(
      list.map(({ headers = [], queryParams = [], path, method }) => [
        headers.map(named),
        queryParams.map(named),
        // Ours are for every path: what a user's own are for tells them apart.
        ...(path && sortedJson(path) !== sortedJson(everyPath) ? [path] : []),
        ...(method === undefined ? [] : [method]),
      ]),
    ),
  );
}

// --- internal ---

interface WrittenMatch extends RequestMatch {
  path?: object;
  method?: string;
}

interface Shares {
  canary?: number;
  primary?: number;
}

const everyPath = { type: "PathPrefix", value: "/" };

function matchOf({ headers, queryParams }: RequestMatch): object {
  return { path: everyPath, ...(headers ? { headers } : {}), ...(queryParams ? { queryParams } : {}) };
}

function backendsTo(shares: Shares, apex: string, { group, kind, port }: Backend): Backend[] {
  const of = (name: string, weight: number | undefined): Backend[] =>
    weight === undefined ? [] : [{ group, kind, name, port, weight }];
  return [...of(primaryLeaf(apex), shares.primary), ...of(canaryLeaf(apex), shares.canary)];
}

function stickyRules(
  affinity: AffinityRules,
  { apex, weight, to }: { apex: string; weight: number; to: (shares: Shares) => Backend[] },
): Rule[] {
  const { canary, primary, earlierWeight } = affinity;
  const again = to({ canary: Math.max(0, weight - earlierWeight), primary: 100 - weight });
  return [
    { matches: [byCookie(canary.name, escaped(canary.value))], backendRefs: to({ canary: 100 }) },
    { matches: [byCookie(primary.name, escaped(primary.value))], backendRefs: to({ primary: 100 }) },
    { matches: [byCookie(primary.name, primary.earlier)], backendRefs: withCookies(again, apex, affinity) },
  ];
}

function byCookie(name: string, value: string): object {
  const pattern = `^(.*;\\s*)?${escaped(name)}=${value}(;.*)?$`;
  return matchOf({ headers: [{ name: "cookie", type: "RegularExpression", value: pattern }] });
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

function cookieFilter({ name, value, attributes }: Cookie): CookieFilter {
  const add = [{ name: "Set-Cookie", value: `${name}=${value}${attributes}` }];
  return { type: "ResponseHeaderModifier", responseHeaderModifier: { add } };
}

interface CookieFilter extends Filter {
  responseHeaderModifier?: { add?: { name: string; value: string }[] };
}

function isCookieFilter(filter: CookieFilter): boolean {
  const [only, other] = filter.responseHeaderModifier?.add ?? [];
  return only?.name === "Set-Cookie" && other === undefined;
}

const othersIn = ({ filters = [] }: Backend): Filter[] => filters.filter((filter) => !isCookieFilter(filter));

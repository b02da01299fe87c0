// HTTPRoutes whose parent is a Service: which rules hold for a Service's port, and which rule a request takes.
// Of the Gateway API this is what linkerd-proxy does for canaries: path, method, header and query matches, weights,
// header filters and request timeouts.
import type { Backend } from "./destination.ts";
import { durationMs } from "./duration.ts";
import { headerFilters, type HeaderFilters } from "./header-filters.ts";
import type { BackendRef, HttpRoute, HttpRouteMatch, NamedMatch, ParentRef } from "./objects.ts";
import { parseWeight } from "./weight.ts";

export interface Rule {
  readonly namespace: string;
  /** Name of the HTTPRoute. */
  readonly route: string;
  /** Any of these; empty matches everything. */
  readonly matches: readonly HttpRouteMatch[];
  readonly filters: HeaderFilters;
  readonly timeoutMs?: number;
  readonly backends: readonly RouteBackend[];
}

export interface RouteBackend extends Backend {
  readonly filters: HeaderFilters;
}

// Linkerd cannot convert these, and then knows nothing of the whole route, whatever its status says.
const voiding = new Set(["RequestMirror", "URLRewrite"]);

/** The filters for which Linkerd ignores the whole route; empty for a route that it obeys. */
export function voidingFilters(route: HttpRoute): string[] {
  const filters = (route.spec.rules ?? []).flatMap((rule) => [
    ...(rule.filters ?? []),
    ...(rule.backendRefs ?? []).flatMap((backend) => backend.filters ?? []),
  ]);
  return [...new Set(filters.map(({ type }) => type).filter((type) => voiding.has(type)))];
}

interface ServicePortRef {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/** A parentRef that names a Service (not a Gateway). */
export const isServiceParent = (parent: ParentRef): boolean =>
  parent.kind === "Service" && (parent.group === "core" || parent.group === "");

/** Whether `route` has `service` as a parent, on any of its ports or on `port`. */
export function hasParent(route: HttpRoute, namespace: string, name: string, port?: number): boolean {
  return (route.spec.parentRefs ?? []).some(
    (parent) =>
      isServiceParent(parent) &&
      parent.name === name &&
      (parent.namespace ?? route.metadata.namespace) === namespace &&
      (port === undefined || parent.port === undefined || parent.port === port),
  );
}

/** The rules for a Service's port, oldest route first; `leaf` registers a backend's Service and returns its key. */
export function rulesFor(
  routes: readonly HttpRoute[],
  service: ServicePortRef,
  leaf: (namespace: string, name: string, port: number) => string,
): Rule[] {
  const mine = routes.filter((route) => hasParent(route, service.namespace, service.name, service.port));
  const obeyed = mine.filter((route) => voidingFilters(route).length === 0);
  return obeyed.sort(byAge).flatMap((route) =>
    (route.spec.rules ?? []).map((rule) => {
      const timeoutMs = durationMs(rule.timeouts?.request);
      return {
        namespace: route.metadata.namespace,
        route: route.metadata.name,
        matches: rule.matches ?? [],
        filters: headerFilters(rule.filters),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        backends: backendsOf(rule.backendRefs ?? [], service).map((backend) => ({
          leaf: leaf(backend.namespace ?? route.metadata.namespace, backend.name, backend.port ?? service.port),
          weight: parseWeight(backend.weight ?? 1),
          filters: headerFilters(backend.filters),
        })),
      };
    }),
  );
}

/** A rule that names no backend means its parent. */
const backendsOf = (refs: readonly BackendRef[], parent: ServicePortRef): readonly BackendRef[] =>
  refs.length > 0 ? refs : [parent];

function byAge(a: HttpRoute, b: HttpRoute): number {
  const age = (a.metadata.creationTimestamp ?? "").localeCompare(b.metadata.creationTimestamp ?? "");
  return age || a.metadata.name.localeCompare(b.metadata.name);
}

/** What of a request a rule can look at; header names in lower case. */
export interface RequestLine {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The first rule that takes the request. */
export function ruleFor(rules: readonly Rule[], request: RequestLine): Rule | undefined {
  return rules.find((rule) => rule.matches.length === 0 || rule.matches.some((match) => matches(match, request)));
}

function matches(match: HttpRouteMatch, request: RequestLine): boolean {
  if (match.method && match.method !== request.method) return false;
  const [path = "/", query = ""] = request.path.split("?", 2);
  if (!pathMatches(match.path, path)) return false;
  const header = (name: string): string | undefined => textOf(request.headers[name.toLowerCase()]);
  if (!(match.headers ?? []).every((each) => valueMatches(each, header(each.name)))) return false;
  if (!match.queryParams?.length) return true;
  const parameters = new URLSearchParams(query);
  return match.queryParams.every((each) => valueMatches(each, parameters.get(each.name) ?? undefined));
}

const textOf = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(", ") : value;

function valueMatches({ type, value }: NamedMatch, actual: string | undefined): boolean {
  if (actual === undefined) return false;
  return type === "RegularExpression" ? wholly(value).test(actual) : actual === value;
}

function pathMatches(match: HttpRouteMatch["path"], path: string): boolean {
  const value = match?.value ?? "/";
  if (match?.type === "Exact") return path === value;
  if (match?.type === "RegularExpression") return wholly(value).test(path);
  const prefix = value.endsWith("/") ? value : `${value}/`;
  return path === value || path.startsWith(prefix);
}

const expressions = new Map<string, RegExp>();

/** An expression that must match the whole text. One for each pattern: this runs for every request. */
function wholly(pattern: string): RegExp {
  let expression = expressions.get(pattern);
  if (!expression) expressions.set(pattern, (expression = new RegExp(`^(?:${pattern})$`)));
  return expression;
}

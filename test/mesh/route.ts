// HTTPRoutes whose parent is a Service: which rules hold for a Service's port, and which rule a request takes.
// Of the Gateway API this is what linkerd-proxy does for canaries: path, method and exact header matches, weights.
import type { Backend } from "./destination.ts";
import type { HttpRoute, HttpRouteMatch, ParentRef } from "./objects.ts";
import { parseWeight } from "./weight.ts";

export interface Rule {
  readonly namespace: string;
  /** Name of the HTTPRoute. */
  readonly route: string;
  /** Any of these; empty matches everything. */
  readonly matches: readonly HttpRouteMatch[];
  readonly backends: readonly Backend[];
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
  return [...mine].sort(byAge).flatMap((route) =>
    (route.spec.rules ?? []).map((rule) => ({
      namespace: route.metadata.namespace,
      route: route.metadata.name,
      matches: rule.matches ?? [],
      backends: (rule.backendRefs ?? []).map((backend) => ({
        leaf: leaf(backend.namespace ?? route.metadata.namespace, backend.name, backend.port ?? service.port),
        weight: parseWeight(backend.weight ?? 1),
      })),
    })),
  );
}

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
  if (!pathMatches(match.path, request.path.split("?", 1)[0] ?? "/")) return false;
  return (match.headers ?? []).every((header) => request.headers[header.name.toLowerCase()] === header.value);
}

function pathMatches(match: HttpRouteMatch["path"], path: string): boolean {
  const value = match?.value ?? "/";
  if (match?.type === "Exact") return path === value;
  if (match?.type === "RegularExpression") return new RegExp(`^(?:${value})$`).test(path);
  const prefix = value.endsWith("/") ? value : `${value}/`;
  return path === value || path.startsWith(prefix);
}

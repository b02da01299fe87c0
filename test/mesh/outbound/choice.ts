// Which backend a request goes to: the pure heart of the client side of the stand-in proxy.
// linkerd-proxy binds a destination once, when a client first talks to it: to the profile (a TrafficSplit's overrides)
// if there is one then, else to the policy (HTTPRoutes). It follows later changes only on the side it is bound to, for
// as long as the client keeps talking.
import type { Backend, Leaf, ServiceDestination } from "../policy/destination.ts";
import { noFilters, type HeaderFilters } from "../policy/header-filters.ts";
import { ruleFor, type RequestLine, type Rule } from "../policy/route.ts";

export type Binding = "profile" | "policy";

/** The side that a client is bound to when it first talks to `destination`. */
export const bindTo = (destination: ServiceDestination): Binding =>
  destination.overrides.length > 0 ? "profile" : "policy";

/**
 * The leaves that a client asks for endpoints of, by key: every backend of every HTTPRoute rule, of weight 0 too, but a
 * ServiceProfile's only where they have weight.
 */
export function resolvedLeaves({ apex, overrides, rules }: ServiceDestination, binding: Binding): string[] {
  const backends =
    binding === "profile" ? overrides.filter(({ weight }) => weight > 0) : rules.flatMap((rule) => rule.backends);
  return [...new Set(backends.length > 0 ? backends.map(({ leaf }) => leaf) : [apex])];
}

/** What the rule, and the backend with this key within it, do to headers. */
export function filtersFor(rule: Rule | undefined, leaf: string): HeaderFilters {
  if (!rule) return noFilters;
  const backend = rule.backends.find((each) => each.leaf === leaf)?.filters ?? noFilters;
  return {
    request: [...rule.filters.request, ...backend.request],
    response: [...rule.filters.response, ...backend.response],
  };
}

/** The backends that share the request, and the HTTPRoute rule that says so, if one does. */
export interface Shares {
  readonly rule?: Rule;
  readonly backends: readonly Backend[];
}

/** `undefined` when HTTPRoutes exist and none of their rules takes the request. */
export function sharesFor(destination: ServiceDestination, binding: Binding, request: RequestLine): Shares | undefined {
  const apexOnly = { backends: [{ leaf: destination.apex, weight: 1000 }] };
  if (binding === "profile") {
    // A profile that lost its overrides sends to the apex: the binding stays where it is.
    return destination.overrides.length > 0 ? { backends: destination.overrides } : apexOnly;
  }
  if (destination.rules.length === 0) return apexOnly;
  const rule = ruleFor(destination.rules, request);
  return rule && { rule, backends: rule.backends };
}

export type Choice =
  | { readonly kind: "leaf"; readonly key: string }
  /** The backend's Service does not exist: its whole share fails, there is no failover. */
  | { readonly kind: "missing"; readonly key: string }
  /** No endpoint yet; wait for one for as long as the proxy waits. */
  | { readonly kind: "wait"; readonly key: string }
  /** Nobody can take it. */
  | { readonly kind: "none" };

/**
 * Picks by weight with `random` in [0, 1). A leaf without endpoints is waited for until `failedFast` says that the wait
 * is over; from then on its share goes to the other backends that have endpoints.
 */
export function choose(
  backends: readonly Backend[],
  leaves: Readonly<Record<string, Leaf>>,
  failedFast: (leaf: string) => boolean,
  random: () => number,
): Choice {
  const first = pick(backends, random());
  if (!first) return { kind: "none" };
  const leaf = leaves[first.leaf];
  if (!leaf?.exists) return { kind: "missing", key: first.leaf };
  if (leaf.endpoints.length > 0) return { kind: "leaf", key: first.leaf };
  if (!failedFast(first.leaf)) return { kind: "wait", key: first.leaf };
  const able = backends.filter((backend) => (leaves[backend.leaf]?.endpoints.length ?? 0) > 0);
  const second = pick(able, random());
  return second ? { kind: "leaf", key: second.leaf } : { kind: "none" };
}

/** The backend at `point` (in [0, 1)) of the line that the weights make; one with weight 0 is never picked. */
export function pick(backends: readonly Backend[], point: number): Backend | undefined {
  const total = backends.reduce((sum, backend) => sum + backend.weight, 0);
  let rest = point * total;
  for (const backend of backends) {
    if (rest < backend.weight) return backend;
    rest -= backend.weight;
  }
  return undefined;
}

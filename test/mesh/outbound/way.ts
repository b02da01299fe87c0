// Where one attempt at a request goes: the leaf by the weights that hold for this client, and an endpoint of it.
import type { IncomingMessage } from "node:http";
import { choose, filtersFor, sharesFor, type Binding, type Shares } from "./choice.ts";
import type { RouteOutcome } from "../series/classify.ts";
import {
  unknownPod,
  type Destination,
  type Endpoint,
  type Leaf,
  type ServiceDestination,
} from "../policy/destination.ts";
import { discovered } from "./destinations.ts";
import type { Entry } from "./entry.ts";
import { noFilters, type HeaderFilters } from "../policy/header-filters.ts";
import type { Hop, RouteHop } from "../series/outbound-series.ts";
import { fullName } from "../policy/profile.ts";
import type { RetryPolicy } from "../policy/service-policy.ts";

/** What holds for the request, wherever it goes. */
interface Terms {
  /** On the clock of performance.now(). */
  readonly deadlineMs?: number;
  readonly retry?: RetryPolicy;
}

/** `hopAt` is the n-th endpoint to try, from 0. */
export interface Going extends Terms {
  readonly kind: "to";
  readonly hopAt: (attempt: number) => Hop;
  readonly route: RouteHop | undefined;
  readonly filters: HeaderFilters;
}

export interface Refused extends Terms {
  readonly kind: "refused";
  /** What the client gets. */
  readonly status: number;
  readonly reason: string;
  /** What the route's counters say. */
  readonly outcome: RouteOutcome;
  readonly route: RouteHop | undefined;
}

/** Waits for discovery and, within the proxy's patience, for an endpoint. `startedMs`: when the request came. */
export async function wayFor(entry: Entry, request: IncomingMessage, startedMs: number): Promise<Going | Refused> {
  for (;;) {
    // Awaited only where there is something to wait for: this runs for every request.
    const document = entry.document ?? (await discovered(entry));
    if (!document) return refuse(504, "discovery timed out", undefined, {});
    if (document.kind !== "service") return straight(entry, document, request);
    const way = serviceWay({ entry, document, binding: entry.binding ?? "policy" }, request, startedMs);
    if (way.kind !== "wait") return way;
    if (await entry.gotEndpoint(way.key, way.terms.deadlineMs)) continue;
    if (performance.now() >= (way.terms.deadlineMs ?? Infinity)) return timedOut(way.route, way.terms);
    // Those who waited in vain fail; only later ones go elsewhere at once.
    return failFast(way.route, way.terms);
  }
}

/** To an address that is no Service's. */
function straight(entry: Entry, document: Exclude<Destination, ServiceDestination>, request: IncomingMessage): Going {
  const endpoint = document.kind === "pod" ? document.endpoint : bareEndpoint(entry);
  const authority = request.headers.host ?? `${entry.address.ip}:${entry.address.port}`;
  return { kind: "to", route: undefined, filters: noFilters, hopAt: () => ({ endpoint, authority }) };
}

interface Place {
  readonly entry: Entry;
  readonly document: ServiceDestination;
  readonly binding: Binding;
}

interface Wait {
  readonly kind: "wait";
  /** Key of the leaf whose endpoints are to be waited for. */
  readonly key: string;
  readonly route: RouteHop | undefined;
  readonly terms: Terms;
}

function serviceWay(place: Place, request: IncomingMessage, startedMs: number): Going | Refused | Wait {
  const { entry, document, binding } = place;
  const { method = "GET", url: path = "/", headers } = request;
  const shares = sharesFor(document, binding, { method, path, headers });
  if (!shares) return refuse(404, "no route matches", undefined, {});
  const terms = termsOf(place, shares, startedMs);
  const leaves = entry.leaves();
  const routeTo = (key: string): RouteHop | undefined =>
    binding === "policy" ? routeHop(document, shares, key) : undefined;
  const choice = choose(shares.backends, leaves, (key) => entry.failedFast(key), Math.random);
  if (choice.kind === "wait") return { kind: "wait", key: choice.key, route: routeTo(choice.key), terms };
  if (choice.kind === "none") return failFast(routeTo(document.apex), terms);
  const leaf = leaves[choice.key];
  if (choice.kind === "missing" || !leaf) return refuse(500, "backend not found", routeTo(choice.key), terms);
  const apex = leaves[document.apex] ?? leaf;
  const turn = entry.turn(choice.key);
  const hopAt = (attempt: number): Hop => ({
    apex,
    leaf,
    endpoint: endpointAt(leaf, turn + attempt),
    authority: `${fullName(leaf.namespace, leaf.name)}:${leaf.port}`,
  });
  return { kind: "to", hopAt, route: routeTo(choice.key), filters: filtersFor(shares.rule, choice.key), ...terms };
}

/** A rule's own timeout goes before its Service's; a client that follows a ServiceProfile has neither, and no retries. */
function termsOf({ document, binding }: Place, { rule }: Shares, startedMs: number): Terms {
  if (binding === "profile") return {};
  const { requestTimeoutMs, retry } = document.policy;
  const timeoutMs = rule?.timeoutMs ?? requestTimeoutMs;
  return {
    ...(timeoutMs === undefined ? {} : { deadlineMs: startedMs + timeoutMs }),
    ...(retry === undefined ? {} : { retry }),
  };
}

function refuse(status: number, reason: string, route: RouteHop | undefined, terms: Terms): Refused {
  return { kind: "refused", status, reason, route, outcome: { http_status: status, error: "" }, ...terms };
}

const failFast = (route: RouteHop | undefined, terms: Terms): Refused => ({
  ...refuse(504, "service in fail-fast", route, terms),
  outcome: { http_status: "", error: "FAIL_FAST" },
});

const timedOut = (route: RouteHop | undefined, terms: Terms): Refused => ({
  ...refuse(504, "request timed out", route, terms),
  outcome: { http_status: "", error: "REQUEST_TIMEOUT" },
});

function routeHop(document: ServiceDestination, shares: Shares, key: string): RouteHop | undefined {
  const apex = document.leaves[document.apex];
  const leaf = document.leaves[key];
  return apex && leaf && { apex, leaf, rule: shares.rule };
}

function endpointAt(leaf: Leaf, turn: number): Endpoint {
  const endpoint = leaf.endpoints[turn % leaf.endpoints.length];
  if (!endpoint) throw new Error(`${leaf.name} was picked without an endpoint`);
  return endpoint;
}

/** An address outside the cluster's Services and pods. */
const bareEndpoint = ({ address }: Entry): Endpoint => ({
  ...address,
  ...unknownPod,
  zone: "",
});

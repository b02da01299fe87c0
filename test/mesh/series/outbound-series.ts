// What the client side of the proxy counts: per endpoint for every attempt, and for requests of a client that is bound to
// the policy (HTTPRoutes, or the default route where there is none) per backend for every attempt, per route once.
import { outcomeOf, routeOutcomeOf, type End, type RouteOutcome } from "./classify.ts";
import type { Endpoint, Leaf } from "../policy/destination.ts";
import { Counter, Gauge, Histogram, labelText, type LabelText, type Registry } from "./metrics.ts";
import type { Rule } from "../policy/route.ts";
import type { Labels, TrafficFamilies } from "./series.ts";
import { controlNamespace, identityOf } from "../settings.ts";

/** Upper bounds of linkerd-proxy's route histograms, seconds. */
const backendBoundsS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 10];
const routeBoundsS = [0.05, 0.5, 1, 10];

/** A request on its way to an endpoint of a leaf. */
export interface Hop {
  /** The Service that the client addressed; absent for a pod that was addressed directly. */
  readonly apex?: Leaf;
  readonly leaf?: Leaf;
  readonly endpoint: Endpoint;
  readonly authority: string;
}

/** A request on a route; `leaf` is the backend. */
export interface RouteHop {
  readonly apex: Leaf;
  readonly leaf: Leaf;
  readonly rule: Rule | undefined;
}

export class OutboundSeries {
  readonly #families: TrafficFamilies;
  readonly #backendRequests: Counter;
  readonly #backendResponses: Counter;
  readonly #backendDuration: Histogram;
  readonly #routeResponses: Counter;
  readonly #routeDuration: Histogram;
  readonly #retries: Counter;
  readonly #retrySuccesses: Counter;
  readonly #errors: Counter;

  /** `balancers` is read at export: every backend in use, of which apex, with the endpoints that are known. */
  constructor(registry: Registry, families: TrafficFamilies, balancers: () => Iterable<{ apex: Leaf; leaf: Leaf }>) {
    const counter = (name: string, help: string): Counter =>
      registry.add(new Counter(`outbound_http_route_${name}`, help));
    const histogram = (name: string, help: string, bounds: number[]): Histogram =>
      registry.add(new Histogram(`outbound_http_route_${name}`, help, { bounds, decimals: 1 }));
    this.#families = families;
    this.#backendRequests = counter("backend_requests_total", "Requests dispatched to a backend.");
    this.#backendResponses = counter("backend_response_statuses_total", "Responses of a backend by status.");
    this.#backendDuration = histogram("backend_response_duration_seconds", "To a response's end.", backendBoundsS);
    this.#routeResponses = counter("request_statuses_total", "Requests of a route by status.");
    this.#routeDuration = histogram("request_duration_seconds", "From a request to its end.", routeBoundsS);
    this.#retries = counter("retry_requests_total", "Requests of a route that were tried again.");
    this.#retrySuccesses = counter("retry_successes_total", "Retries of a route that were answered well.");
    this.#errors = registry.add(new Counter("outbound_http_errors_total", "Requests that the proxy itself failed."));
    registry.add(
      new Gauge("outbound_http_balancer_endpoints", "Endpoints of a backend's balancer.", () =>
        balancerSeries(balancers()),
      ),
    );
  }

  /** An attempt begins. */
  request(hop: Hop, route: RouteHop | undefined): void {
    this.#families.requests.add(labelText(endpointLabels(hop)));
    if (route) this.#backendRequests.add(labelText(backendLabels(route)));
  }

  /** An attempt ended. */
  response(hop: Hop, route: RouteHop | undefined, end: End, durationMs: number): void {
    const { status_code, ...outcome } = outcomeOf(end);
    const status = status_code === undefined ? {} : { status_code };
    const labels = { ...endpointLabels(hop), ...status };
    if (status_code === undefined) this.#families.latency.touch(labelText(labels));
    else this.#families.latency.observe(labelText(labels), durationMs);
    this.#families.responses.add(labelText({ ...labels, ...outcome }));
    if (route) this.#backendEnded(route, routeOutcomeOf(end), durationMs);
  }

  /** A request ended, after all of its attempts; `end` is what the client got. */
  ended(route: RouteHop | undefined, end: End, durationMs: number): void {
    if (end.kind === "timeout" || end.kind === "unreachable") this.#errors.add(labelText({ error: "unexpected" }));
    if (route) this.#routeEnded(route, routeOutcomeOf(end), durationMs);
  }

  /** The first answer of a request was bad, and it was tried again `retries` times. */
  retried(route: RouteHop | undefined, retries: number, end: End): void {
    if (!route || retries === 0) return;
    this.#retries.add(labelText(routeLabels(route)), retries);
    if (outcomeOf(end).classification === "success") this.#retrySuccesses.add(labelText(routeLabels(route)));
  }

  /** The proxy failed the request itself before an endpoint was asked; `error` in linkerd-proxy's words, or a status. */
  refused(route: RouteHop | undefined, outcome: RouteOutcome, durationMs: number): void {
    const error = outcome.error === "FAIL_FAST" ? "failfast" : "unexpected";
    if (outcome.error) this.#errors.add(labelText({ error }));
    if (!route) return;
    if (outcome.error) {
      this.#backendRequests.add(labelText(backendLabels(route)));
      this.#backendEnded(route, outcome, durationMs);
    }
    this.#routeEnded(route, outcome, durationMs);
  }

  /** Counts a connection of the app; call what it returns when it is closed. */
  connection(address: string): () => void {
    return this.#families.connection({ direction: "outbound", peer: "src", target_addr: address });
  }

  #backendEnded(route: RouteHop, outcome: RouteOutcome, durationMs: number): void {
    const labels = backendLabels(route);
    this.#backendResponses.add(labelText({ ...labels, ...outcome }));
    this.#backendDuration.observe(labelText(labels), durationMs / 1000);
  }

  #routeEnded(route: RouteHop, outcome: RouteOutcome, durationMs: number): void {
    const labels = routeLabels(route);
    this.#routeResponses.add(labelText({ ...labels, ...outcome }));
    this.#routeDuration.observe(labelText(labels), durationMs / 1000);
  }
}

function endpointLabels({ endpoint, leaf, authority }: Hop): Labels {
  const tls = endpoint.meshed
    ? { tls: "true", server_id: identityOf(endpoint.serviceAccount, endpoint.namespace) }
    : { tls: "no_identity", no_tls_reason: "not_provided_by_service_discovery" };
  return {
    direction: "outbound",
    authority,
    target_addr: `${endpoint.ip}:${endpoint.port}`,
    target_ip: endpoint.ip,
    target_port: endpoint.port,
    ...tls,
    ...(endpoint.meshed ? { dst_control_plane_ns: controlNamespace } : {}),
    dst_deployment: endpoint.deployment,
    dst_namespace: endpoint.namespace,
    dst_pod: endpoint.pod,
    dst_pod_template_hash: endpoint.podTemplateHash,
    dst_service: leaf?.name ?? "",
    dst_serviceaccount: endpoint.serviceAccount,
    dst_zone: endpoint.zone,
    dst_zone_locality: "unknown",
  };
}

const reference = (role: "parent" | "backend", { namespace, name, port }: Leaf): Labels => ({
  [`${role}_group`]: "core",
  [`${role}_kind`]: "Service",
  [`${role}_namespace`]: namespace,
  [`${role}_name`]: name,
  [`${role}_port`]: port,
  [`${role}_section_name`]: "",
});

function ruleLabels({ apex, rule }: RouteHop): Labels {
  const route = rule
    ? { route_group: "gateway.networking.k8s.io", route_kind: "HTTPRoute" }
    : { route_group: "", route_kind: "default" };
  const name = { route_namespace: rule?.namespace ?? "", route_name: rule?.route ?? "http" };
  return { ...reference("parent", apex), ...route, ...name };
}

const routeLabels = (route: RouteHop): Labels => ({ ...ruleLabels(route), hostname: "" });

const backendLabels = (route: RouteHop): Labels => ({ ...ruleLabels(route), ...reference("backend", route.leaf) });

function* balancerSeries(balancers: Iterable<{ apex: Leaf; leaf: Leaf }>): Generator<[LabelText, number]> {
  for (const { apex, leaf } of balancers) {
    const labels = { ...reference("parent", apex), ...reference("backend", leaf) };
    yield [labelText({ endpoint_state: "ready", ...labels }), leaf.endpoints.length];
    yield [labelText({ endpoint_state: "pending", ...labels }), 0];
  }
}

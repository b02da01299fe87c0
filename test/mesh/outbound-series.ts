// What the client side of the proxy counts: per endpoint for every request, and per route and backend for requests of a
// client that is bound to the policy (HTTPRoutes, or the default route where there is none).
import type { Endpoint, Leaf } from "./destination.ts";
import { Counter, Gauge, Histogram, labelText, type LabelText, type Registry } from "./metrics.ts";
import type { Rule } from "./route.ts";
import { classify, type Labels, type TrafficFamilies } from "./series.ts";
import { identityOf } from "./settings.ts";

/** Upper bounds of linkerd-proxy's route histograms, seconds. */
const routeBoundsS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 10];

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

  /** `balancers` is read at export: every backend in use, of which apex, with its endpoints. */
  constructor(registry: Registry, families: TrafficFamilies, balancers: () => Iterable<{ apex: Leaf; leaf: Leaf }>) {
    const prefix = "outbound_http_route";
    this.#families = families;
    this.#backendRequests = registry.add(
      new Counter(`${prefix}_backend_requests_total`, "Requests dispatched to a backend."),
    );
    this.#backendResponses = registry.add(
      new Counter(`${prefix}_backend_response_statuses_total`, "Responses of a backend by status."),
    );
    this.#backendDuration = registry.add(
      new Histogram(`${prefix}_backend_response_duration_seconds`, "Seconds to a response's end.", routeBoundsS),
    );
    this.#routeResponses = registry.add(
      new Counter(`${prefix}_request_statuses_total`, "Requests of a route by status."),
    );
    registry.add(
      new Gauge("outbound_http_balancer_endpoints", "Endpoints of a backend's balancer.", () =>
        balancerSeries(balancers()),
      ),
    );
  }

  request(hop: Hop, route: RouteHop | undefined): void {
    this.#families.requests.add(labelText(endpointLabels(hop)));
    if (route) this.#backendRequests.add(labelText(routeLabels(route)));
  }

  response(hop: Hop, route: RouteHop | undefined, status: number, durationMs: number): void {
    const labels = { ...endpointLabels(hop), status_code: status };
    this.#families.latency.observe(labelText(labels), durationMs);
    this.#families.responses.add(labelText({ ...labels, classification: classify(status) }));
    if (!route) return;
    const outcome = labelText({ ...routeLabels(route), http_status: status, error: "" });
    this.#backendResponses.add(outcome);
    this.#routeResponses.add(outcome);
    this.#backendDuration.observe(labelText(routeLabels(route)), durationMs / 1000);
  }

  /** The proxy answered itself: no endpoint was asked. `error` in linkerd-proxy's words. */
  failed(route: RouteHop | undefined, status: number, error: string): void {
    if (route) this.#routeResponses.add(labelText({ ...routeLabels(route), http_status: status, error }));
  }

  /** Counts a connection of the app; call what it returns when it is closed. */
  connection(address: string): () => void {
    return this.#families.connection({ direction: "outbound", peer: "src", target_addr: address });
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
    ...tls,
    dst_deployment: endpoint.deployment,
    dst_namespace: endpoint.namespace,
    dst_pod: endpoint.pod,
    dst_pod_template_hash: endpoint.podTemplateHash,
    dst_service: leaf?.name ?? "",
    dst_serviceaccount: endpoint.serviceAccount,
    dst_zone_locality: "unknown",
  };
}

const parentLabels = ({ namespace, name, port }: Leaf): Labels => ({
  parent_group: "core",
  parent_kind: "Service",
  parent_namespace: namespace,
  parent_name: name,
  parent_port: port,
});

const backendLabels = ({ namespace, name, port }: Leaf): Labels => ({
  backend_group: "core",
  backend_kind: "Service",
  backend_namespace: namespace,
  backend_name: name,
  backend_port: port,
});

function routeLabels({ apex, leaf, rule }: RouteHop): Labels {
  const route = rule
    ? { route_group: "gateway.networking.k8s.io", route_kind: "HTTPRoute" }
    : { route_group: "", route_kind: "default" };
  const name = { route_namespace: rule?.namespace ?? "", route_name: rule?.route ?? "http" };
  return { ...parentLabels(apex), ...route, ...name, ...backendLabels(leaf) };
}

function* balancerSeries(balancers: Iterable<{ apex: Leaf; leaf: Leaf }>): Generator<[LabelText, number]> {
  for (const { apex, leaf } of balancers) {
    const labels = { ...parentLabels(apex), ...backendLabels(leaf) };
    yield [labelText({ endpoint_state: "ready", ...labels }), leaf.endpoints.length];
    yield [labelText({ endpoint_state: "pending", ...labels }), 0];
  }
}

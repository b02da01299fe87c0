// The exported series have linkerd-proxy's names, labels and bounds.
import { expect, it } from "vitest";
import type { End } from "./classify.ts";
import type { Endpoint, Leaf } from "../policy/destination.ts";
import { linkerdSamples, parseSamples, shapeOf, total, type Sample } from "./exposition.ts";
import { defaultPolicy } from "../policy/inbound-policy.ts";
import { InboundSeries, probeAuthorization, type InboundRequest } from "./inbound-series.ts";
import { labelText, Registry } from "./metrics.ts";
import { OutboundSeries } from "./outbound-series.ts";
import { latencyBoundsMs, TrafficFamilies } from "./series.ts";

const endpoint: Endpoint = {
  ip: "10.0.0.7",
  port: 9898,
  namespace: "test",
  pod: "podinfo-5f-x",
  deployment: "podinfo",
  podTemplateHash: "5f",
  serviceAccount: "default",
  zone: "",
  meshed: true,
};
const leaf: Leaf = { namespace: "test", name: "podinfo-primary", port: 9898, exists: true, endpoints: [endpoint] };
const apex: Leaf = { ...leaf, name: "podinfo" };
const target = { ip: "10.0.0.7", port: 9898 };
const clientId = "default.test.serviceaccount.identity.linkerd.cluster.local";
const open = defaultPolicy("all-unauthenticated").server;
const meshed: InboundRequest = { target, clientId, probe: false, server: open, authorization: open };
const probe: InboundRequest = { ...meshed, clientId: undefined, probe: true, authorization: probeAuthorization };
const hop = { apex, leaf, endpoint, authority: "podinfo-primary.test.svc.cluster.local:9898" };
const route = { apex, leaf, rule: undefined };
const answered = (status: number): End => ({ kind: "answered", status });

interface Proxy {
  readonly inbound: InboundSeries;
  readonly outbound: OutboundSeries;
  readonly samples: () => Sample[];
}

function proxy(): Proxy {
  const registry = new Registry();
  const families = new TrafficFamilies(registry);
  const outbound = new OutboundSeries(registry, families, () => [{ apex, leaf }]);
  return { inbound: new InboundSeries(registry, families), outbound, samples: () => parseSamples(registry.text()) };
}

it("every kind of series that a real proxy was seen to export is exported with exactly its labels", async () => {
  const { samples, inbound, outbound } = proxy();
  for (const request of [meshed, probe]) {
    inbound.request(request);
    inbound.response(request, answered(200), 3);
  }
  for (const end of [answered(200), { kind: "timeout" } as const]) {
    outbound.request(hop, route);
    outbound.response(hop, route, end, 3);
    outbound.ended(route, end, 3);
  }
  const ours = new Set(samples().map(shapeOf));
  for (const sample of await linkerdSamples()) expect(ours).toContain(shapeOf(sample));
});

it("the latency histogram has linkerd-proxy's bounds on both sides and counts each response once", () => {
  expect(latencyBoundsMs).toEqual(
    [
      [1, 2, 3, 4, 5],
      [10, 20, 30, 40, 50],
      [100, 200, 300, 400, 500],
      [1000, 2000, 3000, 4000, 5000],
      [10_000, 20_000, 30_000, 40_000, 50_000],
    ].flat(),
  );
  const { samples, inbound, outbound } = proxy();
  for (const ms of [0.4, 3.5, 70_000]) {
    inbound.response(meshed, answered(200), ms);
    outbound.response(hop, route, answered(200), ms);
  }
  const sides = [
    { direction: "inbound" },
    { direction: "outbound", dst_pod: "podinfo-5f-x", dst_pod_template_hash: "5f" },
  ];
  for (const side of sides) {
    const below = (le: string): number => total(samples(), "response_latency_ms_bucket", { ...side, le });
    expect([below("1"), below("3"), below("4"), below("50000"), below("+Inf")]).toEqual([1, 1, 2, 2, 3]);
  }
});

it("responses from 500 on are failures, and an open connection counts until it is closed", () => {
  const { samples, inbound } = proxy();
  for (const status of [200, 403, 404, 500, 503]) inbound.response(meshed, answered(status), 1);
  const closed = inbound.connection(target);
  const during = samples();
  expect(total(during, "response_total", { classification: "failure" })).toBe(2);
  expect(total(during, "response_total", { status_code: "403", classification: "success" })).toBe(1);
  expect(total(during, "tcp_open_connections", {})).toBe(1);
  closed();
  expect(total(samples(), "tcp_open_connections", {})).toBe(0);
});

it("a request that was cut off is a request without a response on its pod, and an unclassified failure of its caller", () => {
  const { samples, inbound, outbound } = proxy();
  inbound.request(meshed);
  inbound.response(meshed, { kind: "cancelled" }, 1000);
  outbound.request(hop, route);
  outbound.response(hop, route, { kind: "timeout" }, 1000);
  outbound.ended(route, { kind: "timeout" }, 1000);
  const all = samples();
  const here = { direction: "inbound" };
  expect([total(all, "request_total", here), total(all, "response_total", here)]).toEqual([1, 0]);
  expect(total(all, "response_latency_ms_count", {})).toBe(0);
  const [failure] = all.filter(({ name }) => name === "response_total");
  expect(failure?.labels).toMatchObject({ classification: "failure", error: "unclassified", grpc_status: "" });
  expect(failure?.labels).not.toHaveProperty("status_code");
  const timeout = { http_status: "", error: "REQUEST_TIMEOUT" };
  expect(total(all, "outbound_http_route_request_statuses_total", timeout)).toBe(1);
  expect(total(all, "outbound_http_route_backend_response_statuses_total", timeout)).toBe(1);
});

it("an answer that broke off in the middle is an unclassified failure with its status, on both sides", () => {
  const { samples, inbound, outbound } = proxy();
  inbound.response(meshed, { kind: "broken", status: 200 }, 5);
  outbound.response(hop, route, { kind: "broken", status: 200 }, 5);
  for (const direction of ["inbound", "outbound"]) {
    const labels = { direction, status_code: "200", classification: "failure", error: "unclassified" };
    expect(total(samples(), "response_total", labels)).toBe(1);
  }
});

it("a refused request is counted as refused on its pod and nowhere else there, and as a success of its caller", () => {
  const { samples, inbound, outbound } = proxy();
  inbound.denied({ ...meshed, server: defaultPolicy("deny").server });
  outbound.response(hop, route, answered(403), 1);
  const all = samples();
  const denied = all.filter(({ name }) => name === "inbound_http_authz_deny_total");
  expect(denied.map(({ labels }) => labels)).toEqual([
    {
      ...{ target_addr: "10.0.0.7:9898", target_ip: "10.0.0.7", target_port: "9898" },
      ...{ srv_group: "", srv_kind: "default", srv_name: "deny", srv_port: "9898" },
      ...{ route_group: "", route_kind: "default", route_name: "default", tls: "true", client_id: clientId },
    },
  ]);
  for (const name of ["request_total", "response_total"]) expect(total(all, name, { direction: "inbound" })).toBe(0);
  expect(total(all, "response_total", { status_code: "403", classification: "success" })).toBe(1);
});

it("gRPC's status classifies an answer of HTTP status 200", () => {
  const { samples, inbound } = proxy();
  for (const grpcStatus of ["0", "5", "14"]) inbound.response(meshed, { ...answered(200), grpcStatus } as End, 1);
  const of = (grpc_status: string, classification: string): number =>
    total(samples(), "response_total", { grpc_status, classification, status_code: "200" });
  expect([of("0", "success"), of("5", "success"), of("14", "failure")]).toEqual([1, 1, 1]);
});

it("a route counts a request once, whatever was tried for it; its backends count attempts", () => {
  const { samples, outbound } = proxy();
  for (const status of [503, 503, 200]) {
    outbound.request(hop, route);
    outbound.response(hop, route, answered(status), 1);
  }
  outbound.ended(route, answered(200), 3);
  outbound.retried(route, 2, answered(200));
  const all = samples();
  const backend = "outbound_http_route_backend_response_statuses_total";
  expect([total(all, backend, { http_status: "503" }), total(all, backend, { http_status: "200" })]).toEqual([2, 1]);
  expect(total(all, "response_total", { classification: "failure" })).toBe(2);
  const requests = all.filter(({ name }) => name === "outbound_http_route_request_statuses_total");
  expect(requests.map(({ labels, value }) => [labels["http_status"], value])).toEqual([["200", 1]]);
  expect(total(all, "outbound_http_route_retry_requests_total", {})).toBe(2);
});

it("a backend without endpoints fails fast: an error of its route, not of any pod", () => {
  const { samples, outbound } = proxy();
  outbound.refused(route, { http_status: "", error: "FAIL_FAST" }, 3000);
  const all = samples();
  const failFast = { http_status: "", error: "FAIL_FAST" };
  expect(total(all, "outbound_http_route_request_statuses_total", failFast)).toBe(1);
  expect(total(all, "outbound_http_route_backend_response_statuses_total", failFast)).toBe(1);
  expect(total(all, "outbound_http_errors_total", { error: "failfast" })).toBe(1);
  expect(total(all, "response_total", {})).toBe(0);
});

it("label values are escaped", () => {
  expect(labelText({ a: 'x"y\\z\n' })).toBe('a="x\\"y\\\\z\\n"');
});

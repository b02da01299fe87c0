// The exported series have linkerd-proxy's names, labels and bounds.
import { expect, it } from "vitest";
import type { Endpoint, Leaf } from "./destination.ts";
import { linkerdSamples, parseSamples, shapeOf, total } from "./exposition.ts";
import { InboundSeries } from "./inbound-series.ts";
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

function proxy(): { registry: Registry; inbound: InboundSeries; outbound: OutboundSeries } {
  const registry = new Registry();
  const families = new TrafficFamilies(registry);
  const outbound = new OutboundSeries(registry, families, () => [{ apex, leaf }]);
  return { registry, inbound: new InboundSeries(families), outbound };
}

it("every kind of series that a real proxy was seen to export is exported with exactly its labels", async () => {
  const { registry, inbound, outbound } = proxy();
  const meshed = { target, clientId, probe: false };
  const probe = { target, clientId: undefined, probe: true };
  for (const request of [meshed, probe]) {
    inbound.request(request);
    inbound.response(request, 200, 3);
  }
  const hop = { apex, leaf, endpoint, authority: "podinfo.test.svc.cluster.local:9898" };
  outbound.request(hop, { apex, leaf, rule: undefined });
  outbound.response(hop, { apex, leaf, rule: undefined }, 200, 3);
  const ours = new Set(parseSamples(registry.text()).map(shapeOf));
  for (const sample of await linkerdSamples()) expect(ours).toContain(shapeOf(sample));
});

it("the latency histogram has linkerd-proxy's bounds and counts each response once", () => {
  expect(latencyBoundsMs).toEqual(
    [
      [1, 2, 3, 4, 5],
      [10, 20, 30, 40, 50],
      [100, 200, 300, 400, 500],
      [1000, 2000, 3000, 4000, 5000],
      [10_000, 20_000, 30_000, 40_000, 50_000],
    ].flat(),
  );
  const { registry, inbound } = proxy();
  for (const ms of [0.4, 3.5, 70_000]) inbound.response({ target, clientId, probe: false }, 200, ms);
  const samples = parseSamples(registry.text());
  const below = (le: string): number => total(samples, "response_latency_ms_bucket", { le });
  expect([below("1"), below("3"), below("4"), below("50000"), below("+Inf")]).toEqual([1, 1, 2, 2, 3]);
});

it("responses from 500 on are failures, and an open connection counts until it is closed", () => {
  const { registry, inbound } = proxy();
  const request = { target, clientId, probe: false };
  for (const status of [200, 404, 500, 503]) inbound.response(request, status, 1);
  const closed = inbound.connection(target);
  const during = parseSamples(registry.text());
  expect(total(during, "response_total", { classification: "failure" })).toBe(2);
  expect(total(during, "tcp_open_connections", {})).toBe(1);
  closed();
  expect(total(parseSamples(registry.text()), "tcp_open_connections", {})).toBe(0);
});

it("label values are escaped", () => {
  expect(labelText({ a: 'x"y\\z\n' })).toBe('a="x\\"y\\\\z\\n"');
});

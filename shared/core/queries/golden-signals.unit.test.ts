import { expect, it } from "vitest";
import { goldenQueries } from "./golden-signals.ts";
import { latencyMsOf, successPercentOf } from "./track-queries.ts";

const track = { namespace: "test", deployment: "podinfo-canary", podTemplateHash: "7c9d" };

it("asks of a track what the controller asks, by both sides", () => {
  const asked = { window: 30, terms: { callers: true, unmeshed: true, denied: true, recent: 20 } };
  const queries = goldenQueries(track, 30);
  expect(queries).toMatchObject({
    successPercent: successPercentOf(track, asked),
    latencyMsP99: latencyMsOf(track, asked),
  });
  for (const query of Object.values(queries)) {
    expect(query).toContain('direction="inbound"');
    expect(query).toContain('direction="outbound"');
  }
});

it("asks a caller's proxies for what they sent to this version of the track alone", () => {
  const queries = goldenQueries(track, 30, { namespace: "shop", deployment: "load" });
  for (const query of Object.values(queries)) {
    expect(query).toContain('direction="outbound",namespace="shop",deployment="load"');
    expect(query).toContain('dst_namespace="test",dst_deployment="podinfo-canary",dst_pod_template_hash="7c9d"');
    expect(query).not.toContain("inbound");
  }
  expect(queries.latencyMsP50).toMatch(/^histogram_quantile\(0\.5, sum by \(le\)/);
  expect(queries.successPercent).toContain('classification="success"');
});

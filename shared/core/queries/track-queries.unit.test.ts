import { describe, expect, test } from "vitest";
import { failuresOf, latencyMsOf, requestsOf, successPercentOf } from "./track-queries.ts";

const track = { namespace: "test", deployment: "podinfo-canary", podTemplateHash: "5c8f" };
const labels = 'namespace="test",deployment="podinfo-canary",pod_template_hash="5c8f"';
const window = 60;

describe("the text for one track", () => {
  test("names one version's pods exactly", () => {
    expect(successPercentOf(track, { window })).toContain(labels);
    expect(latencyMsOf(track, { window: 30 })).toContain(`${labels}}[30s]`);
  });

  test("is about the pods' side alone where nothing else counted", () => {
    for (const text of [requestsOf(track, { window }), latencyMsOf(track, { window })]) {
      expect(text).not.toContain("outbound");
    }
    expect(requestsOf(track, { window, terms: { callers: false } })).toBe(requestsOf(track, { window }));
  });

  test("takes the larger of two counts of the same requests, and the slower of two latencies", () => {
    const terms = { callers: true };
    for (const text of [failuresOf(track, { window, terms }), latencyMsOf(track, { window, terms })]) {
      expect(text).toMatch(/^max\(label_replace\(/);
      expect(text).toContain(`dst_namespace="test",dst_deployment="podinfo-canary",dst_pod_template_hash="5c8f"`);
      expect(text).toContain(labels);
    }
  });

  test("counts requests from outside the mesh beside those of callers, and not among them", () => {
    const text = requestsOf(track, { window, terms: { callers: true, unmeshed: true } });
    expect(text).toContain(`${labels},tls="true"`);
    expect(text).toContain(`${labels},tls!="true"`);
  });

  test("has refused, unanswered and retried requests only where there were any", () => {
    const retried = { service: "podinfo", deployments: ["podinfo", "podinfo-canary"] };
    const all = requestsOf(track, { window, terms: { callers: true, denied: true, recent: 20, retried } });
    const some = requestsOf(track, { window, terms: { callers: true } });
    for (const part of ["inbound_http_authz_deny_total", "request_total{", "[20s]", "retry_requests_total"]) {
      expect(all).toContain(part);
      expect(some).not.toContain(part);
    }
    expect(all).toContain('dst_deployment=~"podinfo|podinfo-canary"');
  });
});

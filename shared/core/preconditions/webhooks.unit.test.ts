import { describe, expect, it } from "vitest";
import { aSpec } from "../../../test/builders.ts";
import type { WebhookSpec } from "../objects/canary.ts";
import type { Finding } from "./finding.ts";
import { unmetPreconditions } from "./preconditions.ts";

/** Of a Canary in namespace test with this webhook. */
function found(webhook: Partial<WebhookSpec>, hookAddresses?: readonly string[]): Finding[] {
  const hook = { name: "qa", url: "http://qa.test/", ...webhook };
  const spec = aSpec({ analysis: { ...aSpec().analysis, webhooks: [hook] } });
  const canary = { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name: "podinfo" }, spec };
  const names = { namespace: "test", targetName: "podinfo", apexName: "podinfo" };
  return unmetPreconditions({ ...names, canary, hookAddresses });
}

describe("a webhook's address", () => {
  it.each(["http://qa.test/", "https://qa.test.svc:8443/gate", "http://qa.test.svc.cluster.local"])(
    "is asked where it is a Service of the Canary's namespace: %s",
    (url) => expect(found({ url }, [])).toEqual([]),
  );

  it("is asked where the chart lists it", () => {
    expect(found({ url: "https://hooks.example.com/a" }, ["hooks.example.com"])).toEqual([]);
  });

  it("keeps every run from starting where it may not be asked, with the way round", () => {
    expect(found({ url: "http://qa.shop/", type: "confirm-promotion" }, [])).toEqual([
      {
        code: "webhook-address-refused",
        level: "missing",
        what: "Webhook qa (confirm-promotion) cannot be asked: the controller may not ask qa.shop:80: its chart's gates.allowedAddresses allows none, beside Services of namespace test (NAME.test.svc).",
        evidence: "spec.analysis.webhooks of Canary podinfo",
        cure: { run: "kubectl -n test edit canary podinfo" },
      },
    ]);
  });

  it.each(["event", "post-rollout"])("is a warning alone where nothing waits for it: %s", (type) => {
    expect(found({ url: "http://qa.shop/", type }, [])).toMatchObject([{ level: "warning" }]);
  });

  it("is not judged where the chart's value is not known", () => {
    expect(found({ url: "http://qa.shop/" })).toEqual([]);
  });
});

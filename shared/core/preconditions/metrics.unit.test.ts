import { expect, it } from "vitest";
import { aSpec } from "../../../test/builders.ts";
import type { MetricTemplate } from "../queries/query-template.ts";
import { unmetPreconditions } from "./preconditions.ts";

/** For a Canary of namespace `test` with a metric of MetricTemplate errors in `namespace`. */
function codes(namespace: string, templates: ReadonlyMap<string, MetricTemplate>): string[] {
  const metrics = [{ name: "errors", templateRef: { name: "errors", namespace }, thresholdRange: { max: 1 } }];
  const spec = aSpec({ analysis: { ...aSpec().analysis, metrics } });
  const canary = { apiVersion: "", kind: "Canary", metadata: { name: "podinfo", namespace: "test" }, spec };
  const names = { namespace: "test", targetName: "podinfo", apexName: "podinfo" };
  return unmetPreconditions({ canary, ...names, templates, templateNamespaces: ["platform"] }).map(
    ({ code, what }) => `${code} ${what}`,
  );
}

it("nothing is said of whether another namespace has a template, unless the chart lists that one", () => {
  const template: MetricTemplate = {
    ...{ apiVersion: "", kind: "MetricTemplate", metadata: {} },
    spec: { provider: { type: "prometheus" }, query: "up" },
  };
  const all = new Map([["shop/errors", template]]);
  const refused = "metric-unusable Metric errors cannot be asked: MetricTemplate errors.shop is another namespace's";
  expect(codes("shop", all)[0]?.startsWith(refused)).toBe(true);
  expect(codes("shop", new Map())).toEqual(codes("shop", all));
  expect(codes("platform", new Map())[0]).toMatch(/^template-missing .*errors.platform does not exist/);
});

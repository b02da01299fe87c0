import { expect, it } from "vitest";
import { aSpec } from "../../../test/builders.ts";
import type { MetricTemplate } from "../queries/query-template.ts";
import type { MetricSpec } from "../objects/canary.ts";
import type { Finding, SeenObjects } from "./finding.ts";
import { unmetPreconditions } from "./preconditions.ts";

/** For a Canary of namespace `test` with this metric. */
function found(metric: MetricSpec, seen: Partial<SeenObjects> = {}): Finding[] {
  const spec = aSpec({ analysis: { ...aSpec().analysis, metrics: [metric] } });
  const canary = { apiVersion: "", kind: "Canary", metadata: { name: "podinfo", namespace: "test" }, spec };
  const names = { namespace: "test", targetName: "podinfo", apexName: "podinfo" };
  return unmetPreconditions({ canary, ...names, ...seen });
}

/** With a metric of MetricTemplate errors in `namespace`. */
function codes(namespace: string, templates: ReadonlyMap<string, MetricTemplate>): string[] {
  const metric = { name: "errors", templateRef: { name: "errors", namespace }, thresholdRange: { max: 1 } };
  return found(metric, { templates, templateNamespaces: ["platform"] }).map(({ code, what }) => `${code} ${what}`);
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
  expect(codes("", new Map())[0]).toMatch(/^template-missing .*errors.test does not exist/);
  expect(codes("platform", new Map())[0]).toMatch(/^template-missing .*errors.platform does not exist/);
});

it("a threshold is the highest value that passes, and said so of what sounds like a success rate", () => {
  const query = 'sum(rate(asked_total{deployment="podinfo-canary"}[1m]))';
  const warned = (metric: Partial<MetricSpec>): string[] =>
    found({ name: "success-rate", query, ...metric })
      .filter(({ code }) => code === "threshold-is-maximum")
      .map(({ level, what }) => `${level}: ${what}`);
  expect(warned({ threshold: 99 })).toEqual([
    "warning: Metric success-rate: threshold 99 is the highest value that passes, as in Flagger, so that a better one fails; if it is meant to be the lowest, write thresholdRange: {min: 99} instead.",
  ]);
  expect(warned({ thresholdRange: { min: 99 } })).toEqual([]);
  expect(warned({ name: "errors", threshold: 1 })).toEqual([]);
  expect(warned({ name: "request-success-rate", query: "", threshold: 99 })).toEqual([]);
});

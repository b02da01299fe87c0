import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { aSpec } from "../../../test/builders.ts";
import { createPatternReader, createQueryReader } from "../../promql.ts";
import type { Canary, CanarySpec, MetricSpec } from "../objects/canary.ts";
import { annotation } from "../objects/names.ts";
import { type PreconditionCode, preconditionCodes } from "../preconditions/preconditions.ts";
import { impossibleIn, type TextReaders } from "./impossible.ts";
import { refusalText } from "./refusal.ts";

const readers = (): TextReaders => ({ readQuery: createQueryReader(), isPattern: createPatternReader() });

function canary(over: Partial<CanarySpec> = {}, metadata: Canary["metadata"] = {}): Canary {
  const place = { name: "podinfo", namespace: "test", ...metadata };
  return { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: place, spec: aSpec(over) };
}

const found = (now: Canary, before?: Canary): PreconditionCode[] =>
  impossibleIn(now, before, readers).map(({ code }) => code);

const asking = (...metrics: Partial<MetricSpec>[]): Partial<CanarySpec> => ({
  analysis: { stepWeight: 10, metrics: metrics.map((one) => ({ name: "errors", ...one })) },
});
const ofStable = { query: 'rate(errors{deployment="podinfo"}[1m])' };
const insiders = [{ headers: { "x-canary": { exact: "insider" } } }];
const service = (more: Partial<CanarySpec["service"] & object>): Partial<CanarySpec> => ({
  provider: "gatewayapi:v1",
  service: { port: 9898, ...more },
});

/** All that the Canaries of its tutorial and of its end-to-end tests have. */
const flaggersOwn: Partial<CanarySpec> = {
  autoscalerRef: { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "podinfo" },
  progressDeadlineSeconds: 60,
  service: {
    ...{ port: 80, targetPort: "http", portDiscovery: true },
    gatewayRefs: [{ name: "podinfo", namespace: "test", group: "core", kind: "Service", port: 80 }],
  },
  analysis: {
    ...{ interval: "15s", threshold: 15, maxWeight: 50, stepWeight: 10 },
    metrics: [
      {
        ...{ name: "success-rate", templateRef: { name: "success-rate", namespace: "linkerd" } },
        ...{ templateVariables: { direction: "inbound" }, threshold: 99, interval: "1m" },
      },
    ],
    webhooks: [{ name: "load-test", url: "http://flagger-loadtester.test/", metadata: { cmd: "hey http://podinfo" } }],
  },
};

const rows: [PreconditionCode, string, Canary][] = [
  ["name-too-long", "metadata.name", canary({}, { name: "c".repeat(64) })],
  ["unsupported-field", "spec.provider istio", canary({ provider: "istio" })],
  ["unsupported-field", "spec.targetRef.kind", canary({ targetRef: { apiVersion: "", kind: "Service", name: "a" } })],
  ["unsupported-field", "spec.analysis.mirror", canary({ analysis: { iterations: 3, mirror: true } })],
  ["unsupported-field", "spec.service.headless", canary(service({ headless: true }))],
  ["route-match-impossible", "spec.service.match", canary(service({ match: [{ uri: { prefix: "/shop" } }] }))],
  ["route-filter-impossible", "spec.service.rewrite", canary(service({ rewrite: { uri: "/" } }))],
  ["route-filter-impossible", "spec.service.mirror", canary(service({ mirror: [{ backendRef: { name: "b" } }] }))],
  ["hosts-astray", "spec.service.hosts", canary(service({ hosts: ["shop.example.com"] }))],
  [
    "match-unreadable",
    "spec.analysis.match[0] cookie",
    canary({
      provider: "gatewayapi:v1",
      analysis: { iterations: 3, match: [{ headers: { cookie: { regex: "(" } } }] },
    }),
  ],
  [
    "route-rules-impossible",
    "spec.analysis.match",
    canary({ provider: "linkerd", analysis: { iterations: 3, match: insiders } }),
  ],
  [
    "metric-unusable",
    "spec.analysis.metrics[errors].query: Metric errors cannot be asked",
    canary(asking({ query: "up{x={{ ingress }}}" })),
  ],
  ["metric-wrong-track", "spec.analysis.metrics[errors].query: Metric errors", canary(asking(ofStable))],
];

describe("a Canary that can never begin a run, whatever the cluster has", () => {
  it.each(rows)("is refused: %s, %s", (code, field, given) => {
    expect(found(given)).toEqual([code]);
    expect(refusalText([], impossibleIn(given, undefined, readers))).toContain(field);
  });

  it.each(rows)("of an earlier time may be edited all the same: %s, %s", (_, __, given) => {
    const edited = { ...given, spec: { ...given.spec, suspend: true } };
    expect(found(edited, given)).toEqual([]);
  });

  it("is told all of it at once", () => {
    const both = canary({ ...service({ hosts: ["a.test"], headless: true }), ...asking(ofStable) });
    expect(found(both).sort()).toEqual(["hosts-astray", "metric-wrong-track", "unsupported-field"]);
    const text = refusalText([], impossibleIn(both, undefined, readers));
    for (const field of ["spec.service.hosts has", "spec.service.headless (", "spec.analysis.metrics[errors].query: "])
      expect(text).toContain(field);
  });

  it("may be put right part by part, in any order, and never made worse", () => {
    const before = canary({ ...service({ headless: true }), ...asking(ofStable, { ...ofStable, name: "late" }) });
    const better = canary({ ...service({ headless: true }), ...asking({ ...ofStable, name: "late" }) });
    expect(found(better, before)).toEqual([]);
    const worse = canary({ ...service({}), ...asking(ofStable, { ...ofStable, name: "more" }) });
    expect(found(worse, before)).toEqual(["metric-wrong-track"]);
    const other = canary({ provider: "istio", ...asking(ofStable), service: { port: 9898, headless: true } });
    expect(found(other, before)).toEqual(["unsupported-field"]);
  });

  it("is refused beside skipAnalysis too, which may be taken off at any time", () => {
    const skipping = canary({ ...asking(ofStable), skipAnalysis: true });
    expect(found(skipping)).toEqual(["metric-wrong-track"]);
    expect(found(canary(asking(ofStable)), skipping)).toEqual([]);
  });

  it("is Flagger's own business where it is left to Flagger", () => {
    const left = { annotations: { [annotation.leftTo]: "flagger" } };
    expect(found(canary({ provider: "istio" }, left))).toEqual([]);
  });
});

describe("a Canary that something else may still help", () => {
  it.each<[string, Partial<CanarySpec>]>([
    [
      "Flagger does not carry it out on a TrafficSplit either",
      { ...service({ rewrite: { uri: "/" } }), provider: "linkerd" },
    ],
    ["its template may come", asking({ templateRef: { name: "errors" } })],
    ["its route may be an HTTPRoute", { analysis: { iterations: 3, match: insiders } }],
    ["the chart may allow Gateways", service({ gatewayRefs: [{ name: "public", namespace: "ingress" }] })],
    ["a field is not carried out, and that is all", service({ retries: { attempts: 3 } } as object)],
    ["it is as Flagger's own for Linkerd are", flaggersOwn],
  ])("is admitted: %s", (_, spec) => {
    expect(found(canary(spec))).toEqual([]);
  });
});

it("is in the table of docs/canary.md, and nothing else is", () => {
  const page = readFileSync(new URL("../../../docs/canary.md", import.meta.url), "utf8");
  const section = page.split("\n## ").find((part) => part.startsWith("Refused when it is written")) ?? "";
  const named = [...section.matchAll(/^\| `([a-z-]+)`/gm)].map(([, code]) => code);
  expect(named.filter((code) => !(preconditionCodes as readonly string[]).includes(code ?? ""))).toEqual([]);
  expect([...new Set(named)].sort()).toEqual([...new Set(rows.map(([code]) => code))].sort());
});

it("a Canary of an earlier time stays editable however long its queries are: old and new are read apart", () => {
  const long = Array.from({ length: 17 }, (_, index) => ({ name: `m${index}`, query: `vector(${"1+".repeat(450)}1)` }));
  const old = canary(asking(...long, { name: "wrong", query: `${ofStable.query}${" + 0".repeat(100)}` }));
  expect(found(old)).toEqual(["metric-wrong-track"]);
  expect(found({ ...old, metadata: { ...old.metadata, labels: { team: "web" } } }, old)).toEqual([]);
});

import { describe, expect, it } from "vitest";
import { isBuiltIn } from "../analysis/verdict.ts";
import { apexOf, type AnalysisSpec, type CanarySpec } from "../objects/canary.ts";
import { formatErrors, parsePolicy, unsupportedIn } from "./policy.ts";

function aSpec(analysis: Partial<AnalysisSpec> = {}, spec: Partial<CanarySpec> = {}): CanarySpec {
  return {
    targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
    service: { port: 9898 },
    analysis: { interval: "10s", threshold: 5, stepWeight: 10, ...analysis },
    ...spec,
  };
}

function errorsOf(spec: CanarySpec): string {
  const result = parsePolicy(spec);
  return result.ok ? "" : formatErrors(result.errors);
}

describe("the tutorial's Canary", () => {
  it("is ten steps of ten percent every ten seconds, rolled back at five failed checks", () => {
    const result = parsePolicy(aSpec({ maxWeight: 100 }));
    expect(result).toMatchObject({
      ok: true,
      policy: { intervalMs: 10_000, threshold: 5, weights: [10, 20, 30, 40, 50, 60, 70, 80, 90, 100] },
    });
  });
});

describe("faults in a Canary", () => {
  it("are all told at once, each with its path", () => {
    const errors = errorsOf(
      aSpec({ interval: "10x", stepWeight: 101, metrics: [{ name: "unknown" }] }, { service: { port: 0 } }),
    );
    for (const path of [
      "spec.service.port",
      "spec.analysis.interval",
      "spec.analysis.stepWeight",
      "spec.analysis.metrics[0]",
      "spec.analysis.metrics[0].thresholdRange",
    ])
      expect(errors).toContain(`${path}:`);
  });

  it.each([
    ["an interval that is none", aSpec({ interval: "10x" }), '"10x" is not a duration'],
    ["an interval below a second", aSpec({ interval: "0s" }), "below the shortest"],
    [
      "a target that no Deployment can be called",
      aSpec({}, { targetRef: { ...aSpec().targetRef, name: "x;id" }, service: { name: "podinfo", port: 80 } }),
      'spec.targetRef.name: "x;id" cannot be a Deployment\'s name',
    ],
    ["two strategies", aSpec({ iterations: 3 }), "stepWeight and iterations exclude each other"],
    ["no strategy", { ...aSpec(), analysis: { interval: "10s" } }, "needs stepWeight or stepWeights"],
    [
      "a limit of failed checks that is none",
      aSpec({ metrics: [{ name: "request-duration", thresholdRange: { max: 1 }, failureLimit: -1 }] }),
      "spec.analysis.metrics[0].failureLimit: -1 is not a whole number of failed checks from 0",
    ],
    [
      "a limit of a dry run",
      aSpec({ metrics: [{ name: "request-duration", thresholdRange: { max: 1 }, failureLimit: 1, dryRun: true }] }),
      "spec.analysis.metrics[0].failureLimit: has no meaning beside dryRun",
    ],
    ["half a percent", aSpec({ stepWeight: 0.5 }), "not a percentage"],
    ["steps that do not rise", { ...aSpec(), analysis: { stepWeights: [10, 10] } }, "does not rise above 10"],
    [
      "a range that nothing meets",
      aSpec({ metrics: [{ name: "request-duration", thresholdRange: { min: 5, max: 1 } }] }),
      "nothing can pass",
    ],
    ["a metric without a limit", aSpec({ metrics: [{ name: "request-duration" }] }), "needs a min or a max"],
    [
      "a Deployment whose pods Linkerd cannot label",
      aSpec({}, { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "x".repeat(64) } }),
      "is 64 characters; Linkerd writes the Deployment's name on its pods as a label, which holds 63",
    ],
    ["a deadline of no time", aSpec({}, { progressDeadlineSeconds: 0 }), "above 0"],
    ["a deadline that no Deployment has", aSpec({}, { progressDeadlineSeconds: 3e9 }), "at most 2147483647"],
    ["a threshold below none", aSpec({ threshold: -5 }), "spec.analysis.threshold: -5 is not a whole number"],
    ["a number that is a text", aSpec({ stepWeight: "10" as unknown as number }), '"10" is not a percentage'],
    [
      "a success rate beyond 100 %",
      aSpec({ metrics: [{ name: "request-success-rate", thresholdRange: { min: 101 } }] }),
      "spec.analysis.metrics[0].thresholdRange.min: 101 is above 100 %",
    ],
    [
      "a success rate beyond 100 % in the deprecated form",
      aSpec({ metrics: [{ name: "request-success-rate", threshold: 101 }] }),
      "spec.analysis.metrics[0].threshold: 101 is above 100 %",
    ],
    [
      "an empty range, beside which a threshold is not read",
      aSpec({ metrics: [{ name: "request-success-rate", threshold: 99, thresholdRange: {} }] }),
      'spec.analysis.metrics[0].thresholdRange: "request-success-rate" needs a min or a max',
    ],
    [
      "a query beside a template, of which one alone is asked",
      aSpec({ metrics: [{ name: "errors", query: "up", templateRef: { name: "errors" }, threshold: 1 }] }),
      'spec.analysis.metrics[0]: "errors" has a query and a templateRef: keep one, or make two metrics of it',
    ],
    [
      "a duration below nothing",
      aSpec({ metrics: [{ name: "request-duration", thresholdRange: { max: -5 } }] }),
      "spec.analysis.metrics[0].thresholdRange.max: -5 is below 0",
    ],
    [
      "a server's address without end",
      aSpec({}, { metricsServer: `http://${"p".repeat(2048)}` }),
      "spec.metricsServer:",
    ],
    ["a server that is no URL", aSpec({}, { metricsServer: "prometheus:9090" }), "spec.metricsServer:"],
    ["a Service that cannot be", aSpec({}, { service: { port: 1, name: "Foo_Bar" } }), 'spec.service.name: "Foo_Bar"'],
    [
      "a target that no Service can be named after",
      aSpec({}, { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "a.b" } }),
      "give the Service's in spec.service.name",
    ],
  ])("are told: %s", (_what, spec, words) => expect(errorsOf(spec)).toContain(words));
});

it("what is left empty is not given", () => {
  const metric = { name: "request-success-rate", query: "", threshold: 99 };
  const spec = aSpec({ metrics: [metric] }, { service: { port: 9898, name: "" }, metricsServer: "" });
  expect(errorsOf(spec)).toBe("");
  expect(isBuiltIn(metric)).toBe(true);
  expect(apexOf({ spec })).toBe("podinfo");
  const dotted = { apiVersion: "apps/v1", kind: "Deployment", name: "a.b" };
  expect(errorsOf({ ...spec, targetRef: dotted })).toContain("give the Service's in spec.service.name");
});

describe("what the schema would refuse as well", () => {
  it("is told together with the rest, since the schema is asked after us", () => {
    const errors = errorsOf(
      aSpec(
        { interval: "10x", metrics: [{ name: "latency", templateRef: {} as { name: string } }] },
        {
          provider: "bogus",
          targetRef: { kind: "Foo", name: "podinfo" } as CanarySpec["targetRef"],
          service: { gatewayRefs: [{}] } as unknown as NonNullable<CanarySpec["service"]>,
        },
      ),
    );
    for (const path of [
      "spec.provider",
      "spec.targetRef.apiVersion",
      "spec.targetRef.kind",
      "spec.service.port",
      "spec.service.gatewayRefs[0].name",
      "spec.analysis.interval",
      "spec.analysis.metrics[0].templateRef.name",
    ])
      expect(errors).toContain(`${path}:`);
  });
});

describe("what this version cannot do", () => {
  it("is named, so that no gate is skipped in silence", () => {
    const spec = aSpec({ webhooks: [{ name: "gate", url: "http://x", type: "confirm-promotion" }], mirror: true });
    const what = expect.stringMatching(/^\(Linkerd ignores a whole route that mirrors requests; a load test/) as string;
    expect(unsupportedIn(spec)).toEqual([{ path: "spec.analysis.mirror", what }]);
    const mesh = aSpec({}, { provider: "istio" });
    const ways = "only linkerd, smi:* and gatewayapi:*";
    const left = "a Canary that Flagger is to carry out has the annotation kubectl-canary.io/left-to: flagger";
    expect(unsupportedIn(mesh)).toEqual([{ path: "spec.provider", what: `istio (${ways}; ${left})` }]);
  });
});

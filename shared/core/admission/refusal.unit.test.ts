import { describe, expect, it } from "vitest";
import { aSpec } from "../../../test/builders.ts";
import { createPatternReader, createQueryReader } from "../../promql.ts";
import type { Canary, CanarySpec } from "../objects/canary.ts";
import { formatErrors, parsePolicy } from "../spec/policy.ts";
import { impossibleIn, type TextReaders } from "./impossible.ts";
import { longestRefusal, refusalText } from "./refusal.ts";

const readers = (): TextReaders => ({ readQuery: createQueryReader(), isPattern: createPatternReader() });

const canaryOf = (spec: CanarySpec): Canary => ({
  apiVersion: "flagger.app/v1beta1",
  kind: "Canary",
  metadata: { name: "podinfo", namespace: "test" },
  spec,
});

function refused(over: object, before?: object): string {
  const spec = { ...aSpec(), ...over };
  const parsed = parsePolicy(spec);
  const old = before && canaryOf({ ...aSpec(), ...before });
  return refusalText(parsed.ok ? [] : parsed.errors, impossibleIn(canaryOf(spec), old, readers)) ?? "";
}

const wrong = { name: "errors", query: 'rate(errors{deployment="podinfo"}[1m])', thresholdRange: { max: 1 } };
const wrongWords =
  'its query selects stable (deployment="podinfo") and not the canary, which is podinfo-canary: it would pass every bad version; write deployment="{{ target }}".';
const analysis = { stepWeight: 10, metrics: [wrong] };
const fault = 'spec.analysis.interval: "10x" is not a duration such as 30s or 1m';

describe("a Canary with faults and with what could never begin a run", () => {
  it("is told both in one answer, the faults first", () => {
    expect(refused({ provider: "istio", analysis: { ...analysis, interval: "10x", threshold: -1 } })).toBe(
      [
        `spec.analysis.threshold: -1 is not a whole number of failed checks; ${fault}. `,
        "Not supported yet, and not skipped in silence: spec.provider istio (only linkerd, smi:* and gatewayapi:*; a Canary that Flagger is to carry out has the annotation kubectl-canary.io/left-to: flagger). Nothing is touched until the Canary does without. ",
        `spec.analysis.metrics[errors].query: Metric errors: ${wrongWords}`,
      ].join(""),
    );
  });

  it("is told of faults alone as its status tells them", () => {
    const spec = { ...aSpec(), analysis: { stepWeight: 500, interval: "10x" } };
    const parsed = parsePolicy(spec);
    expect(refused(spec)).toBe(parsed.ok ? "" : formatErrors(parsed.errors));
    expect(refused({})).toBe("");
  });

  it.each<[string, object, string]>([
    ["a provider that nobody knows", { provider: "isto" }, 'spec.provider: "isto" is none of'],
    ["a target's kind", { targetRef: { apiVersion: "apps/v1", kind: "Pod", name: "podinfo" } }, "spec.targetRef.kind"],
    ["a metric with nothing to ask", { analysis: { stepWeight: 10, metrics: [{ name: "own", threshold: 1 }] } }, "own"],
    [
      "a metric's interval, which its query names too",
      {
        analysis: {
          stepWeight: 10,
          metrics: [
            { ...wrong, query: 'rate(errors{deployment="{{ target }}"}[{{ interval }}])', interval: "10x" },
            { name: "request-success-rate", threshold: 99 },
          ],
        },
      },
      "spec.analysis.metrics[0].interval",
    ],
    [
      "a name, by which no query can be judged",
      { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "" }, analysis },
      "spec.targetRef.name: is required",
    ],
  ])("is told one fault once: %s", (_, over, words) => {
    const text = refused(over);
    const parsed = parsePolicy({ ...aSpec(), ...over });
    expect(parsed.ok ? [] : parsed.errors).toHaveLength(1);
    expect(text).toBe(parsed.ok ? "" : formatErrors(parsed.errors));
    expect(text).toContain(words);
  });

  it.each<[string, object, string]>([
    ["the metric's own interval", { metrics: [{ ...wrong, interval: "10x" }] }, "metrics[errors].query"],
    ["its limits", { metrics: [{ ...wrong, thresholdRange: {} }] }, "metrics[errors].query"],
    ["its name", { metrics: [{ ...wrong, name: "" }] }, "metrics[0].query: Metric 0: "],
    ["another metric", { metrics: [{ name: "own" }, wrong] }, "metrics[errors].query"],
    [
      "what there is of an analysis",
      { stepWeight: undefined, mirror: true, metrics: [wrong] },
      "metrics[errors].query",
    ],
  ])("is told of a query beside the fault of %s", (_, over, words) => {
    const text = refused({ analysis: { ...analysis, ...over } });
    expect(text).toMatch(/^spec\.analysis[^;]*: /);
    expect(text).toContain(`spec.analysis.${words}`);
    expect(text).toContain(wrongWords);
  });

  it("is not told of what was there before, and of its faults however long they have been there", () => {
    const faulty = { ...analysis, interval: "10x" };
    expect(refused({ analysis: faulty }, { analysis: { ...faulty, threshold: 2 } })).toBe(fault);
    expect(refused({ analysis: { ...faulty, mirror: true } }, { analysis })).toContain(
      `${fault}. Not supported yet, and not skipped in silence: spec.analysis.mirror`,
    );
    expect(refused({ analysis }, { analysis: faulty })).toBe("");
  });

  it("is told of no more than can be read, each reason in bounds, and how many are left", () => {
    const many = Array.from({ length: 100 }, (_, index) => ({ ...wrong, name: `m${index}`, interval: "10x" }));
    const text = refused({ analysis: { ...analysis, metrics: many } });
    expect(text.length).toBeLessThan(longestRefusal + 40);
    const said = text.split('"10x"').length - 1 + (text.split(wrongWords).length - 1);
    expect(text).toMatch(new RegExp(`There are ${200 - said} more reasons\\.$`));
    expect(said).toBeGreaterThan(80);
    const long = refused({ provider: "x".repeat(100_000), analysis });
    expect(long.length).toBeLessThan(longestRefusal);
    expect(long).toContain(wrongWords);
  });
});

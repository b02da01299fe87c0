import { expect, it } from "vitest";
import type { MetricSpec } from "../../shared/core/objects/canary.ts";
import { aRequest, answered, start } from "../../test/evidence-requests.ts";
import { latencyWindows, planOf, requestWindows, widenedPlan } from "./plan.ts";
import type { EvidenceRequest } from "./types.ts";

const success: MetricSpec = { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "30s" };
const duration: MetricSpec = { name: "request-duration", thresholdRange: { max: 500 }, interval: "1m" };
const own: MetricSpec = { name: "queue", query: "x", thresholdRange: { max: 1 }, interval: "5m" };

it("every metric is asked over its own window, requests over all of them and latencies where one is judged", () => {
  const plan = planOf(aRequest({ metrics: [success, duration, own] }));
  expect(plan.metrics.map(({ window }) => window)).toEqual([30, 60, 300]);
  expect(requestWindows(plan)).toEqual([30, 60, 300]);
  expect(latencyWindows(plan)).toEqual([30, 60]);
});

it("a Canary without metrics is asked for its requests over a minute", () => {
  expect(requestWindows(planOf(aRequest({ metrics: [] })))).toEqual([60]);
});

it("an interval that cannot be read is asked over nothing", () => {
  const plan = planOf(aRequest({ metrics: [{ ...success, interval: "soon" }] }));
  expect(plan.metrics.map(({ window }) => window)).toEqual([undefined]);
  expect(requestWindows(plan)).toEqual([60]);
  expect(widenedPlan(plan, aRequest(), { requests: new Map(), now: start }).metrics[0]?.window).toBeUndefined();
});

const widenedAfter = (seconds: number, requests: number, more: Partial<EvidenceRequest> = {}): unknown => {
  const request = aRequest({ metrics: [success], minRequests: 10, ...more });
  const now = request.notBefore + seconds * 1_000;
  const plan = widenedPlan(planOf(request), request, { requests: new Map([[30, answered({ requests })]]), now });
  return plan.metrics[0]?.window;
};

it("a window is doubled as often as the step's age allows, where it holds too few requests", () => {
  expect([59, 60, 119, 120, 300].map((seconds) => widenedAfter(seconds, 9))).toEqual([30, 60, 60, 120, 240]);
});

it("a window that holds enough requests stays as it is, and so does one of a canary without weight", () => {
  expect(widenedAfter(300, 10)).toBe(30);
  const { weight: _weight, ...unweighted } = aRequest({ metrics: [success], minRequests: 10 });
  const requests = new Map([[30, answered({ requests: 0 })]]);
  expect(widenedPlan(planOf(unweighted), unweighted, { requests, now: start + 300_000 }).metrics[0]?.window).toBe(30);
});

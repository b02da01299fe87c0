import { expect, it } from "vitest";
import type { MetricSpec } from "../../shared/core/objects/canary.ts";
import { aRequest, answered, countersAged, start } from "../../test/evidence-requests.ts";
import { type Answered, isUnreached, measure, measureUncounted, type Measured } from "./measure.ts";
import { planOf } from "./plan.ts";
import type { EvidenceRequest, Warmth } from "./types.ts";

const success: MetricSpec = { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "60s" };
const own: MetricSpec = { name: "queue", query: "x", thresholdRange: { max: 1 }, interval: "60s" };
const now = start + 300_000;

function measured(request: EvidenceRequest, more: Partial<Answered> = {}): Measured {
  const requests = new Map([[60, answered({ requests: 200, failures: 1 }, now)]]);
  const answers = { requests, latency: new Map([[60, { askedAt: now - 5, samples: [] }]]), warmup: 0, recent: 20 };
  const counters = countersAged(4, now);
  return measure(request, { plan: planOf(request), answers, counters, custom: [], now, ...more });
}

const customAnswer = (reachSeconds = 0): Answered["custom"] => [
  {
    measurement: {
      windowSeconds: 60,
      query: "x",
      at: new Date(now).toISOString(),
      requests: null,
      answer: { values: [0] },
    },
    askedAt: now,
    reachSeconds,
  },
];

it("shows both tracks, how old the newest sample is, and when the oldest of the answers was asked for", () => {
  const seen = measured(aRequest({ metrics: [success] }));
  expect(seen).toMatchObject({ askedAt: now - 5, sampledAt: now - 4_000, windowSeconds: 60, staleCallers: [] });
  expect(seen.canary).toMatchObject({ requests: 200, failures: 1 });
  expect(seen.checks).toMatchObject([{ metric: "request-success-rate", outcome: "pass", value: 99.5 }]);
});

it("changes nothing that it is given", () => {
  const request = Object.freeze(aRequest({ metrics: [success, own] }));
  const custom = customAnswer();
  const before = JSON.stringify([request, custom]);
  measured(request, { custom: [undefined, ...custom] });
  expect(JSON.stringify([request, custom])).toBe(before);
});

it("judges a Canary without metrics by whether users reach it", () => {
  expect(measured(aRequest({ metrics: [] })).checks).toMatchObject([{ metric: "requests", outcome: "pass" }]);
});

it("judges a Canary whose metrics are all dry runs by the same, and lets none of them hold it up", () => {
  const seen = measured(aRequest({ metrics: [{ ...success, dryRun: true }], earlierRunEndedAt: now - 1_000 }));
  expect(seen.checks).toMatchObject([
    { metric: "requests", outcome: "pass" },
    { metric: "request-success-rate", outcome: "no-evidence", dryRun: true },
  ]);
  expect(seen.isEarly).toBeUndefined();
});

it("waits until an earlier run of the same version has left the window", () => {
  const ended = (agoMs: number): Measured => measured(aRequest({ metrics: [success], earlierRunEndedAt: now - agoMs }));
  expect(ended(59_000).checks[0]).toMatchObject({ outcome: "no-evidence" });
  expect(ended(59_000).checks[0]?.message).toContain("an earlier run of this version; wait 1s");
  expect(ended(59_000).isEarly).toBe(true);
  expect(ended(60_000).checks[0]).toMatchObject({ outcome: "pass" });
  expect(ended(60_000).isEarly).toBeUndefined();
});

it("believes a query of the user's own once its whole reach lies within the run, and past the warm-up", () => {
  const by = (more: Partial<EvidenceRequest>, reachSeconds = 0, warmth?: Warmth): string =>
    measured(aRequest({ metrics: [own], ...more }), {
      custom: customAnswer(reachSeconds),
      ...(warmth ? { warmth } : {}),
    }).checks[0]!.message;
  expect(by({ runStartedAt: now - 60_000 })).not.toContain("wait");
  expect(by({ runStartedAt: now - 60_000 }, 90)).toContain(
    "its window of 90s still holds time from before this run; wait 30s",
  );
  expect(by({}, 0, { pods: 0, firstAt: now - 70_000, lastAt: now - 50_000 })).toContain("warmed up; wait 10s");
});

it("says of which pods nothing is known, for they cannot be scraped", () => {
  const request = aRequest({ metrics: [success] });
  const counters = countersAged(4, now, ["podinfo-canary-1"]);
  const requests = new Map([[60, answered({ requests: 0 }, now)]]);
  const answers = { requests, latency: new Map(), warmup: 0, recent: 20 };
  const seen = measured(request, { answers, counters });
  expect(seen.unscraped).toEqual(["podinfo-canary-1"]);
  expect(seen.checks[0]?.message).toContain("Prometheus cannot scrape pod podinfo-canary-1");
});

it("asks who does not obey the route only where a canary with weight has no users", () => {
  const seen = measured(aRequest({ metrics: [] }));
  const none = { ...seen, canary: { ...seen.canary, requests: 0 } };
  expect(isUnreached(aRequest(), seen)).toBe(false);
  expect(isUnreached(aRequest(), none)).toBe(true);
  expect(isUnreached(aRequest(), none, { pods: 1, firstAt: now })).toBe(false);
  const { weight: _weight, ...unweighted } = aRequest();
  expect(isUnreached(unweighted, none)).toBe(false);
});

it("names callers that know no endpoint of the canary, before its first weight", () => {
  const { askedAt, samples } = countersAged(4, now);
  const row = (pod: string, backend: string, backend_namespace = "test") => ({
    labels: { question: "unaware", namespace: "shop", pod, backend_namespace, backend_name: backend },
    ...{ value: 0, atMs: now },
  });
  const others = [row("load-3", "podinfo-primary"), row("load-4", "podinfo-canary", "other")];
  const rows = [row("load-2", "podinfo-canary"), row("load-1", "podinfo-canary"), ...others];
  const counters = { askedAt, samples: [...samples, ...rows] };
  const { weight: _weight, ...unweighted } = aRequest({ metrics: [] });
  expect(measured(unweighted, { counters }).unaware).toEqual(["shop/load-1", "shop/load-2"]);
  expect(measured(aRequest({ metrics: [] }), { counters }).unaware).toBeUndefined();
});

it("judges own queries alone where requests are not counted, each once its window is about this run", () => {
  const lag: MetricSpec = { name: "lag", query: "max(lag)", thresholdRange: { max: 5 } };
  const request = aRequest({ metrics: [lag], isUncounted: true, runStartedAt: now - 120_000 });
  const answer = (value: number, reachSeconds = 0) => ({
    measurement: { windowSeconds: 60, query: "max(lag)", at: "", requests: null, answer: { values: [value] } },
    askedAt: now,
    reachSeconds,
  });
  const of = (...own: Parameters<typeof answer>): Measured =>
    measureUncounted(request, [answer(...own)], { askedAt: now, sampledAt: now });
  expect(of(3).checks).toMatchObject([
    { metric: "lag", outcome: "pass", requests: null, why: "lag 3.00 over 60s keeps its limit of at most 5." },
  ]);
  expect(of(9).checks).toMatchObject([{ outcome: "fail", why: "lag 9.00 > 5" }]);
  expect(of(3, 300)).toMatchObject({ isEarly: true, checks: [{ outcome: "no-evidence", code: "window-too-young" }] });
  const none = measureUncounted({ ...request, metrics: [] }, [], { askedAt: now, sampledAt: now });
  expect(none).toMatchObject({ ok: true, checks: [], canary: { requests: 0, requestsPerSecond: 0 } });
});

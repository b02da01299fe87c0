import { quantile, wilson } from "../../shared/core/plan/statistics.ts";
import { describe, expect, it } from "vitest";

import { judgingOf } from "../../shared/core/spec/analysis-settings.ts";
import { testsOf, type TestKind } from "../../shared/core/spec/run-tests.ts";
import { requestsToConviction, requestsToFinding, type RunFinding, type Trial } from "./trials.ts";
import { seeded } from "../../shared/core/plan/random.ts";
import type { Rates } from "../../shared/core/plan/requests.ts";

const trial: Trial = {
  canaryRate: 0.05,
  primaryRate: 0.001,
  margin: 0,
  alpha: 0.01,
  weight: 10,
  perScrape: 5,
  mostRequests: 2_000,
};

function convictions(over: Partial<Trial>, trials: number): number[] {
  const random = seeded(7);
  return Array.from({ length: trials }, () => requestsToConviction({ ...trial, ...over }, random));
}

describe("a simulated canary, looked at after every scrape", () => {
  it.each([0.001, 0.01, 0.05])("is rarely convicted when it fails as much as the primary: %d", (rate) => {
    const over = { canaryRate: rate, primaryRate: rate, mostRequests: 500 };
    const hits = convictions(over, 1_000).filter(Number.isFinite).length;
    expect(wilson(hits, 1_000).low).toBeLessThanOrEqual(0.01);
    expect(hits).toBeLessThan(20);
  });

  it.each([
    [0.05, 80, 180],
    [0.1, 40, 90],
  ])("that fails %d is convicted by its %d-th request at the median", (canaryRate, middle, late) => {
    const taken = convictions({ canaryRate }, 1_000);
    expect(quantile(taken, 0.5)).toBeLessThanOrEqual(middle);
    // A thousand trials place the 95th percentile within a tenth.
    expect(quantile(taken, 0.95)).toBeLessThanOrEqual(1.1 * late);
  });
});

describe("a simulated canary that all tests of a run watch together", () => {
  const tests = testsOf(
    judgingOf({
      metrics: [
        { name: "request-success-rate", threshold: 99 },
        { name: "request-duration", threshold: 500 },
      ],
    }),
  );
  const healthy = { failures: 0.01, clientErrors: 0.05, slow: 0.005 };
  function findings(over: Rates, trials: number, mostRequests: number): RunFinding[] {
    const random = seeded(7);
    const watched = { tests, weight: 10, perScrape: 5, mostRequests, primary: healthy };
    return Array.from({ length: trials }, () =>
      requestsToFinding({ ...watched, canary: { ...healthy, ...over } }, random),
    );
  }

  it("is rarely taken back or held when its answers are as the primary's", () => {
    const hits = findings({}, 300, 300).filter(({ by }) => by !== undefined).length;
    expect(wilson(hits, 300).low).toBeLessThanOrEqual(0.01);
  });

  it.each<[string, Rates, TestKind, readonly [number, number]]>([
    ["is slow for 20 %", { slow: 0.2 }, "slow", [40, 110]],
    ["hangs for half", { hanging: 0.5 }, "failures", [12, 25]],
    ["answers everybody with 4xx", { clientErrors: 1 }, "clientErrors", [12, 25]],
    ["is refused by policy", { denied: 1 }, "denied", [10, 15]],
  ])("that %s is found soon, and mostly by the test of that", (_what, over, kind, [middle, late]) => {
    const found = findings(over, 500, 10_000);
    const requests = found.map((one) => one.requests);
    expect(quantile(requests, 0.5)).toBeLessThanOrEqual(middle);
    expect(quantile(requests, 0.95)).toBeLessThanOrEqual(1.1 * late);
    expect(found.filter(({ by }) => by?.kind === kind).length).toBeGreaterThan(400);
  });
});

describe("the bounds of a frequency", () => {
  it("hold the frequency, and are wider than nothing even for none", () => {
    expect(wilson(0, 10_000)).toEqual({ low: expect.closeTo(0) as number, high: expect.closeTo(0.00066, 4) as number });
    const half = wilson(5_000, 10_000);
    expect(half.low).toBeCloseTo(0.487, 2);
    expect(half.high).toBeCloseTo(0.513, 2);
  });
});

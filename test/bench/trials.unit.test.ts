import { describe, expect, it } from "vitest";
import { quantile } from "./measure.ts";
import { requestsToConviction, seeded, wilson, type Trial } from "./trials.ts";

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

describe("the bounds of a frequency", () => {
  it("hold the frequency, and are wider than nothing even for none", () => {
    expect(wilson(0, 10_000)).toEqual({ low: expect.closeTo(0) as number, high: expect.closeTo(0.00066, 4) as number });
    const half = wilson(5_000, 10_000);
    expect(half.low).toBeCloseTo(0.487, 2);
    expect(half.high).toBeCloseTo(0.513, 2);
  });
});

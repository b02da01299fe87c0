import { describe, expect, it } from "vitest";
import { binomial, poisson, seeded, type Random } from "./random.ts";

function momentsOf(draw: (random: Random) => number): { mean: number; variance: number } {
  const random = seeded(11);
  const drawn = Array.from({ length: 20_000 }, () => draw(random));
  const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
  const variance = drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn.length;
  return { mean, variance };
}

describe("chance", () => {
  it("is the same for the same seed, and another for another", () => {
    const draw = (seed: number): number[] => Array.from({ length: 5 }, seeded(seed));
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(7).every((value) => value >= 0 && value < 1)).toBe(true);
  });

  it.each([0.3, 4, 45, 249, 251, 40_000])("brings %d requests on average, with as much variance", (mean) => {
    const { mean: found, variance } = momentsOf((random) => poisson(mean, random));
    expect(found / mean).toBeCloseTo(1, 1);
    expect(variance / mean).toBeCloseTo(1, 1);
  });

  it.each([
    [10, 0.2],
    [500, 0.01],
    [1_000, 0.4],
    [1_000, 0.9],
    [100_000, 0.02],
  ])("fails %d requests at a rate of %d as a binomial does", (trials, rate) => {
    const { mean, variance } = momentsOf((random) => binomial(trials, rate, random));
    expect(mean / (trials * rate)).toBeCloseTo(1, 1);
    expect(variance / (trials * rate * (1 - rate))).toBeCloseTo(1, 1);
  });

  it("fails all or none where the rate says so", () => {
    expect(binomial(9, 1, seeded(1))).toBe(9);
    expect(binomial(9, 0, seeded(1))).toBe(0);
  });
});

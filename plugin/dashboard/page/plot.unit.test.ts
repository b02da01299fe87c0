import { describe, expect, it } from "vitest";
import { dotsOf, nearestTo, pathOf, rangeOf, roundAbove, scaleOf } from "./plot.ts";

const scale = scaleOf({ low: 0, high: 10 }, { low: 0, high: 100 }, { width: 100, height: 50 });

describe("a plot", () => {
  it("has the largest value at the top, and nothing outside of its box", () => {
    expect([scale.y(0), scale.y(100), scale.y(150), scale.y(-1)]).toEqual([50, 0, 0, 50]);
    expect([scale.x(0), scale.x(5)]).toEqual([0, 50]);
  });

  it("has a gap where nothing was measured", () => {
    const points = [0, 1, 2, 3].map((at) => ({ at, value: at === 2 ? undefined : 50 }));
    expect(pathOf(points, scale)).toBe("M0 25L10 25M30 25");
    expect(dotsOf(points, scale)).toBe("M30 25h0.1");
  });

  it("holds a value until the next where it moves by steps", () => {
    const points = [
      { at: 0, value: 0 },
      { at: 5, value: 100 },
    ];
    expect(pathOf(points, scale, { steps: true })).toBe("M0 50H50V0");
  });

  it("ends at a round number above what it shows, with the limit in sight", () => {
    expect([0, 0.3, 1, 7, 12, 31, 99, 1_001].map(roundAbove)).toEqual([1, 0.5, 1, 10, 20, 50, 100, 2_000]);
    expect(rangeOf([31, 44], { low: 0, high: 500 })).toEqual({ low: 0, high: 500 });
    expect(rangeOf([31, 640], { low: 0, high: 500 })).toEqual({ low: 0, high: 1_000 });
  });

  it("finds the point under the pointer", () => {
    const points = [{ at: 0 }, { at: 10 }, { at: 20 }];
    expect([nearestTo(4, points), nearestTo(16, points), nearestTo(1, [])]).toEqual([0, 2, undefined]);
  });
});

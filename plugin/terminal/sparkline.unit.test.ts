import { describe, expect, it } from "vitest";
import { sparkline } from "./sparkline.ts";

describe("a sparkline", () => {
  it("has a bar for each value, from the lowest to the highest", () =>
    expect(sparkline([0, 25, 50, 75, 100], { low: 0, high: 100 })).toBe("▁▃▅▆█"));

  it("has a blank where there is no value", () =>
    expect(sparkline([100, undefined, 0], { low: 0, high: 100 })).toBe("█ ▁"));

  it("cuts what lies outside, and draws low bars where there is no range", () => {
    expect(sparkline([-5, 200], { low: 0, high: 100 })).toBe("▁█");
    expect(sparkline([7, 7], { low: 7, high: 7 })).toBe("▁▁");
  });
});

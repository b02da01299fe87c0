import { quantile } from "../../shared/core/plan/statistics.ts";
import { expect, it } from "vitest";
import { median } from "./measure.ts";

it("takes a value that was measured, never one between two", () => {
  expect(median([4, 1, 3, 2])).toBe(2);
  expect(median([3, 1, 2])).toBe(2);
  expect(quantile([10, 20, 30, 40, 50, 60, 70, 80, 90, 100], 0.99)).toBe(100);
  expect(quantile([7], 0)).toBe(7);
});

it("refuses to speak of nothing", () => {
  expect(() => median([])).toThrow("nothing");
});

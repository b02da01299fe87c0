import { expect, it } from "vitest";
import { latencyBoundsMs, slowLimitOf } from "./slow-limit.ts";

const duration = (max: number) => ({ name: "request-duration", thresholdRange: { max } });

it("knows the bounds of Linkerd's buckets", () => {
  expect(latencyBoundsMs.slice(0, 9)).toEqual([1, 2, 3, 4, 5, 10, 20, 30, 40]);
  expect(latencyBoundsMs.at(-1)).toBe(50_000);
});

it.each([
  [500, 500],
  [450, 500],
  [501, 1_000],
  [0.5, 1],
  [50_000, 50_000],
])("a limit of %d ms is watched by the bucket of %d ms", (maxMs, boundMs) =>
  expect(slowLimitOf([duration(maxMs)])).toEqual({ maxMs, boundMs }),
);

it("a limit above every bound is watched by none", () =>
  expect(slowLimitOf([duration(60_000)])).toEqual({ maxMs: 60_000 }));

it("Flagger's older `threshold` is a limit too; a minimum, and a query of the user's own, are none, nor is a dry run", () => {
  expect(slowLimitOf([{ name: "request-duration", threshold: 500 }])).toMatchObject({ maxMs: 500 });
  expect(slowLimitOf([{ name: "request-duration", thresholdRange: { min: 1 } }])).toBeUndefined();
  expect(slowLimitOf([{ ...duration(500), query: "x" }])).toBeUndefined();
  expect(slowLimitOf([])).toBeUndefined();
  expect(slowLimitOf([{ ...duration(500), dryRun: true }])).toBeUndefined();
});

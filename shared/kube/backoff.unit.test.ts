import { expect, it } from "vitest";
import { backoffMs } from "./backoff.ts";

const limits = { firstMs: 100, capMs: 1_000 };

it("doubles from the first wait up to the cap", () => {
  expect([1, 2, 3, 4, 5, 9, 5_000].map((failures) => backoffMs(limits, failures, () => 1))).toEqual([
    100, 200, 400, 800, 1_000, 1_000, 1_000,
  ]);
});

it("scatters between half of the wait and all of it", () => {
  expect([backoffMs(limits, 3, () => 0), backoffMs(limits, 3, () => 0.5)]).toEqual([200, 300]);
});

import { expect, test } from "vitest";
import { goDuration, goFloat } from "./go.ts";

test("numbers read as Go prints them with %v", () => {
  const values = [99, 99.5, 1e6, 123456, 1234567, 0.0001, 0.00001, 0.3, 1e21, 3, -2.5, 123456789.5, 0, NaN, Infinity];
  const texts = "99 99.5 1e+06 123456 1.234567e+06 0.0001 1e-05 0.3 1e+21 3 -2.5 1.234567895e+08 0 NaN +Inf";
  expect(values.map(goFloat).join(" ")).toBe(texts);
});

test("durations read as Go prints them", () => {
  const ms = [1200, 500, 90_000, 0, 3_600_000, 3_661_005, 1234, 60_000, 500.7, 0.7, -1500];
  const texts = "1.2s 500ms 1m30s 0s 1h0m0s 1h1m1.005s 1.234s 1m0s 500.7ms 700µs -1.5s";
  expect(ms.map(goDuration).join(" ")).toBe(texts);
});

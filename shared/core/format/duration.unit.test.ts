import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "./duration.ts";

describe("a duration", () => {
  it.each([
    ["10s", 10_000],
    ["1m", 60_000],
    ["2h", 7_200_000],
    ["0s", 0],
    ["1m30s", 90_000],
    ["1h0m5s", 3_605_000],
  ])("%s is read in milliseconds", (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(["", "10", "10x", "-1s", "1.5m", "30s1m", "1m1m", " 1s", "9999999999s"])("%j is none", (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  );

  it.each([
    [0, "0ms"],
    [-5, "0ms"],
    [850, "850ms"],
    [12_000, "12s"],
    [59_600, "1m"],
    [185_000, "3m5s"],
    [7_800_000, "2h10m"],
    [273_600_000, "3d4h"],
  ])("of %i ms is told in two units at most", (ms, text) => expect(formatDuration(ms)).toBe(text));
});

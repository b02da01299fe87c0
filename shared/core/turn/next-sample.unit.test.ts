import { describe, expect, it } from "vitest";
import { anObservation, someCounts, start } from "../../../test/builders.ts";
import { nextSampleMs } from "./next-sample.ts";

describe("the next sample of the canary's pods", () => {
  it.each([
    [0, 5_000],
    [4_000, 5_000],
    [7_000, 3_150],
    [9_999, 151],
    [10_200, 2_500],
    [60_000, 2_500],
  ])("is looked for, %d ms after the last one, in %d ms", (ageMs, wanted) => {
    const counters = { epoch: 1, at: start, canary: someCounts(), primary: someCounts(), sampledAt: start - ageMs };
    expect(nextSampleMs(anObservation({ counters, scrapeIntervalMs: 10_000 }))).toBe(wanted);
  });

  it("is looked for in half a scrape where none has been seen", () =>
    expect(nextSampleMs(anObservation({ scrapeIntervalMs: 10_000 }))).toBe(5_000));
});

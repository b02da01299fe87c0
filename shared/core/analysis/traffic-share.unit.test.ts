import { describe, expect, it } from "vitest";
import { deviation, isTelling } from "./traffic-share.ts";

describe("the measured share of traffic", () => {
  it.each([
    ["as set", { canary: 100, all: 1_000, low: 10, high: 10 }, undefined],
    ["off by what chance explains", { canary: 75, all: 1_000, low: 10, high: 10 }, undefined],
    ["none at all", { canary: 0, all: 1_000, low: 10, high: 10 }, "too few"],
    ["half of what was set", { canary: 50, all: 1_000, low: 10, high: 10 }, "too few"],
    ["twice what was set", { canary: 200, all: 1_000, low: 10, high: 10 }, "too many"],
    ["everything, past every weight", { canary: 500, all: 500, low: 50, high: 50 }, "too many"],
    ["everything, when that is the weight", { canary: 500, all: 500, low: 100, high: 100 }, undefined],
    ["between the weights that it had", { canary: 150, all: 1_000, low: 10, high: 20 }, undefined],
    ["below both weights that it had", { canary: 20, all: 1_000, low: 10, high: 20 }, "too few"],
    ["a hair off, over a million requests", { canary: 99_000, all: 1_000_000, low: 10, high: 10 }, undefined],
    ["nothing of a handful", { canary: 0, all: 20, low: 10, high: 10 }, undefined],
    ["nothing of nothing", { canary: 0, all: 0, low: 10, high: 10 }, undefined],
  ])("is judged: %s", (_what, block, found) => expect(deviation(block)).toBe(found));

  it("needs enough requests for the absence of half of them to mean anything", () => {
    expect(isTelling({ canary: 0, all: 1_240, low: 10, high: 10 })).toBe(false);
    expect(isTelling({ canary: 0, all: 1_270, low: 10, high: 10 })).toBe(true);
    expect(isTelling({ canary: 0, all: 120, low: 50, high: 50 })).toBe(false);
    expect(isTelling({ canary: 0, all: 200, low: 50, high: 50 })).toBe(true);
    expect(isTelling({ canary: 0, all: 1_000_000, low: 0, high: 10 })).toBe(false);
  });
});

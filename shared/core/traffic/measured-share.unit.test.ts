import { describe, expect, it } from "vitest";
import { aRunningState, aRunObservation, aPolicy, routeOver, someCounts, start } from "../../../test/builders.ts";
import { decide } from "../decide.ts";
import type { CanaryState, MeasuredShare } from "../state.ts";
import { matchedPercent } from "../analysis/traffic-share.ts";

const scrapeMs = 10_000;

/** The share after a reading `afterMs` since the weight moved; requests of canary and primary. */
function read(
  state: CanaryState,
  afterMs: number,
  [canary, primary]: readonly [number, number],
  epoch = 1,
): CanaryState {
  const now = start + afterMs;
  const counters = {
    epoch,
    at: now,
    canary: someCounts({ requests: canary }),
    primary: someCounts({ requests: primary }),
  };
  const seen = aRunObservation(10, 4, { now, counters, scrapeIntervalMs: scrapeMs });
  return decide(state, seen, aPolicy()).state;
}

const moved = aRunningState(10, { stage: "analysing", stageAt: start, checkAt: start + 600_000 });
const shareOf = (state: CanaryState): MeasuredShare | undefined => state.run?.share;

describe("the share of those who match", () => {
  const only = [{ headers: [] }];

  it.each([
    ["is that of all users' requests, to a tenth of a percent", only, { canary: 7, all: 300 }, 2.3],
    ["is not known of few requests", only, { canary: 9, all: 99 }, undefined],
    ["is no matter of a run by weights", undefined, { canary: 30, all: 300 }, undefined],
    ["is not known before any is counted", only, undefined, undefined],
  ])("%s", (_, matches, share, percent) => {
    expect(matchedPercent({ only: matches, ...(share ? { share } : {}) })).toBe(percent);
  });

  it("is kept in the history when the run ends", () => {
    const ending = { outcome: "rejected", cause: "x" } as const;
    const share = { movedAt: start, epoch: 1, from: { canary: 0, primary: 0 }, canary: 20, all: 400 };
    const state = aRunningState(0, { stage: "draining", stageAt: start - 60_000, ending, only: [], share });
    const ended = decide(state, aRunObservation(0, 1, { route: routeOver }), aPolicy()).state;
    expect(ended.history[0]).toMatchObject({ outcome: "rejected", matchedPercent: 5 });
  });
});

describe("the measured share", () => {
  it("counts no request of a reading that may be of the weight before", () => {
    const early = read(moved, scrapeMs, [40, 960]);
    expect(shareOf(early)).toBeUndefined();
    const first = read(early, 16_000, [50, 1_000]);
    expect(shareOf(first)).toMatchObject({ canary: 0, all: 0 });
    expect(shareOf(read(first, 26_000, [61, 1_099]))).toMatchObject({ canary: 11, all: 110, movedAt: start });
  });

  it("begins anew when the weight moves, and with another reader's counters", () => {
    const first = read(moved, 16_000, [50, 1_000]);
    const higher = { ...first, weight: 20, transitionAt: start + 20_000 };
    const seen = aRunObservation(20, 4, { now: start + 21_000, scrapeIntervalMs: scrapeMs });
    const counters = { epoch: 1, at: start + 21_000, canary: someCounts(), primary: someCounts() };
    expect(shareOf(decide(higher, { ...seen, counters }, aPolicy()).state)).toBeUndefined();
    const taken = read(first, 30_000, [5, 20], 2);
    expect(shareOf(taken)).toMatchObject({ epoch: 2, canary: 0, all: 0 });
  });
});

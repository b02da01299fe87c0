import { describe, expect, it } from "vitest";
import type { Increment } from "./meter.ts";
import { createSplitWatch, type SplitWatch } from "./split.ts";

const counts = (requests: number) => ({ requests, failures: 0 });

/** What came in the `index`-th stretch of ten seconds. */
function inbound(index: number, canary: number, primary: number): Increment {
  return { from: 10_000 * index, to: 10_000 * (index + 1), canary: counts(canary), primary: counts(primary), sent: [] };
}

function sent(index: number, callers: Record<string, [number, number]>): Increment {
  const all = Object.entries(callers).map(([pod, [canary, total]]) => {
    return { namespace: "shop", deployment: "load", pod, canary, all: total };
  });
  return { ...inbound(index, 0, 0), sent: all };
}

function watching(weight: number): SplitWatch {
  const watch = createSplitWatch(10_000);
  watch.weigh(weight, 0);
  return watch;
}

describe("the watched share", () => {
  it("deviates thrice when users do not reach the canary in three scrapes", () => {
    const watch = watching(10);
    for (const index of [1, 2, 3]) watch.see(inbound(index, 0, 500));
    expect(watch.finding()).toMatchObject({ deviation: "too few", scrapes: 3, source: "inbound", low: 10, high: 10 });
  });

  it("begins to count anew when one scrape is as it should be", () => {
    const watch = watching(10);
    watch.see(inbound(1, 0, 500));
    watch.see(inbound(2, 50, 450));
    watch.see(inbound(3, 0, 500));
    expect(watch.finding()?.scrapes).toBe(1);
  });

  it("gathers scrapes that bring too little to tell", () => {
    const watch = watching(10);
    for (let index = 1; index <= 12; index++) watch.see(inbound(index, 0, 9));
    expect(watch.finding()).toMatchObject({ scrapes: 1, all: 108 });
  });

  it("expects no more of a scrape than the weights that it was counted at", () => {
    const watch = watching(10);
    watch.weigh(50, 25_000);
    watch.see(inbound(2, 150, 850));
    expect(watch.finding()).toMatchObject({ deviation: undefined, low: 10, high: 50 });
    for (const index of [6, 7]) watch.see(inbound(index, 150, 850));
    expect(watch.finding()).toMatchObject({ deviation: "too few", low: 50, high: 50, scrapes: 2 });
  });

  it("expects nothing of a canary that had no weight for a moment", () => {
    const watch = watching(10);
    watch.weigh(0, 15_000);
    watch.weigh(10, 18_000);
    for (const index of [1, 2, 3]) watch.see(inbound(index, 0, 500));
    expect(watch.finding()).toBeUndefined();
  });

  it("goes by what callers sent where there are any, and names those that do not obey", () => {
    const watch = watching(10);
    for (const index of [1, 2, 3]) watch.see(sent(index, { old: [0, 900], new: [30, 300], rare: [0, 3] }));
    const found = watch.finding();
    expect(found).toMatchObject({ source: "callers", deviation: "too few", scrapes: 3 });
    expect(found?.disobeying.map(({ pod }) => pod)).toEqual(["old"]);
  });
});

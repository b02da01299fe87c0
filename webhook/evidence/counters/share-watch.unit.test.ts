import { describe, expect, it } from "vitest";
import type { Increment } from "./counter-growth.ts";
import { createShareWatch, type ShareWatch } from "./share-watch.ts";

/** What came in the `index`-th stretch of ten seconds. */
function inbound(index: number, canary: number, primary: number): Increment {
  const stretch = { from: 10_000 * index, to: 10_000 * (index + 1) };
  return { ...stretch, received: { canary, primary }, sent: [], callers: new Set() };
}

function sent(index: number, callers: Record<string, [number, number]>): Increment {
  const all = Object.entries(callers).map(([pod, [canary, total]]) => {
    return { namespace: "shop", deployment: "load", pod, canary, all: total, direct: canary > 0 ? 0 : total };
  });
  const present = Object.keys(callers).map((pod) => `shop/${pod}`);
  return { ...inbound(index, 0, 0), sent: all, callers: new Set(present) };
}

function watching(weight: number): ShareWatch {
  const watch = createShareWatch(10_000);
  watch.weigh(weight, 0);
  return watch;
}

describe("the share by what both tracks received", () => {
  it("deviates when users do not reach the canary in four scrapes", () => {
    const watch = watching(10);
    for (const index of [1, 2, 3]) watch.see(inbound(index, 0, 500));
    expect(watch.finding()).toBeUndefined();
    watch.see(inbound(4, 0, 500));
    expect(watch.finding()).toMatchObject({ deviation: "too few", scrapes: 4, source: "inbound" });
  });

  it("is no worse for tracks whose pods are scraped at different moments", () => {
    const watch = watching(10);
    for (let index = 1; index <= 40; index++)
      watch.see(index % 2 === 0 ? inbound(index, 100, 0) : inbound(index, 0, 900));
    expect(watch.finding()).toMatchObject({ deviation: undefined, scrapes: 0 });
  });

  it("expects nothing of a canary that had no weight for a moment", () => {
    const watch = watching(10);
    watch.weigh(0, 15_000);
    watch.weigh(10, 18_000);
    for (const index of [1, 2, 3]) watch.see(inbound(index, 0, 500));
    expect(watch.finding()).toBeUndefined();
  });
});

describe("a share that was found wrong", () => {
  it("is forgotten when the canary loses its weight", () => {
    const watch = watching(10);
    for (const index of [1, 2, 3]) watch.see(sent(index, { old: [0, 900] }));
    expect(watch.finding()?.deviation).toBe("too few");
    watch.weigh(0, 35_000);
    watch.see(sent(4, { old: [0, 5] }));
    expect(watch.finding()).toBeUndefined();
  });

  it("is taken back as soon as twice as many requests show nothing, however few they are", () => {
    const watch = watching(10);
    watch.see(sent(1, { old: [0, 200] }));
    expect(watch.finding()?.deviation).toBe("too few");
    watch.see(sent(2, { old: [20, 200] }));
    watch.see(sent(3, { old: [20, 200] }));
    expect(watch.finding()).toMatchObject({ deviation: undefined, scrapes: 0 });
  });

  it("is never looked for before the canary has a weight", () => {
    const watch = watching(0);
    for (const index of [1, 2, 3, 4]) watch.see(sent(index, { load: [0, 100] }));
    expect(watch.finding()).toBeUndefined();
  });
});

describe("the share by what callers sent", () => {
  it("deviates in three scrapes, and names those that do not obey", () => {
    const watch = watching(10);
    for (const index of [1, 2, 3]) watch.see(sent(index, { old: [0, 900], new: [30, 300], rare: [0, 3] }));
    const found = watch.finding();
    expect(found).toMatchObject({ source: "callers", deviation: "too few", scrapes: 3, low: 10, high: 10 });
    expect(found?.disobeying.map(({ pod }) => pod)).toEqual(["old"]);
  });

  it("is of all together: one that does not obey and sends little is named, and nothing deviates", () => {
    const watch = watching(80);
    for (const index of [1, 2, 3]) watch.see(sent(index, { old: [0, 20], new: [400, 480] }));
    expect(watch.finding()).toMatchObject({ deviation: undefined, scrapes: 0 });
    expect(watch.finding()?.disobeying.map(({ pod }) => pod)).toEqual(["old"]);
  });

  it("has nothing of a caller that is gone", () => {
    const watch = watching(10);
    watch.see(sent(1, { old: [0, 900] }));
    expect(watch.finding()?.disobeying).toHaveLength(1);
    watch.see(sent(2, { new: [1, 9] }));
    expect(watch.finding()).toBeUndefined();
    watch.see(sent(3, { old: [0, 30], new: [1, 10] }));
    watch.see(sent(4, { new: [150, 1_500] }));
    expect(watch.finding()).toMatchObject({ deviation: undefined, all: 1_519 });
  });

  it("begins to count anew when one stretch is as it should be", () => {
    const watch = watching(10);
    watch.see(sent(1, { a: [0, 500] }));
    watch.see(sent(2, { a: [150, 1_500] }));
    watch.see(sent(3, { a: [0, 500] }));
    expect(watch.finding()?.scrapes).toBe(1);
  });

  it("gathers scrapes that bring too little to tell", () => {
    const watch = watching(10);
    for (let index = 1; index <= 12; index++) watch.see(sent(index, { a: [0, 9] }));
    expect(watch.finding()).toMatchObject({ scrapes: 1, all: 108 });
  });

  it("finds half of the share missing, if it takes some scrapes", () => {
    const watch = watching(10);
    for (let index = 1; index <= 24; index++) watch.see(sent(index, { a: [5, 100] }));
    expect(watch.finding()).toMatchObject({ deviation: "too few", scrapes: 3 });
  });

  it("expects no more of a scrape than the weights that it was counted at", () => {
    const watch = watching(10);
    watch.weigh(50, 25_000);
    watch.see(sent(2, { a: [300, 2_000] }));
    expect(watch.finding()).toMatchObject({ deviation: undefined, low: 10, high: 50 });
    for (const index of [6, 7]) watch.see(sent(index, { a: [150, 1_000] }));
    expect(watch.finding()).toMatchObject({ deviation: "too few", low: 50, high: 50, scrapes: 2 });
  });
});

describe("a caller that addresses the canary's own Service", () => {
  it("says nothing of the split, alone or beside users who follow it", () => {
    const alone = watching(5);
    for (const index of [1, 2, 3, 4]) alone.see(sent(index, { hey: [200, 200] }));
    expect(alone.finding()).toBeUndefined();
    const beside = watching(5);
    for (const index of [1, 2, 3, 4]) beside.see(sent(index, { hey: [200, 200], user: [50, 1_000] }));
    expect(beside.finding()).toMatchObject({ deviation: undefined, scrapes: 0 });
  });

  it("does not hide users who get too much of it", () => {
    const watch = watching(5);
    for (const index of [1, 2, 3]) watch.see(sent(index, { hey: [200, 200], user: [400, 1_000] }));
    expect(watch.finding()).toMatchObject({ deviation: "too many", scrapes: 3 });
  });

  it("is a user if it has ever been sent elsewhere, before the first weight too", () => {
    const watch = createShareWatch(10_000);
    watch.weigh(0, 0);
    watch.see(sent(1, { user: [0, 900] }));
    watch.weigh(5, 20_000);
    for (const index of [4, 5, 6]) watch.see(sent(index, { user: [900, 900] }));
    expect(watch.finding()).toMatchObject({ deviation: "too many", scrapes: 3 });
  });
});

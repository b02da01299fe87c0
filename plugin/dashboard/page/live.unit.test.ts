import { describe, expect, it } from "vitest";
import { shownSafely } from "./live.ts";
import { placeIn } from "./place.ts";
import { changeIn } from "./words.ts";

describe("text of a cluster", () => {
  it("has no character that turns its direction or is none, and keeps its lines", () => {
    const view = { reason: "a\u202eb\u0000c", list: ["x\u2066y", 1, null], query: "sum(a)\n# b" };
    expect(shownSafely(view)).toEqual({ reason: "a b c", list: ["x y", 1, null], query: "sum(a)\n# b" });
  });

  it("names what changes, without registry and path", () => {
    const stable = { app: "quay.io/a/app:1", side: "b/side:1" };
    const of = (canary: Record<string, string> | null): string =>
      changeIn({ images: { stable, canary }, unvetted: null });
    expect(of({ ...stable, app: "quay.io/a/app:2" })).toBe("app:1 > app:2");
    expect(of({ app: "quay.io/a/app:1" })).toBe("side:1 > none");
    expect(of(stable)).toBe("app=app:1, side=side:1, another template");
    expect(of(null)).toBe("app=app:1, side=side:1");
  });
});

describe("the address", () => {
  it.each([
    ["#/shop/checkout", { namespace: "shop", name: "checkout" }],
    ["#/", undefined],
    ["", undefined],
    ["#/shop/checkout/more", undefined],
  ])("%s names %o", (hash, place) => expect(placeIn(hash)).toEqual(place));
});

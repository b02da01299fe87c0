import { describe, expect, it } from "vitest";
import { nearest } from "./did-you-mean.ts";

describe("names near a mistyped one", () => {
  it.each([
    ["podinof", ["podinfo", "frontend"], ["podinfo"]],
    ["podinf", ["podinfo", "podinfo-2"], ["podinfo", "podinfo-2"]],
    ["frontend", ["backend", "web"], []],
    ["ab", ["xy", "ab-c"], []],
    ["shop", ["shop-a", "shop-b", "shop-c", "shop-d"], ["shop-a", "shop-b", "shop-c"]],
  ])("%s among %j are %j", (typed, names, near) => expect(nearest(typed, names)).toEqual(near));
});

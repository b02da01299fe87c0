import { describe, expect, it } from "vitest";
import { canonicalQuantity } from "./quantity.ts";

describe("a quantity", () => {
  it.each([
    ["1Gi", "1073741824"],
    ["1000m", "1"],
    ["0.5", "500m"],
    ["1e3", "1k"],
    ["1.0Gi", "1Gi"],
    ["1024Ki", "1Mi"],
    ["0", "0m"],
    ["-0", "0"],
    ["1E", "1000P"],
    ["100n", "0.1u"],
  ])("%s is the same as %s", (a, b) => expect(canonicalQuantity(a)).toBe(canonicalQuantity(b)));

  it.each([
    ["1Gi", "1G"],
    ["1", "1m"],
    ["-1", "1"],
    ["1.1", "1.10001"],
  ])("%s is not the same as %s", (a, b) => expect(canonicalQuantity(a)).not.toBe(canonicalQuantity(b)));

  it.each(["", "abc", "1.2.3", "Gi", ".", "1 Gi", "1e"])("%j is none, and stays as it is", (text) =>
    expect(canonicalQuantity(text)).toBe(text.trim()),
  );

  it("finer than nano is rounded up, as Kubernetes does", () => {
    expect(canonicalQuantity("0.1n")).toBe(canonicalQuantity("1n"));
    expect(canonicalQuantity("1.5n")).toBe(canonicalQuantity("2n"));
  });

  it("with an absurd exponent does not take for ever", () => {
    expect(canonicalQuantity("1e999999999")).toMatch(/^1\d+$/);
  });

  it("of a million digits stays as it is, and costs no time", () => {
    const text = "1".repeat(2_000_000);
    expect(canonicalQuantity(text)).toBe(text);
    expect(canonicalQuantity(`${"1".repeat(38)}Gi`)).toMatch(/^\d+$/);
    expect(canonicalQuantity(`${"1".repeat(39)}Gi`)).toMatch(/Gi$/);
  });
});

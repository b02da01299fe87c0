import { describe, expect, it } from "vitest";
import { diffLines } from "./unified.ts";

const text = (...lines: string[]): string => `${lines.join("\n")}\n`;
const letters = [..."abcdefghijklmnopqrst"];

describe("the difference between two texts", () => {
  it("is nothing for equal ones", () => expect(diffLines(text("a", "b"), text("a", "b"))).toEqual([]));

  it("is shown with three lines around it", () => {
    const after = letters.map((letter) => (letter === "j" ? "J" : letter));
    expect(diffLines(text(...letters), text(...after))).toEqual([
      "@@ -7,7 +7,7 @@",
      ...[" g", " h", " i", "-j", "+J", " k", " l", " m"],
    ]);
  });

  it("far apart is shown in hunks of their own, near each other in one", () => {
    const without = (...gone: string[]): string => text(...letters.filter((letter) => !gone.includes(letter)));
    expect(diffLines(text(...letters), without("b", "t")).filter((line) => line.startsWith("@@"))).toEqual([
      "@@ -1,5 +1,4 @@",
      "@@ -17,4 +16,3 @@",
    ]);
    expect(diffLines(text(...letters), without("b", "h")).filter((line) => line.startsWith("@@"))).toHaveLength(1);
  });

  it("counts lines that were added where there were none", () =>
    expect(diffLines(text("a"), text("a", "b"))).toEqual(["@@ -1,1 +1,2 @@", " a", "+b"]));
});

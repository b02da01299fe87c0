import { expect, it } from "vitest";
import { cut, cutTexts, longestText } from "./cut.ts";

it("a text is cut at its bound, and shows that it was", () => {
  expect(cut("x".repeat(longestText))).toHaveLength(longestText);
  expect(cut("x".repeat(longestText + 1))).toMatch(/^x+…$/);
  expect(cut("x".repeat(9), 5)).toBe("xxxx…");
});

it("every text in a value is cut, wherever it stands, and nothing else changes", () => {
  const long = "y".repeat(1_000_000);
  const short = { a: [1, null, true, { b: "c" }], d: undefined };
  expect(cutTexts(short)).toEqual(short);
  const { length } = JSON.stringify(cutTexts({ checks: [{ query: long, message: long }], images: { app: long } }));
  expect(length).toBeLessThan(3 * longestText + 100);
});

it("of a pod with containers without end some images are kept: each version of a history has them", () => {
  const images = Object.fromEntries(
    Array.from({ length: 2_000 }, (_, n) => [`c${n}`, `registry/${"x".repeat(2_000)}`]),
  );
  const history = Array.from({ length: 20 }, () => ({ images, before: { images } }));
  expect(JSON.stringify(cutTexts({ stable: { images }, history })).length).toBeLessThan(500_000);
  expect(cutTexts({ images: { app: "podinfo:1.7.0" } })).toEqual({ images: { app: "podinfo:1.7.0" } });
});

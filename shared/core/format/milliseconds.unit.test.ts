import { expect, it } from "vitest";
import { milliseconds } from "./milliseconds.ts";

it.each([
  [0, "0ms"],
  [0.04, "<1ms"],
  [0.5, "1ms"],
  [0.99, "1ms"],
  [1.4, "1ms"],
  [19.6, "20ms"],
])("%d is %s", (value, text) => expect(milliseconds(value)).toBe(text));

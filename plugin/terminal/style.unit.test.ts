import { describe, expect, it } from "vitest";
import { printable, styleOf, wrap } from "./style.ts";

describe("a style", () => {
  const utf8 = { LANG: "C.UTF-8" };
  it("has colours on a terminal only, and not when NO_COLOR or a dumb terminal forbids", () => {
    const terminal = { write: () => undefined, isTTY: true, columns: 90 };
    expect(styleOf(terminal, utf8)).toEqual({ colour: true, unicode: true, width: 90 });
    expect(styleOf(terminal, { ...utf8, NO_COLOR: "1" }).colour).toBe(false);
    expect(styleOf(terminal, { TERM: "dumb" })).toEqual({ colour: false, unicode: false, width: Infinity });
    expect(styleOf({ write: () => undefined }, utf8)).toEqual({ colour: false, unicode: true, width: Infinity });
  });

  it("wraps words under an indent, and leaves a long word whole", () => {
    expect(wrap("one two three", 9, 2)).toBe("one two\n  three");
    expect(wrap("a bbbbbbbbbbbbbbb c", 8, 1)).toBe("a\n bbbbbbbbbbbbbbb\n c");
  });

  it("lets no control character of the cluster's text reach the terminal", () => {
    expect(printable({ a: ["x\u001b[2Jy", 1, null], b: "l1\nl2" })).toEqual({ a: ["x [2Jy", 1, null], b: "l1 l2" });
  });
});

/** What a person sees while a part of the terminal is redrawn. */
import { describe, expect, it } from "vitest";
import { Screen } from "./screen.ts";
import { VirtualTerminal } from "../../test/plugin/fixtures/vt.ts";

function aScreen(
  columns = 40,
  rows = 10,
): { screen: Screen; terminal: VirtualTerminal; size: { columns: number; rows: number } } {
  const terminal = new VirtualTerminal(columns, rows);
  const size = { columns, rows };
  const stream = Object.assign(size, { write: (text: string) => terminal.write(text) });
  return { screen: new Screen(stream), terminal, size: stream };
}

describe("a screen", () => {
  it("shows each frame in the place of the one before", () => {
    const { screen, terminal } = aScreen();
    terminal.write("$ kubectl canary watch\n");
    screen.draw("one\ntwo\nthree\n");
    screen.draw("one\n2\nthree\nfour\n");
    expect(terminal.lines()).toEqual(["$ kubectl canary watch", "one", "2", "three", "four", ""]);
    screen.draw("one\n");
    expect(terminal.lines()).toEqual(["$ kubectl canary watch", "one", ""]);
  });

  it("writes only lines that changed", () => {
    const { screen, terminal } = aScreen();
    screen.draw("a long line that stays\n1\n");
    const before = terminal.printed;
    screen.draw("a long line that stays\n2\n");
    expect(terminal.printed - before).toBe(1);
  });

  it("hides the cursor while it draws, and gives it back at the end", () => {
    const { screen, terminal } = aScreen();
    screen.draw("x\n");
    expect(terminal.cursorVisible).toBe(false);
    screen.close();
    expect(terminal.cursorVisible).toBe(true);
    screen.close();
    expect(terminal.lines()).toEqual(["x", ""]);
  });

  it("stays in its place at the bottom of the terminal", () => {
    const { screen, terminal } = aScreen(40, 5);
    terminal.write("1\n2\n3\n4\n");
    screen.draw("a\nb\n");
    screen.draw("a\nB\nc\n");
    expect(terminal.lines()).toEqual(["4", "a", "B", "c", ""]);
  });

  it("leaves out what is taller than the terminal, and says how much", () => {
    const { screen, terminal } = aScreen(20, 4);
    screen.draw("\u001b[31m1\u001b[0m\n2\n3\n4\n5\n");
    expect(terminal.lines()).toEqual(["1", "2", "... 3 more lines", ""]);
    screen.draw("1\n2\n3\n");
    expect(terminal.lines()).toEqual(["1", "2", "3", ""]);
  });

  it("lets the terminal break a line that is wider, and finds its way back over it", () => {
    const { screen, terminal } = aScreen(10, 8);
    screen.draw("one\n0123456789abc\nend\n");
    expect(terminal.lines()).toEqual(["one", "0123456789", "abc", "end", ""]);
    screen.draw("two\n0123456789ab\nend\n");
    expect(terminal.lines()).toEqual(["two", "0123456789", "ab", "end", ""]);
    screen.draw("two\n0123456789\nend\n");
    expect(terminal.lines()).toEqual(["two", "0123456789", "end", ""]);
    screen.draw("two\n012345678X\n0123456789abc\nend\n");
    expect(terminal.lines()).toEqual(["two", "012345678X", "0123456789", "abc", "end", ""]);
  });

  it("counts a line that the terminal breaks by the rows that it takes", () => {
    const { screen, terminal } = aScreen(10, 4);
    screen.draw("1\n0123456789abc\n3\n");
    expect(terminal.lines()).toEqual(["1", "... 2 more", " lines", ""]);
  });

  it("starts anew when the terminal changes its size", () => {
    const { screen, terminal, size } = aScreen(20, 10);
    screen.draw("one\ntwo\n");
    size.columns = 18;
    screen.draw("one\nTWO\n");
    expect(terminal.lines()).toEqual(["one", "TWO", ""]);
  });
});

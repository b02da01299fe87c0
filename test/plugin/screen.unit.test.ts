/** What a person sees while a part of the terminal is redrawn. */
import { describe, expect, it } from "vitest";
import { Screen } from "../../plugin/screen.ts";
import { VirtualTerminal } from "./vt.ts";

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

  it("cuts what is wider or taller than the terminal, and says how much is missing", () => {
    const { screen, terminal } = aScreen(10, 4);
    screen.draw("\u001b[31m0123456789abc\u001b[0m\n2\n3\n4\n5\n");
    expect(terminal.lines()).toEqual(["0123456789", "2", "... 3 more", ""]);
    screen.draw("0123456789abd\n2\n3\n4\n5\n");
    expect(terminal.lines()).toEqual(["0123456789", "2", "... 3 more", ""]);
  });

  it("starts anew when the terminal changes its size", () => {
    const { screen, terminal, size } = aScreen(20, 10);
    screen.draw("one\ntwo\n");
    size.columns = 18;
    screen.draw("one\nTWO\n");
    expect(terminal.lines()).toEqual(["one", "TWO", ""]);
  });
});

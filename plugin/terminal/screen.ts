/** A part of the terminal that is drawn over and over: only lines that changed are written, and the cursor comes back. */
import { stripVTControlCharacters } from "node:util";
import type { Output } from "../context.ts";

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
const clearAll = "\u001b[H\u001b[2J";
const clearRest = "\u001b[K";
const clearBelow = "\u001b[J";

export class Screen {
  private readonly stream: Output;
  private drawn: string[] = [];
  private size = "";
  private isOpen = false;

  constructor(stream: Output) {
    this.stream = stream;
  }

  /** What is taller than the terminal loses its end: the cursor must find its way back. */
  draw(text: string): void {
    const { columns = 80, rows = 24 } = this.stream;
    const lines = fit(text.replace(/\n$/, "").split("\n"), columns, rows);
    const size = `${columns}x${rows}`;
    const isResized = this.isOpen && size !== this.size;
    const start = this.isOpen ? "" : hideCursor;
    const before = isResized ? [] : this.drawn;
    const up = before.reduce((sum, line) => sum + rowsFor(line, columns), 0);
    this.isOpen = true;
    this.drawn = lines;
    this.size = size;
    const back = isResized ? clearAll : up > 0 ? `\u001b[${up}A\r` : "";
    this.stream.write(start + back + difference(before, lines, columns));
  }

  /** Gives the cursor back; what was drawn last stays. */
  close(): void {
    if (this.isOpen) this.stream.write(showCursor);
    this.isOpen = false;
  }
}

/**
 * Rows that a line takes. One that is wider is broken by the terminal itself and not by us: it can then be copied whole, and
 * commands are there to be pasted.
 */
export function rowsFor(line: string, columns: number): number {
  return Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns));
}

// --- internal ---

/** From the first line that takes another number of rows on, everything is written. */
function difference(before: readonly string[], lines: readonly string[], columns: number): string {
  const moved = lines.findIndex((line, at) => rowsFor(line, columns) !== rowsFor(before[at] ?? "", columns));
  const same = moved < 0 ? lines.length : moved;
  const head = lines.slice(0, same).map((line, at) => (line === before[at] ? down(line, columns) : row(line, columns)));
  const tail = lines.slice(same).map((line) => row(line, columns));
  const rest = tail.length > 0 || lines.length < before.length ? clearBelow : "";
  return head.join("") + rest + tail.join("");
}

const down = (line: string, columns: number): string => "\n".repeat(rowsFor(line, columns));

/** At the right edge the cursor still stands on the last character, which would be cleared. */
function row(line: string, columns: number): string {
  const width = stripVTControlCharacters(line).length;
  return `\r${line}${width > 0 && width % columns === 0 ? "" : clearRest}\n`;
}

function fit(lines: readonly string[], columns: number, rows: number): string[] {
  const room = Math.max(1, rows - 1);
  const heights = lines.map((line) => rowsFor(line, columns));
  if (sum(heights) <= room) return [...lines];
  const shown = lines.filter((_line, at) => sum(heights.slice(0, at + 1)) <= room - 1);
  return [...shown, `... ${lines.length - shown.length} more lines`];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

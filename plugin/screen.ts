/** A part of the terminal that is drawn over and over: only lines that changed are written, and the cursor comes back. */
import { stripVTControlCharacters } from "node:util";
import type { Output } from "./deps.ts";

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
const clearAll = "\u001b[H\u001b[2J";
const clearLine = "\r\u001b[2K";
const clearBelow = "\u001b[J";

export class Screen {
  private readonly stream: Output;
  private drawn: string[] = [];
  private size = "";
  private isOpen = false;

  constructor(stream: Output) {
    this.stream = stream;
  }

  /** What is taller than the terminal loses its end, what is wider its right side: the cursor must find its way back. */
  draw(text: string): void {
    const { columns = 80, rows = 24 } = this.stream;
    const lines = fit(text.replace(/\n$/, "").split("\n"), columns, rows);
    const size = `${columns}x${rows}`;
    const isResized = this.isOpen && size !== this.size;
    const start = this.isOpen ? "" : hideCursor;
    const before = isResized ? [] : this.drawn;
    const back = before.length > 0 ? `\u001b[${before.length}A\r` : "";
    const rest = lines.length < before.length ? clearBelow : "";
    const out = lines.map((line, at) => (line === before[at] ? "" : clearLine + line) + "\n").join("") + rest;
    this.isOpen = true;
    this.drawn = lines;
    this.size = size;
    this.stream.write(start + (isResized ? clearAll : back) + out);
  }

  /** Gives the cursor back; what was drawn last stays. */
  close(): void {
    if (this.isOpen) this.stream.write(showCursor);
    this.isOpen = false;
  }
}

// --- internal ---

function fit(lines: readonly string[], columns: number, rows: number): string[] {
  const room = Math.max(1, rows - 1);
  const shown =
    lines.length <= room ? lines : [...lines.slice(0, room - 1), `... ${lines.length - room + 1} more lines`];
  return shown.map((line) => cut(line, columns));
}

const escape = /(\u001b\[[0-9;]*m)/;

/** Colours take no room, and the last one is ended. */
function cut(line: string, columns: number): string {
  if (stripVTControlCharacters(line).length <= columns) return line;
  let room = columns;
  const parts = line.split(escape).map((part) => {
    if (escape.test(part)) return part;
    const kept = part.slice(0, room);
    room -= kept.length;
    return kept;
  });
  return parts.join("");
}

/** Where the parts of a status go, and what gives way on a terminal that has no room for all of them. Pure. */

import { rowsFor } from "../terminal/screen.ts";

export type Part = "head" | "notes" | "tracks" | "checks" | "tree" | "history" | "advice";

export type Parts = Record<Part, readonly string[]>;

export interface Room {
  rows?: number | undefined;
  width: number;
}

/**
 * All parts, a blank line between them. In `rows` lines, as far as that can be: objects and history give way first, then the
 * blank lines and what `short` has less of, then the tables. Where it stands, why, and what a person can do are always there.
 */
export function layOut(parts: Parts, short: Partial<Parts>, { rows = Infinity, width }: Room): string {
  const tight = { ...parts, ...short };
  const tries = [
    textOf(parts, [], "\n\n"),
    textOf(parts, ["tree"], "\n\n"),
    textOf(parts, ["tree", "history"], "\n\n"),
    textOf(tight, ["tree", "history"], "\n"),
    textOf(tight, ["tree", "history", "checks"], "\n"),
    textOf(tight, ["tree", "history", "checks", "tracks"], "\n"),
  ];
  return tries.find((text) => heightOf(text, width) <= rows) ?? tries.at(-1) ?? "";
}

// --- internal ---

function heightOf(text: string, width: number): number {
  const lines = text.replace(/\n$/, "").split("\n");
  return lines.reduce((sum, line) => sum + rowsFor(line, width), 0);
}

/** From top to bottom. */
const order: readonly Part[] = ["head", "notes", "tracks", "checks", "tree", "history", "advice"];

const called: Partial<Record<Part, string>> = {
  tree: "objects",
  history: "history",
  checks: "checks",
  tracks: "tracks",
};

/** What is left out is named at the end. */
function textOf(parts: Parts, left: readonly Part[], gap: string): string {
  const shown = order.filter((part) => parts[part].length > 0 && !left.includes(part));
  const missing = left.filter((part) => parts[part].length > 0).map((part) => called[part] ?? part);
  const blocks = shown.map((part) => parts[part].join("\n"));
  const note = missing.length > 0 ? [`... no room for ${missing.join(", ")}`] : [];
  return `${[blocks.join(gap), ...note].join("\n")}\n`;
}

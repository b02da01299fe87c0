/** A line for each number that has a bound. */
import { printTable } from "../measure.ts";

export interface Row {
  cells: string[];
  isMet: boolean;
}

export function row(what: string, { found, unit, bound }: { found: number; unit: string; bound: number }): Row {
  const isMet = found <= bound;
  return {
    cells: [what, `${Number(found.toFixed(2))} ${unit}`, `at most ${bound} ${unit}`, isMet ? "met" : "MISSED"],
    isMet,
  };
}

/** Returns the exit code. */
export function printRows(rows: readonly Row[]): 0 | 1 {
  printTable(
    ["measured", "found", "bound", ""],
    rows.map(({ cells }) => cells),
  );
  return rows.every(({ isMet }) => isMet) ? 0 : 1;
}

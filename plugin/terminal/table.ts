/** Columns without lines, as kubectl and linkerd print them. */
import { stripVTControlCharacters } from "node:util";
import CliTable from "cli-table3";
import { wrap } from "./style.ts";

const gap = "   ";
const none = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: gap,
};

export interface Column {
  head: string;
  align?: "right";
}

/** Less than this of a line is no room for a sentence. */
const leastRoom = 24;

/**
 * Rows under their heads, without blanks at the ends of lines. Cells may hold escape sequences. The last column is broken at
 * `width`, or stands below the others where they leave it no room; its cells are plain text.
 */
export function formatTable(columns: readonly Column[], rows: readonly string[][], width = Infinity): string[] {
  const before = columns.slice(0, -1).map(({ head }, index) => widest([head, ...rows.map((row) => row[index] ?? "")]));
  const indent = before.reduce((sum, one) => sum + one + gap.length, 0);
  if (width - indent < leastRoom) return underneath(columns, rows, width);
  return format(
    columns,
    rows.map((row) => [...row.slice(0, -1), wrap(row.at(-1) ?? "", width - indent, 0)]),
  );
}

// --- internal ---

/** Each row's last cell below it, where a line would not hold both. */
function underneath(columns: readonly Column[], rows: readonly string[][], width: number): string[] {
  const whole = format(columns, rows);
  if (widest(whole) <= width) return whole;
  const [head = "", ...body] = format(
    columns.slice(0, -1),
    rows.map((row) => row.slice(0, -1)),
  );
  const below = (index: number): string[] => `  ${wrap(rows[index]?.at(-1) ?? "", width, 2)}`.split("\n");
  return [head, ...body.flatMap((line, index) => [line, ...below(index)])];
}

const widest = (cells: readonly string[]): number =>
  Math.max(...cells.map((cell) => stripVTControlCharacters(cell).length));

function format(columns: readonly Column[], rows: readonly string[][]): string[] {
  const table = new CliTable({
    head: columns.map((column) => column.head),
    colAligns: columns.map((column) => column.align ?? "left"),
    chars: none,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
}

/** Columns without lines, as kubectl and linkerd print them. */
import CliTable from "cli-table3";

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

/** Rows under their heads, without blanks at the ends of lines. Cells may hold escape sequences. */
export function formatTable(columns: readonly Column[], rows: readonly string[][]): string[] {
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

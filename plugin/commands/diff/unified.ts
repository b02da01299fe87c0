/** The difference between two texts by lines, as `diff -u` prints it. Pure. */
interface Edit {
  kind: " " | "-" | "+";
  text: string;
}

const context = 3;

/** Hunks with three lines around each change; empty for equal texts. */
export function diffLines(before: string, after: string): string[] {
  const edits = editsBetween(toLines(before), toLines(after));
  return hunksOf(edits).flatMap(({ from, to }) => hunk(edits, from, to));
}

// --- internal ---

const toLines = (text: string): string[] => text.replace(/\n$/, "").split("\n");

/** By the longest common subsequence; templates are short enough for its table. */
function editsBetween(before: readonly string[], after: readonly string[]): Edit[] {
  const length = commonLengths(before, after);
  const edits: Edit[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [old, fresh] = [before[i], after[j]];
    if (old !== undefined && old === fresh) {
      edits.push({ kind: " ", text: old });
      i++;
      j++;
    } else if (old !== undefined && (fresh === undefined || at(length, i + 1, j) >= at(length, i, j + 1))) {
      edits.push({ kind: "-", text: old });
      i++;
    } else edits.push({ kind: "+", text: after[j++] ?? "" });
  }
  return edits;
}

const at = (table: readonly number[][], i: number, j: number): number => table[i]?.[j] ?? 0;

/** `[i][j]`: how many lines the rests from i and j have in common. */
function commonLengths(before: readonly string[], after: readonly string[]): number[][] {
  const table = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      table[i]![j] =
        before[i] === after[j] ? at(table, i + 1, j + 1) + 1 : Math.max(at(table, i + 1, j), at(table, i, j + 1));
  return table;
}

interface Range {
  from: number;
  /** Exclusive. */
  to: number;
}

/** Changes whose surroundings touch share a hunk. */
function hunksOf(edits: readonly Edit[]): Range[] {
  const ranges: Range[] = [];
  edits.forEach(({ kind }, index) => {
    if (kind === " ") return;
    const [from, to] = [Math.max(0, index - context), Math.min(edits.length, index + context + 1)];
    const last = ranges.at(-1);
    if (last && from <= last.to) last.to = to;
    else ranges.push({ from, to });
  });
  return ranges;
}

function hunk(edits: readonly Edit[], from: number, to: number): string[] {
  const shown = edits.slice(from, to);
  const lines = (part: readonly Edit[], other: Edit["kind"]): number =>
    part.filter(({ kind }) => kind !== other).length;
  const range = (other: Edit["kind"]): string => {
    const count = lines(shown, other);
    return `${lines(edits.slice(0, from), other) + (count === 0 ? 0 : 1)},${count}`;
  };
  return [`@@ -${range("+")} +${range("-")} @@`, ...shown.map(({ kind, text }) => kind + text)];
}

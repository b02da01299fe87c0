/** The difference between two texts by lines, as `diff -u` prints it. Pure. */
import { structuredPatch } from "diff";

const context = 3;

/** Hunks with three lines around each change; empty for equal texts. */
export function diffLines(before: string, after: string): string[] {
  const { hunks } = structuredPatch("", "", before, after, undefined, undefined, { context });
  return hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
    `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`,
    ...lines,
  ]);
}

/** What benches share: a median, and a table in which numbers stand under each other. */
import { quantile } from "../../shared/core/plan/statistics.ts";

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Milliseconds that `work` took. */
export async function timed(work: () => Promise<unknown> | void): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Prints rows under a head; the first column flush left, the others flush right. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  const cell = (text: string, column: number): string =>
    column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0);
  for (const row of all) process.stdout.write(`${row.map(cell).join("  ").trimEnd()}\n`);
}

/** Names that a mistyped one may have meant. Pure. */
const most = 3;

/** At most three of `names`, nearest first: two slips at most, fewer in short names, or one holds the other. */
export function nearest(typed: string, names: readonly string[]): string[] {
  const limit = Math.min(2, Math.floor(typed.length / 3));
  return [...new Set(names)]
    .map((name) => ({ name, slips: slipsBetween(typed, name) }))
    .filter(({ name, slips }) => slips <= limit || (typed.length >= 3 && name.includes(typed)))
    .sort((a, b) => a.slips - b.slips || a.name.localeCompare(b.name))
    .slice(0, most)
    .map(({ name }) => name);
}

/** Letters to add, drop or change; two neighbours that changed places count once. */
function slipsBetween(a: string, b: string): number {
  if (swapsOnly(a, b)) return 1;
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const row = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const change = (last[j] ?? 0) + (letter === other ? 0 : 1);
      row.push(Math.min(change, (last[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1));
    }
    last = row;
  }
  return last[b.length] ?? 0;
}

function swapsOnly(a: string, b: string): boolean {
  const at = [...a].findIndex((letter, index) => letter !== b[index]);
  if (at < 0 || a.length !== b.length) return false;
  const swapped = a.slice(0, at) + (a[at + 1] ?? "") + (a[at] ?? "") + a.slice(at + 2);
  return swapped === b;
}

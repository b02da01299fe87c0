/** A row of small bars, for terminals that can show them. Pure. */

const bars = [..."▁▂▃▄▅▆▇█"];

/** One bar for each value between `low` and `high`, and a blank for each that is missing. */
export function sparkline(
  values: readonly (number | undefined)[],
  { low, high }: { low: number; high: number },
): string {
  const span = high - low;
  const barOf = (value: number): string => {
    const part = span > 0 ? Math.min(1, Math.max(0, (value - low) / span)) : 0;
    return bars[Math.round(part * (bars.length - 1))] ?? "";
  };
  return values.map((value) => (value === undefined ? " " : barOf(value))).join("");
}

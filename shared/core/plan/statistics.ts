/** Order statistics, and how far a frequency may be from the probability behind it. */

/** Of runs in simulation: the median, and what nine in ten lie between. */
export interface Spread {
  /** 5th percentile. */
  low: number;
  median: number;
  /** 95th percentile. */
  high: number;
}

/** The smallest of `values` that at least `share` of them (0 to 1) do not exceed; the median is `quantile(values, 0.5)`. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error("There is nothing to take a quantile of.");
  return value;
}

/** Undefined of nothing. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  return { low: quantile(values, 0.05), median: quantile(values, 0.5), high: quantile(values, 0.95) };
}

/** Standard normal quantiles of two-sided intervals. */
export const confidence = { ninetyFive: 1.96, ninetyNine: 2.5758 } as const;

/** Bounds of the true probability after `hits` of `trials`, by Wilson's score; with 99 % confidence unless told. */
export function wilson(hits: number, trials: number, z: number = confidence.ninetyNine): { low: number; high: number } {
  const share = hits / trials;
  const centre = share + z ** 2 / (2 * trials);
  const spread = z * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  const scale = 1 + z ** 2 / trials;
  return { low: Math.max(0, (centre - spread) / scale), high: Math.min(1, (centre + spread) / scale) };
}

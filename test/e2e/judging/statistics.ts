// The binomial interval by which measured shares are held against a weight.

/** Two-sided 99.99 % quantile of the normal distribution. */
const z = 3.8906;

/** Whether `hits` of `trials` may come from probability `p`, at 99.99 % (normal approximation with continuity correction). */
export function withinBinomial(hits: number, trials: number, p: number): boolean {
  return Math.abs(hits - trials * p) <= z * Math.sqrt(trials * p * (1 - p)) + 0.5;
}

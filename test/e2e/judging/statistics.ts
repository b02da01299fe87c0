// The binomial interval by which measured shares are held against a weight.

/** Standard deviations of a normal distribution beyond which one in 1.7 million lies: a test asks this of many shares. */
const z = 5;

/** Whether `hits` of `trials` may come from probability `p`, beyond such chance (normal approximation with continuity correction). */
export function withinBinomial(hits: number, trials: number, p: number): boolean {
  return Math.abs(hits - trials * p) <= z * Math.sqrt(trials * p * (1 - p)) + 0.5;
}

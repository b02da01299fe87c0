/** Chance that is the same at every run: a generator with a seed, and the two distributions by which users' requests come and fail. */

/** A number from 0 to below 1. */
export type Random = () => number;

/** The generator mulberry32: small, fast, and good enough for frequencies. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** By Knuth's method, in parts, for a large mean's exponential would be 0; a very large one is normal. */
export function poisson(mean: number, random: Random): number {
  if (mean > nearlyNormal) return rounded(mean, mean, random);
  if (mean > 30) return poisson(30, random) + poisson(mean - 30, random);
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count++;
  return count;
}

/** By the gaps between hits: as fast as hits are rare; where neither is rare among many, it is normal. */
export function binomial(trials: number, rate: number, random: Random): number {
  if (rate >= 1) return trials;
  if (rate <= 0) return 0;
  const variance = trials * rate * (1 - rate);
  if (variance > nearlyNormal) return Math.min(trials, rounded(trials * rate, variance, random));
  if (rate > 0.5) return trials - binomial(trials, 1 - rate, random);
  const gap = (): number => 1 + Math.floor(Math.log(1 - random()) / Math.log1p(-rate));
  let hits = 0;
  for (let at = gap(); at <= trials; at += gap()) hits++;
  return hits;
}

// --- internal ---

/** From this variance on, what a normal distribution gives differs by less than anyone could tell from a few thousand runs. */
const nearlyNormal = 250;

function rounded(mean: number, variance: number, random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return Math.max(0, Math.round(mean + Math.sqrt(variance) * radius * Math.cos(2 * Math.PI * random())));
}

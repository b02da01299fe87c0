/**
 * An anytime-valid two-sample test on failures: is the canary worse than the primary by more than a margin? It may be looked at after
 * every scrape and stopped whenever it convinces; the probability that it ever accuses a canary that is no worse stays at most alpha.
 *
 * The e-process of R. Turner, A. Ly and P. Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional
 * stopping", Journal of Statistical Planning and Inference 230 (2024), arXiv:2106.02693; for the margin R. Turner and P. Grünwald,
 * "Exact anytime-valid confidence intervals for contingency tables and beyond", Statistics & Probability Letters 198 (2023),
 * arXiv:2203.09785. What one scrape brings is a block: the likelihood of an alternative, fixed before the block, over that of its
 * KL projection on the null hypothesis. Such a ratio is expected to be at most 1 while the null holds, and so is a product of them;
 * by Ville's inequality it reaches 1/alpha with probability at most alpha. Each block is compared within itself, so an outage
 * that strikes both tracks alike, or weights that change between blocks, accuse nobody.
 */

/** Users' requests and how many of them failed. */
export interface Counts {
  requests: number;
  failures: number;
}

/** What both tracks got in the same stretch of time. */
export interface Block {
  canary: Counts;
  primary: Counts;
}

/** Kept in the Canary's status from block to block. */
export interface SequentialState {
  /** Natural logarithm of the evidence for each of the alternatives. */
  logEvidence: number[];
  /** All blocks so far. */
  canary: Counts;
  primary: Counts;
}

/**
 * The alternatives: how far the canary's failure rate lies above the null's highest, as a part of what is left up to failing always.
 * None can be known to be right, so the evidence is their weighted mean. The middle one has most weight: a few percent of
 * failures are what is common and slow to see by hand; the small ones cost little and see what only very many requests show.
 */
const alternatives = [
  { lift: 0.001, weight: 0.05 },
  { lift: 0.004, weight: 0.05 },
  { lift: 0.015, weight: 0.15 },
  { lift: 0.05, weight: 0.5 },
  { lift: 0.5, weight: 0.25 },
] as const;

/** The guess at the primary's rate before it is known weighs as much as this many requests. */
const prior: Counts = { requests: 50, failures: 0.1 };

const none: Counts = { requests: 0, failures: 0 };

export function noBlocks(): SequentialState {
  return { logEvidence: alternatives.map(() => 0), canary: none, primary: none };
}

/** The state after one more block; `margin` is a part of 1. A block that lacks one of the tracks compares nothing. */
export function absorb(state: SequentialState, block: Block, margin: number): SequentialState {
  const primaryRate = rateOf({
    requests: state.primary.requests + prior.requests,
    failures: state.primary.failures + prior.failures,
  });
  const highest = Math.min(primaryRate + margin, 1);
  const logEvidence = alternatives.map(({ lift }, index) => {
    const alternative = { canary: inside(highest + lift * (1 - highest)), primary: inside(primaryRate) };
    return (state.logEvidence[index] ?? 0) + logRatio(block, alternative, margin);
  });
  return { logEvidence, canary: sum(state.canary, block.canary), primary: sum(state.primary, block.primary) };
}

/** The evidence against the null hypothesis: 1 says nothing, 1/alpha convicts. May be Infinity. */
export function evidence(state: SequentialState): number {
  const peak = Math.max(...state.logEvidence);
  const scaled = alternatives.map(({ weight }, index) => weight * Math.exp((state.logEvidence[index] ?? 0) - peak));
  return Math.exp(peak) * scaled.reduce((total, value) => total + value, 0);
}

/** The canary is worse than the primary plus the margin, at the error rate `alpha`. */
export function convicts(state: SequentialState, alpha: number): boolean {
  return evidence(state) >= 1 / alpha;
}

export function rateOf({ requests, failures }: Counts): number {
  return requests > 0 ? failures / requests : 0;
}

// --- internal ---

interface Rates {
  canary: number;
  primary: number;
}

/** Of the block's likelihood: the alternative's over its projection's. */
function logRatio(block: Block, alternative: Rates, margin: number): number {
  if (block.canary.requests <= 0 || block.primary.requests <= 0) return 0;
  const nearest = projection(block, alternative, margin);
  return (
    logLikelihoodRatio(block.canary, alternative.canary, nearest.canary) +
    logLikelihoodRatio(block.primary, alternative.primary, nearest.primary)
  );
}

function logLikelihoodRatio({ requests, failures }: Counts, above: number, below: number): number {
  const failed = failures > 0 ? failures * Math.log(above / below) : 0;
  return failed + (requests - failures) * (Math.log1p(-above) - Math.log1p(-below));
}

/** The null's rates that are hardest to tell from the alternative's in a block of this size (KL divergence). */
function projection({ canary, primary }: Block, alternative: Rates, margin: number): Rates {
  if (alternative.canary - alternative.primary <= margin) return alternative;
  if (margin === 0) {
    const pooled =
      (canary.requests * alternative.canary + primary.requests * alternative.primary) /
      (canary.requests + primary.requests);
    return { canary: pooled, primary: pooled };
  }
  const slope = (rate: number): number =>
    (primary.requests * (rate - alternative.primary)) / (rate * (1 - rate)) +
    (canary.requests * (rate + margin - alternative.canary)) / ((rate + margin) * (1 - rate - margin));
  const rate = root(slope, alternative.primary, alternative.canary - margin);
  return { canary: rate + margin, primary: rate };
}

/** Of a function that rises from negative to positive between the two; to 1e-11, for where it is least a divergence is flat. */
function root(rising: (at: number) => number, low: number, high: number): number {
  let [below, above] = [low, high];
  for (let round = 0; round < 36; round++) {
    const middle = (below + above) / 2;
    if (rising(middle) < 0) below = middle;
    else above = middle;
  }
  return (below + above) / 2;
}

/** A probability of 0 or 1 would make one surprise infinitely surprising. */
function inside(rate: number): number {
  return Math.min(Math.max(rate, 1e-6), 1 - 1e-6);
}

function sum(a: Counts, b: Counts): Counts {
  return { requests: a.requests + b.requests, failures: a.failures + b.failures };
}

/** Whether the share of traffic that a canary gets is the share that it was given: nothing else proves that users obey a route. */

/** Requests in a stretch of time in which the route's weight lay between two values, in percent. */
export interface ShareBlock {
  canary: number;
  all: number;
  low: number;
  high: number;
}

export type Deviation = "too few" | "too many";

/** How many deviating scrapes in a row are believed. */
export const believedScrapes = 3;

/** -ln of the chance, on each side, that a share as set looks like this: 0.01 % on both sides together. */
const surprise = Math.log(2 / 1e-4);
/** A share is good enough within this part of the weight: proxies change over within seconds, and clocks differ. */
const slack = 0.05;

/** Far enough from the weight that chance does not explain it; undefined where it does, or where there is too little to tell. */
export function deviation({ canary, all, low, high }: ShareBlock): Deviation | undefined {
  if (all <= 0) return undefined;
  const least = (low / 100) * (1 - slack);
  const most = Math.min(1, (high / 100) * (1 + slack));
  const share = canary / all;
  if (share < least && all * divergence(share, least) > surprise) return "too few";
  if (share > most && all * divergence(share, most) > surprise) return "too many";
  return undefined;
}

/**
 * There are enough requests (twice what it takes) for half of the canary's share to show if it were missing. Until then a block that is
 * as it should be says nothing yet, and waits for more.
 */
export function isTelling({ all, low }: ShareBlock): boolean {
  const least = (low / 100) * (1 - slack);
  return least > 0 && all * divergence(least / 2, least) > 2 * surprise;
}

/** Fewer requests say too little of who matches. */
const enoughRequests = 100;

/** Of an A/B test: how many of users' requests get its canary, percent to a tenth; undefined where too few are counted, or it is none. */
export function matchedPercent({ only, share }: MatchingRun): number | undefined {
  if (only === undefined || share === undefined || share.all < enoughRequests) return undefined;
  return Math.round((1_000 * share.canary) / share.all) / 10;
}

interface MatchingRun {
  only?: unknown;
  share?: { canary: number; all: number };
}

// --- internal ---

/**
 * Kullback-Leibler divergence of Bernoulli(a) from Bernoulli(b). By Chernoff's bound a share at least as far off as `a` in n requests
 * has a chance of at most exp(-n * divergence), so the interval used here is never narrower than the exact binomial one.
 */
function divergence(a: number, b: number): number {
  const part = (x: number, y: number): number => (x <= 0 ? 0 : x * Math.log(x / Math.max(y, 1e-12)));
  return part(a, b) + part(1 - a, 1 - b);
}

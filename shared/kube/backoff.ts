/** Waiting times between attempts: doubling, capped, and scattered so that those who failed together do not return together. */

export interface BackoffLimits {
  firstMs: number;
  capMs: number;
}

/** Wait before the attempt that follows `failures` failures in a row (1 or more): half to all of the doubled time. */
export function backoffMs(limits: BackoffLimits, failures: number, random: () => number): number {
  const doubled = limits.firstMs * 2 ** Math.min(Math.max(failures - 1, 0), 52);
  return Math.min(doubled, limits.capMs) * (0.5 + random() / 2);
}

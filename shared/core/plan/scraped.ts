/** What Prometheus knows of users' requests: what had come when it last looked, and over a window back from now. Bounded by the step's length. */
import { countsSince, noCounts, type TrackCounts } from "../analysis/track-counts.ts";
import type { Totals } from "../state.ts";

export interface Known extends Totals {
  at: number;
}

/** Pods of each track, and their callers, are scraped at moments of their own. */
export const scraped = ["canary", "primary", "callers"] as const;
export type Scraped = (typeof scraped)[number];

export class Scrapes {
  /** When each was scraped last; 0 before the first time. */
  readonly at: Record<Scraped, number> = { canary: 0, primary: 0, callers: 0 };
  private known: Known[] = [{ at: 0, canary: noCounts, primary: noCounts }];

  /** What callers counted covers both tracks; a track counts what either side knows. */
  take(track: Scraped, now: number, totals: Totals): void {
    const { canary, primary } = this.latest();
    this.at[track] = now;
    this.known.push({
      at: now,
      canary: track === "primary" ? canary : totals.canary,
      primary: track === "canary" ? primary : totals.primary,
    });
  }

  latest(): Known {
    return this.known.at(-1) ?? { at: 0, canary: noCounts, primary: noCounts };
  }

  /** What came in the window. */
  since(from: number): Totals {
    const before = this.known[this.lastBy(from)];
    const now = this.latest();
    return {
      canary: countsSince(before?.canary ?? noCounts, now.canary),
      primary: countsSince(before?.primary ?? noCounts, now.primary),
    };
  }

  /** Nothing before this is asked for any more. */
  forget(before: number): void {
    const first = this.lastBy(before);
    if (first > 64) this.known = this.known.slice(first);
  }

  /** The index of the last that was known by then; -1 where none was. By halves: each look of an hour asks among thousands. */
  private lastBy(then: number): number {
    let [low, high] = [-1, this.known.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.known[middle]?.at ?? Infinity) <= then) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

export function plus(a: TrackCounts, b: TrackCounts): TrackCounts {
  return {
    requests: a.requests + b.requests,
    failures: a.failures + b.failures,
    clientErrors: a.clientErrors + b.clientErrors,
    slow: a.slow + b.slow,
    denied: a.denied + b.denied,
  };
}

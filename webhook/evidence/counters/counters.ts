/** Counters as they were last read. Kept in memory only: whoever takes over begins anew. */
import { eachOf, nobody, type SideCounts } from "../../../shared/core/analysis/user-requests.ts";

export interface Counters {
  /** By how much it has grown since it was last read. One that was never read counts whole, or not at all. */
  grow(key: string, now: SideCounts, options: { newCounts: boolean }): SideCounts;
  /** To be called after each reading. */
  settle(): void;
}

export function createCounters(): Counters {
  const known = new Map<string, SideCounts>();
  let read = 0;
  return {
    settle() {
      keepRecent(known, read);
      read = 0;
    },
    grow(key, now, { newCounts }) {
      const before = known.get(key) ?? (newCounts ? nobody : now);
      known.delete(key);
      known.set(key, now);
      read += 1;
      const more = eachOf((kind) => now[kind] - before[kind]);
      // One that shrank has restarted or dropped idle series: it counts again from here.
      return Object.values(more).some((value) => value < 0) ? nobody : more;
    },
  };
}

/**
 * Keeps those that were written last, twice as many as a reading has: what is missing for a moment is known when it is back, and names that
 * a Prometheus makes up anew each time do not fill the memory.
 */
export function keepRecent(known: Map<string, unknown>, inReading: number): void {
  const most = Math.max(fewestKept, 2 * inReading);
  for (const key of known.keys()) {
    if (known.size <= most) return;
    known.delete(key);
  }
}

const fewestKept = 200;

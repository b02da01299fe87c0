/** Counters as they were last read. Kept in memory only: whoever takes over begins anew. */
import { eachOf, nobody, type SideCounts } from "../../../shared/core/analysis/user-requests.ts";

export interface Counters {
  /** By how much it has grown since it was last read. One that was never read counts whole, or not at all. */
  grow(key: string, now: SideCounts, options: { newCounts: boolean }): SideCounts;
}

export function createCounters(): Counters {
  const known = new Map<string, SideCounts>();
  return {
    grow(key, now, { newCounts }) {
      const before = known.get(key) ?? (newCounts ? nobody : now);
      known.set(key, now);
      const more = eachOf((kind) => now[kind] - before[kind]);
      // One that shrank has restarted or dropped idle series: it counts again from here.
      return Object.values(more).some((value) => value < 0) ? nobody : more;
    },
  };
}

/**
 * Evidence between checks. It grows with every scrape, and to write a status each time would be several writes a second for a
 * hundred canaries; so it is kept here until the status has anything else to say, or for an interval. Whoever takes the lead
 * meanwhile goes on from what was written: a check's worth of evidence may be lost, and none is ever counted twice.
 */
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus } from "../../shared/core/objects/canary-status.ts";
import type { CanaryState, Comparison } from "../../shared/core/state.ts";
import { keyOf } from "../../shared/kube/store.ts";
import { sortedJson } from "../../shared/core/format/sorted-json.ts";

interface Kept {
  /** The evidence on which this one builds, as it was written, and whose. */
  base: string;
  comparison: Comparison;
  /** Since when it has not been written. */
  since: number;
}

export class UnsavedEvidence {
  private readonly kept = new Map<string, Kept>();

  /** `state` as it was read, with the evidence that came since it was written. */
  restore(canary: Canary, state: CanaryState): CanaryState {
    const kept = this.kept.get(keyOf(canary));
    if (!kept || !state.run || kept.base !== baseOf(canary)) return state;
    return { ...state, run: { ...state.run, comparison: kept.comparison } };
  }

  /** Whether nothing but evidence is new in `status`, and it is not old yet; then it is kept. */
  keeps(
    canary: Canary,
    { status, next, now, intervalMs }: { status: CanaryStatus; next: CanaryState; now: number; intervalMs: number },
  ): boolean {
    const key = keyOf(canary);
    const comparison = next.run?.comparison;
    const base = baseOf(canary);
    const before = this.kept.get(key);
    const since = before?.base === base ? before.since : now;
    const isNews = now - since >= intervalMs || withoutEvidence(status) !== withoutEvidence(canary.status);
    // Without any written yet, whoever takes over would not know where to begin.
    if (comparison === undefined || canary.status?.run?.comparison === undefined || isNews) {
      this.kept.delete(key);
      return false;
    }
    this.kept.set(key, { base, comparison, since });
    return true;
  }

  forget(key: string): void {
    this.kept.delete(key);
  }
}

// --- internal ---

function baseOf({ metadata, status }: Canary): string {
  return sortedJson([metadata.uid, status?.run?.id, status?.run?.comparison]);
}

function withoutEvidence(status: CanaryStatus | undefined): string {
  const { run, ...rest } = { ...status };
  const { comparison: _unsaved, ...others } = { comparison: undefined, ...run };
  return sortedJson([rest, run && others]);
}

/**
 * Evidence between checks, and when to look for the next. It grows with every scrape, and to write a status each time would be several
 * writes a second for a hundred canaries; so it is kept here until the status has anything else to say, or for an interval. Whoever takes the lead
 * meanwhile goes on from what was written: a check's worth of evidence may be lost, and none is ever counted twice.
 */
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus } from "../../shared/core/objects/canary-status.ts";
import type { CanaryState, Run } from "../../shared/core/state.ts";
import { optional } from "../../shared/core/format/compact.ts";
import { keyOf } from "../../shared/kube/store.ts";
import { sortedJson } from "../../shared/core/format/sorted-json.ts";

/** What a look may change without saying anything new. */
type Evidence = Pick<Run, "comparison" | "share" | "checkAt">;

interface Kept {
  /** The evidence on which this one builds, as it was written, and whose. */
  base: string;
  evidence: Evidence;
  /** Since when it has not been written. */
  since: number;
}

export class UnsavedEvidence {
  private readonly kept = new Map<string, Kept>();

  /** `state` as it was read, with the evidence that came since it was written. */
  restore(canary: Canary, state: CanaryState): CanaryState {
    const kept = this.kept.get(keyOf(canary));
    if (!kept || !state.run || kept.base !== baseOf(canary)) return state;
    const { comparison: _comparison, share: _share, checkAt: _checkAt, ...run } = state.run;
    return { ...state, run: { ...run, ...kept.evidence } };
  }

  /** Whether nothing but evidence is new in `status`, and it is not old yet; then it is kept. */
  keeps(
    canary: Canary,
    { status, next, now, intervalMs }: { status: CanaryStatus; next: CanaryState; now: number; intervalMs: number },
  ): boolean {
    const key = keyOf(canary);
    const { run } = next;
    const base = baseOf(canary);
    const before = this.kept.get(key);
    const since = before?.base === base ? before.since : now;
    const isNews = now - since >= intervalMs || withoutEvidence(status) !== withoutEvidence(canary.status);
    if (!run || isNews || beginsWith(run, canary)) {
      this.kept.delete(key);
      return false;
    }
    this.kept.set(key, { base, evidence: evidenceOf(run), since });
    return true;
  }

  forget(key: string): void {
    this.kept.delete(key);
  }
}

// --- internal ---

function baseOf({ metadata, status }: Canary): string {
  const { run } = { ...status };
  return sortedJson([metadata.uid, run?.id, run?.comparison, run?.share, run?.checkAt]);
}

/** Without any written yet, whoever takes over would not know where to begin. */
function beginsWith({ comparison }: Run, { status }: Canary): boolean {
  return comparison !== undefined && status?.run?.comparison === undefined;
}

function evidenceOf({ comparison, share, checkAt }: Run): Evidence {
  return { ...optional("comparison", comparison), ...optional("share", share), ...optional("checkAt", checkAt) };
}

function withoutEvidence(status: CanaryStatus | undefined): string {
  const { run, ...rest } = { ...status };
  if (!run) return sortedJson([rest]);
  const { comparison: _comparison, share: _share, checkAt: _checkAt, ...others } = run;
  return sortedJson([rest, others]);
}

/**
 * What looks between two checks bring: evidence, and the numbers of a run that waits. They change with every scrape, and to write a status
 * each time would be several writes a second for a hundred canaries; so they are kept here until the status has anything else to say, or
 * for an interval. Whoever takes the lead meanwhile goes on from what was written: a check's worth of evidence may be lost, and none is
 * ever counted twice.
 */
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus, CheckStatus } from "../../shared/core/objects/canary-status.ts";
import type { CanaryState, Run } from "../../shared/core/state.ts";
import { keyOf } from "../../shared/kube/store.ts";
import { sortedJson } from "../../shared/core/format/sorted-json.ts";

/** What a look may change in a run without saying anything new. */
const evidenceKeys = ["comparison", "share", "checkAt"] as const;
/** The same of the state around it. */
const numberKeys = ["checks", "tracks", "trend", "reason", "next"] as const;

interface Unsaved {
  run: Pick<Run, (typeof evidenceKeys)[number]>;
  numbers: Pick<CanaryState, (typeof numberKeys)[number]>;
}

interface Kept {
  /** The status on which this builds, as it was written, and whose. */
  base: string;
  unsaved: Unsaved;
  /** Since when it has not been written. */
  since: number;
}

export class UnsavedEvidence {
  private readonly kept = new Map<string, Kept>();

  /** `state` as it was read, with what came since it was written. */
  restore(canary: Canary, state: CanaryState): CanaryState {
    const kept = this.kept.get(keyOf(canary));
    if (!kept || !state.run || kept.base !== baseOf(canary)) return state;
    const { run, numbers } = kept.unsaved;
    return { ...without(state, numberKeys), ...numbers, run: { ...without(state.run, evidenceKeys), ...run } };
  }

  /** Whether `status` says nothing new, and what is unsaved is not old yet; then it is kept. */
  keeps(
    canary: Canary,
    { status, next, now, intervalMs }: { status: CanaryStatus; next: CanaryState; now: number; intervalMs: number },
  ): boolean {
    const key = keyOf(canary);
    const { run } = next;
    const base = baseOf(canary);
    const before = this.kept.get(key);
    const since = before?.base === base ? before.since : now;
    const isNews = now - since >= intervalMs || newsOf(status) !== newsOf(canary.status);
    if (!run || isNews || beginsWith(run, canary)) {
      this.kept.delete(key);
      return false;
    }
    const unsaved = { run: only(run, evidenceKeys), numbers: only(next, numberKeys) };
    this.kept.set(key, { base, unsaved, since });
    return true;
  }

  forget(key: string): void {
    this.kept.delete(key);
  }
}

// --- internal ---

function only<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]])) as Pick<T, K>;
}

function without<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Omit<T, K> {
  const left = new Set<PropertyKey>(keys);
  return Object.fromEntries(Object.entries(from).filter(([key]) => !left.has(key))) as Omit<T, K>;
}

const baseOf = ({ metadata, status }: Canary): string => sortedJson([metadata.uid, status ?? {}]);

/** Without any written yet, whoever takes over would not know where to begin. */
function beginsWith({ comparison }: Run, { status }: Canary): boolean {
  return comparison !== undefined && status?.run?.comparison === undefined;
}

/** What of a status is worth a write by itself. */
function newsOf({ run, ...status }: CanaryStatus = {}): string {
  if (!run) return sortedJson([status]);
  const { checks = [], reason = "", next = "", conditions = [], ...others } = without(status, ["tracks", "trend"]);
  // While a run waits, its words are said anew at each look (the primary has got more requests, a deadline is nearer): the codes tell.
  const words = run.hold === undefined ? [reason, next] : [];
  const found = [checks.map(findingOf), conditions.map(({ type, status: truth, reason: why }) => [type, truth, why])];
  return sortedJson([others, without(run, evidenceKeys), words, found]);
}

const findingOf = ({ metric, outcome, code, failures }: CheckStatus): (string | number | undefined)[] => [
  ...[metric, outcome, code, failures],
];

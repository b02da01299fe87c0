/**
 * The fast way back: a version that was promoted before, and is older than stable, may go out again at once. It is the target's own
 * rolling update at weight 0; nothing is judged, for exactly this template was.
 */
import { optional } from "../format/compact.ts";
import type { Observation, Target } from "../observation.ts";
import type { CanaryState, Run, Version } from "../state.ts";
import { draft, formatChange, formatImages, fullName, type Draft, type Turn } from "../turn/turn.ts";
import { event } from "../turn/event-messages.ts";
import { freshRun, withoutNumbers } from "./start.ts";

type WayBack = NonNullable<Run["back"]>;

/** `reasonCode` while the target rolls to what was stable before, and no canary carries anything. */
export const goingBack = "going-back";

/** A version that was stable under this Canary and is not any more. */
export interface PastVersion {
  hash: string;
  /** The run that promoted it; or the one that took its place, where it ran before the first canary. */
  run: string;
  isPromoted: boolean;
  /** When another version took its place, ms. */
  until: number;
}

/** Undefined where `intent` has to be judged: by the window of the Canary's `analysis`, and by what has become of it since. */
export function withinWindow({ state, seen, policy }: Turn, intent: string): WayBack | undefined {
  const { rollbackWindow: window } = policy;
  if (!window || !state.stable || mayLeaveNobody(seen)) return undefined;
  const older = olderThan(state.stable, state.history);
  const index = older.findIndex(({ hash }) => hash === intent);
  const found = older[index];
  if (!found || index >= (window.versions ?? Infinity)) return undefined;
  const ageMs = seen.now - found.until;
  if (ageMs > (window.durationMs ?? Infinity) || isDoubted(intent, state.history)) return undefined;
  const cause = `it went out again at once: run ${found.run} had promoted it (analysis.rollbackWindow)`;
  return { how: "window", run: found.run, cause };
}

/** What was stable here once, by a promotion or before the first canary; undefined where it never was, or was rejected since. */
export function pastVersion({ history }: Pick<CanaryState, "history">, intent: string): PastVersion | undefined {
  if (hasFailedSince(intent, history)) return undefined;
  const promoted = promotions(history).find((entry) => entry.intent === intent);
  if (promoted) return versionOf(promoted, history);
  const replacing = promotions(history).findLast(({ before }) => before?.hash === intent);
  return replacing && { hash: intent, run: replacing.run, isPromoted: false, until: replacing.endedAt };
}

/** Without a canary's pods nobody would serve while the target rolls; where nobody serves anyway it may. */
export function mayLeaveNobody({ target, endpoints }: Observation): boolean {
  return target?.mayLeaveNobody === true && endpoints.primary.ready > 0;
}

/** A run that goes straight to the promotion. `number` counts all of this Canary's. */
export function goBack(turn: Turn, target: Target, back: WayBack, number: number): Draft {
  const { state, seen } = turn;
  const { run } = freshRun(target, state.stable, { runs: number, now: seen.now });
  const going: Run = { ...run, stage: "promoting", back };
  const change = formatChange(target.images, state.stable);
  const said = `Going back to ${formatImages(target.images)} in ${fullName(seen)} at once: run ${back.run} had promoted it`;
  return draft(
    { ...turn, state: withoutNumbers(state) },
    {
      phase: "Promoting",
      weight: 0,
      failedChecks: 0,
      checks: [],
      run: going,
      runs: number,
      reason: `${change} asked for by ${target.requestedBy} was promoted before (run ${back.run}) and is within analysis.rollbackWindow: it goes out at once, without a canary.`,
      reasonCode: goingBack,
      next: "the run ends when every pod of it is new and ready",
    },
    { events: [event.normal(said)] },
  );
}

/** What the history keeps of a run's end beside its outcome. */
export function remembered({ back }: Run, stable: Version | undefined): { back?: true; before?: Version } {
  return { ...(back ? { back: true } : {}), ...optional("before", stable) };
}

// --- internal ---

type Entry = CanaryState["history"][number];
type Promotion = Entry & { intent: string };

/** Newest first. */
function promotions(history: readonly Entry[]): Promotion[] {
  return history.filter((entry): entry is Promotion => entry.outcome === "promoted" && entry.intent !== undefined);
}

/** A run that went back judged nothing, so it makes no version newer. */
function firstJudged(intent: string, history: readonly Entry[]): Promotion | undefined {
  return promotions(history).findLast((entry) => entry.intent === intent && entry.back !== true);
}

/** Newest first: each version that a canary got through before the stable one, which must have been judged itself. */
function olderThan(stable: Version, history: readonly Entry[]): PastVersion[] {
  const since = firstJudged(stable.hash, history)?.endedAt ?? -Infinity;
  const intents = [...new Set(promotions(history).map(({ intent }) => intent))];
  return intents
    .flatMap((intent) => firstJudged(intent, history) ?? [])
    .filter(({ endedAt }) => endedAt < since)
    .sort((a, b) => b.endedAt - a.endedAt)
    .map((entry) => versionOf(entry, history));
}

function versionOf({ intent }: Promotion, history: readonly Entry[]): PastVersion {
  const all = promotions(history);
  const last = all.findIndex((entry) => entry.intent === intent);
  const { run } = firstJudged(intent, history) ?? all[last]!;
  return { hash: intent, run, isPromoted: true, until: (all[last - 1] ?? all[last]!).endedAt };
}

function hasFailedSince(intent: string, history: readonly Entry[]): boolean {
  const last = history.find((entry) => entry.intent === intent && ["promoted", "rejected"].includes(entry.outcome));
  return last?.outcome === "rejected";
}

const isDoubted = (intent: string, history: readonly Entry[]): boolean =>
  hasFailedSince(intent, history) || wasLeft(intent, history);

/** An earlier version took its place: whoever went back from it had a reason, which no check knew. */
function wasLeft(intent: string, history: readonly Entry[]): boolean {
  const judgedAt = (version: string): number => firstJudged(version, history)?.endedAt ?? Infinity;
  const last = promotions(history).find(
    (entry) =>
      (entry.intent === intent && entry.back !== true) ||
      (entry.before?.hash === intent && judgedAt(entry.intent) < judgedAt(intent)),
  );
  return last !== undefined && last.intent !== intent;
}

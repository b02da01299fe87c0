/** Configuration that changes in place: it becomes another intent of the target by a mark on its template, and a run like any other. */
import { changedConfigs, configWarnings, trackConfigs, wantedMark } from "../config/tracking.ts";
import { optional } from "../format/compact.ts";
import type { Action } from "../action.ts";
import type { Observation, Target } from "../observation.ts";
import type { CanaryState } from "../state.ts";

/** With what is known now; without it where nothing is tracked. */
export function withConfigs(next: CanaryState, { configs: seen, target }: Observation): CanaryState {
  if (seen === undefined || !next.stable || !target) return next;
  const { configs: before, ...rest } = next;
  if (seen === null)
    return { ...rest, ...optional("configs", isLeftMarked(next, target) ? unfollowed(before) : undefined) };
  const isSettled = !next.run && target.intent === next.stable.hash;
  return { ...rest, ...optional("configs", trackConfigs(before, seen, isSettled)) };
}

export function configMarking(next: CanaryState, { configs: seen, target }: Observation): Action[] {
  const { configs } = next;
  if (!configs || !target || !mayBeMarked(next, target)) return [];
  if (seen === null) return [{ kind: "markConfigs", ...optional("mark", configs.mark), changed: "" }];
  if (seen?.key !== configs.key) return [];
  const mark = wantedMark(configs);
  if (mark === seen.mark) return [];
  return [{ kind: "markConfigs", ...optional("mark", mark), changed: changedConfigs(configs) }];
}

/** What the user should know of it while it lasts. */
export function configNotes({ configs }: CanaryState, { configs: seen }: Observation): string[] {
  return configs && seen ? configWarnings(configs, seen) : [];
}

// --- internal ---

/** The target is held with a mark that nobody follows any more: no data that is put back would ever take it off. */
function isLeftMarked({ configs, stable, run }: CanaryState, target: Target): boolean {
  if (!configs || (!run && target.intent === stable?.hash)) return false;
  return target.configMark !== configs.mark;
}

/** Only what is needed to put stable's mark back. */
function unfollowed(configs: CanaryState["configs"]): CanaryState["configs"] {
  return configs && { key: configs.key, tracked: configs.tracked, ...optional("mark", configs.mark) };
}

/** Never while a version is being promoted, taken back or wound up, and never over a change that someone let past the canary. */
function mayBeMarked({ run, unvetted }: CanaryState, target: Target): boolean {
  if (!target.optedIn || target.bypass || target.promoting !== undefined || unvetted) return false;
  return !run || ((run.stage === "scaling" || run.stage === "analysing") && !run.ending);
}

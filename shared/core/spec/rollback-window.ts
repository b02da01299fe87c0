/** `analysis.rollbackWindow`: which earlier versions may go out again at once. Off unless given. */
import { optional } from "../format/compact.ts";
import { parseDuration } from "../format/duration.ts";
import type { AnalysisSpec } from "../objects/canary.ts";

/** A version must be within each of those that are given. */
export interface RollbackWindow {
  /** How many of the versions that were promoted before stable, newest first. */
  versions?: number;
  /** Since another version took its place. */
  durationMs?: number;
}

/** As many as a history is sure to remember beside stable. */
const mostVersions = 19;
const path = "spec.analysis.rollbackWindow";

export function rollbackWindowOf({ rollbackWindow: window }: AnalysisSpec): RollbackWindow | undefined {
  if (!window) return undefined;
  const { versions, duration } = window;
  return {
    ...optional("versions", versions),
    ...optional("durationMs", duration === undefined ? undefined : parseDuration(duration)),
  };
}

export function checkRollbackWindow({ rollbackWindow: window }: AnalysisSpec, add: Add): void {
  if (!window) return;
  const { versions, duration } = window;
  if (versions === undefined && duration === undefined)
    add(path, "needs versions, duration or both: how far back may a version go out at once?");
  if (versions !== undefined && !isCount(versions))
    add(`${path}.versions`, `${JSON.stringify(versions)} is not a whole number from 1 to ${mostVersions}`);
  if (duration !== undefined && !(parseDuration(duration) ?? 0))
    add(`${path}.duration`, `${JSON.stringify(duration)} is not a duration such as 24h`);
}

// --- internal ---

type Add = (path: string, message: string) => void;

const isCount = (versions: number): boolean => Number.isInteger(versions) && versions >= 1 && versions <= mostVersions;

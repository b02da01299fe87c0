/** `analysis.keepFailedCanary`: for how long the pods of a rejected canary stay, at weight 0. Off unless given. */
import { parseDuration } from "../format/duration.ts";
import type { AnalysisSpec } from "../objects/canary.ts";

/** They count in quotas, and on nodes. */
const longestMs = 86_400_000;
const path = "spec.analysis.keepFailedCanary";

export function keepFailedMsOf({ keepFailedCanary: text }: AnalysisSpec): number | undefined {
  return (text === undefined ? undefined : parseDuration(text)) || undefined;
}

export function checkKeepFailed(
  { keepFailedCanary: text }: AnalysisSpec,
  add: (path: string, message: string) => void,
): void {
  if (text === undefined) return;
  const ms = parseDuration(text);
  if (ms === undefined) add(path, `${JSON.stringify(text)} is not a duration such as 10m or 2h`);
  else if (ms > longestMs) add(path, `${JSON.stringify(text)} is above 24h`);
}

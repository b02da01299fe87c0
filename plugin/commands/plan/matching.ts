/** How many of users' requests an A/B test's canary gets: as a person says, or as an A/B run of this Canary has measured it. */
import { formatDuration } from "../../../shared/core/format/duration.ts";
import { sortedJson } from "../../../shared/core/format/sorted-json.ts";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { Policy } from "../../../shared/core/spec/policy.ts";
import { matchedPercent } from "../../../shared/core/analysis/traffic-share.ts";
import { exitCode } from "../../context.ts";
import { Refusal } from "../../errors.ts";

export interface MatchingView {
  /** Of users' requests. */
  percent: number;
  /** The run that has measured it; null where a person gave it. */
  run: string | null;
}

/** Null where the Canary is no A/B test. Throws a refusal that names `--matching` where nobody can say. */
export function matchingOf(canary: Canary, policy: Policy, given: number | undefined): MatchingView | null {
  const { strategy } = policy;
  if (strategy.kind !== "ab-testing") {
    if (given === undefined) return null;
    throw new Refusal(
      "--matching is for an A/B test (spec.analysis.match with iterations): by this Canary every user's request may get the new version.",
      exitCode.usage,
    );
  }
  const found = given === undefined ? measured(canary, strategy.matches) : { percent: given, run: null };
  if (found) return found;
  const { weights, intervalMs } = policy;
  throw new Refusal(
    `How many requests match spec.analysis.match is not known before an A/B run of this Canary has had 100 requests, and what a version costs depends on it. Its run takes ${formatDuration(weights.length * intervalMs)} at least. Say how many percent will match: --matching 5`,
    exitCode.error,
  );
}

// --- internal ---

/** By the run under way if it is for those who match now, else by the last one that knows. */
function measured({ status = {} }: Canary, matches: unknown): MatchingView | undefined {
  const { run, history = [] } = status;
  const isSame = run?.only !== undefined && sortedJson(run.only) === sortedJson(matches);
  const known = [
    ...(run && isSame ? [{ percent: matchedPercent(run) ?? 0, run: run.id }] : []),
    ...history.map((entry) => ({ percent: entry.matchedPercent ?? 0, run: entry.run })),
  ];
  return known.find(({ percent }) => percent > 0);
}

/** How often each metric that is counted by itself has failed in a run: one with a limit of its own, or a dry run. */
import type { CheckStatus } from "../objects/canary-status.ts";
import type { Run } from "../state.ts";
import type { RunTurn } from "./turn.ts";

/** `checks` have come to an end, and each of them that failed counts: in the run, and in the checks that are shown. */
export function tallied(turn: RunTurn, checks: readonly CheckStatus[]): RunTurn {
  const failed = checks.filter((check) => isCounted(check) && check.outcome === "fail").map(({ metric }) => metric);
  const before = turn.run.metricFailures ?? {};
  const more = [...new Set(failed)].map((metric) => [metric, (timesOf(metric, before) ?? 0) + 1] as const);
  const run =
    more.length === 0 ? turn.run : { ...turn.run, metricFailures: { ...before, ...Object.fromEntries(more) } };
  return { ...turn, run, state: { ...turn.state, run, checks: withFailures(checks, run) } };
}

/** `checks` with how often each has failed in this run, where that is counted. */
export function withFailures(checks: readonly CheckStatus[], { metricFailures = {} }: Run): CheckStatus[] {
  return checks.map((check) => {
    const failures = timesOf(check.metric, metricFailures);
    return failures === undefined || !isCounted(check) ? check : { ...check, failures };
  });
}

/** All of them together. */
export function failuresIn({ metricFailures = {} }: Pick<Run, "metricFailures"> = {}): number {
  return Object.values(metricFailures).reduce((sum, failures) => sum + failures, 0);
}

// --- internal ---

/** A metric may be called as its user likes, `constructor` too. */
const timesOf = (metric: string, failures: Record<string, number>): number | undefined =>
  Object.hasOwn(failures, metric) ? failures[metric] : undefined;

const isCounted = ({ failureLimit, dryRun }: CheckStatus): boolean => failureLimit !== undefined || dryRun === true;

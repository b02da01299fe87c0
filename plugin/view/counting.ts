/** What is said behind the outcome of a check that is counted by itself, or not at all. */
import type { CheckStatus } from "../../shared/core/objects/canary-status.ts";

/** ` (dry run)`, ` (dry run, 2 failed)`, ` (2 of 3 allowed)`, or nothing. */
export function countingText({ dryRun, failureLimit, failures = 0 }: CheckStatus): string {
  if (dryRun) return failures === 0 ? " (dry run)" : ` (dry run, ${failures} failed)`;
  return failureLimit === undefined || failures === 0 ? "" : ` (${failures} of ${failureLimit} allowed)`;
}

/** What a list of checks comes to. A dry run is measured and shown, and decides nothing. */
import type { CheckStatus, Outcome } from "../objects/canary-status.ts";

/** Of metrics, or of their checks, those that are no dry run. */
export function deciding<T extends { dryRun?: boolean }>(all: readonly T[]): T[] {
  return all.filter(({ dryRun }) => dryRun !== true);
}

/** Verdict of all checks together. No checks at all are no evidence. */
export function verdict(checks: readonly CheckStatus[]): Outcome {
  return decisive(checks)?.outcome ?? "no-evidence";
}

/** The check that decides the verdict, whose message is the reason to give. */
export function decisive(checks: readonly CheckStatus[]): CheckStatus | undefined {
  const order: readonly Outcome[] = ["fail", "cannot-ask", "no-evidence", "pass"];
  const found = deciding(checks);
  for (const outcome of order) {
    const check = found.find((one) => one.outcome === outcome);
    if (check !== undefined) return check;
  }
  return undefined;
}

/** Terms short enough for a test; the proportions are the real ones. */
import type { ElectionOptions } from "../../webhook/runtime/election.ts";

export const leaseNamespace = "default";
export const leaseDurationMs = 2_000;
export const retryPeriodMs = 300;

export const candidateOptions = (identity: string, name = "test-leader"): ElectionOptions => ({
  namespace: leaseNamespace,
  name,
  identity,
  leaseDurationMs,
  renewDeadlineMs: 1_300,
  retryPeriodMs,
});

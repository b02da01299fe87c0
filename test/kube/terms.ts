/** Terms short enough for a test, and long enough for a machine that has little time for it; the proportions are the real ones. */
import type { ElectionOptions } from "../../webhook/runtime/election.ts";

export const leaseNamespace = "default";
export const leaseDurationMs = 8_000;
export const retryPeriodMs = 1_200;
export const renewDeadlineMs = 5_200;

export const candidateOptions = (identity: string, name = "test-leader"): ElectionOptions => ({
  namespace: leaseNamespace,
  name,
  identity,
  leaseDurationMs,
  renewDeadlineMs,
  retryPeriodMs,
});

/** Checks of any outcome, and how often metrics that are counted by themselves have failed. */
import fc from "fast-check";
import { aCheck } from "../builders.ts";

/** Some of one metric have a limit of their own, or decide nothing. */
export const anyChecks = fc.array(
  fc
    .tuple(
      fc.constantFrom("pass", "fail", "no-evidence", "cannot-ask"),
      fc.constantFrom({}, {}, { failureLimit: 0 }, { failureLimit: 2 }, { dryRun: true as const }),
    )
    .map(([outcome, counting]) => aCheck({ outcome, ...counting })),
  { minLength: 1, maxLength: 2 },
);

export const anyFailures = fc.record({ "request-success-rate": fc.nat({ max: 3 }) });

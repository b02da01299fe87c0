/** What tracks got, and what the comparison has made of it and is told to make of it, for property tests. */
import fc from "fast-check";
import { noBlocks, type SequentialState } from "../../shared/core/analysis/sequential-test.ts";
import type { TrackCounts } from "../../shared/core/analysis/track-counts.ts";
import type { ComparisonPolicy } from "../../shared/core/spec/analysis-settings.ts";
import type { Comparison, Run } from "../../shared/core/state.ts";
import { start } from "../builders.ts";

const part = fc.constantFrom(0, 0.01, 1);

export const counts = fc
  .tuple(fc.constantFrom(0, 5, 1_000), fc.tuple(part, part, part, part))
  .map(([requests, parts]): TrackCounts => {
    const [failures, clientErrors, slow, denied] = parts.map((share) => Math.round(requests * share));
    return { requests, failures: failures!, clientErrors: clientErrors!, slow: slow!, denied: denied! };
  });

const absent = { nil: undefined };
const aTest: fc.Arbitrary<SequentialState> = counts.map(({ requests, failures }) => ({
  ...noBlocks(),
  canary: { requests, failures },
}));

export const anyComparison: fc.Arbitrary<Comparison> = fc
  .record({
    read: fc.record({ epoch: fc.constant(start - 60_000), canary: counts, primary: counts }),
    slow: fc.option(aTest, absent),
    clientErrors: fc.option(aTest, absent),
  })
  .map(({ read, slow, clientErrors }) => ({
    ...noBlocks(),
    read,
    ...(slow ? { slow: { ...slow, boundMs: 500 } } : {}),
    ...(clientErrors ? { clientErrors } : {}),
  }));

export const anyClientErrors = fc.constantFrom<NonNullable<Run["clientErrors"]>[]>(
  { cause: "4xx" },
  { cause: "4xx", acceptedBy: "bob" },
);

export const anyComparisonPolicy: fc.Arbitrary<ComparisonPolicy> = fc
  .record({
    mode: fc.constantFrom<ComparisonPolicy["mode"][]>("off", "withinLimits", "always"),
    alpha: fc.constantFrom(0.01, 0.5),
    marginPercent: fc.constantFrom(0, 1),
    action: fc.constantFrom<("hold" | "rollback" | undefined)[]>("hold", "rollback", undefined),
    boundMs: fc.constantFrom<(number | undefined)[]>(500, 1_000, undefined),
  })
  .map(({ action, boundMs, ...policy }) => ({
    ...policy,
    ...(action ? { clientErrors: { action, marginPercent: 5 } } : {}),
    ...(boundMs ? { slow: { maxMs: boundMs, boundMs } } : {}),
  }));

export const anyShare = fc.record({
  movedAt: fc.constantFrom(-60_000, -10_000, -1, 0, 1).map((ms) => start + ms),
  epoch: fc.nat({ max: 3 }),
  from: fc.record({ canary: fc.nat({ max: 100 }), primary: fc.nat({ max: 100 }) }),
  canary: fc.nat({ max: 100 }),
  all: fc.nat({ max: 200 }),
});

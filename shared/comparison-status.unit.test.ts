import { expect, it } from "vitest";
import { someCounts } from "../test/builders.ts";
import { parseComparison, printComparison } from "./comparison-status.ts";
import type { Comparison } from "./core/state.ts";
import type { ComparisonStatus } from "./core/objects/canary-status.ts";

const logEvidence = [0.1, 0.2, 0.3, 0.4, 0.5];
const test = (requests: number, failures: number) => ({
  logEvidence,
  canary: { requests, failures },
  primary: { requests: 9 * requests, failures: 0 },
});

it("is read as it was written, each test's counts under what they are", () => {
  const comparison: Comparison = {
    ...test(50, 1),
    read: {
      epoch: 7,
      canary: someCounts({ requests: 50, clientErrors: 3 }),
      primary: someCounts({ requests: 450 }),
      warmup: { canary: someCounts({ slow: 2 }), primary: someCounts() },
    },
    warmup: test(5, 5),
    clientErrors: test(50, 3),
    slow: { ...test(40, 2), boundMs: 500 },
    denied: test(50, 0),
  };
  const status = printComparison(comparison);
  expect(status.clientErrors?.canary).toEqual({ requests: 50, clientErrors: 3 });
  expect(status.slow).toMatchObject({ boundMs: 500, canary: { requests: 40, slow: 2 } });
  expect(parseComparison(JSON.parse(JSON.stringify(status)) as ComparisonStatus)).toEqual(comparison);
});

/** As version 0.1.0 wrote it. */
const earlier: ComparisonStatus = {
  evidence: 12.5,
  ...test(50, 1),
  read: { epoch: 7, canary: { requests: 60, failures: 1 }, primary: { requests: 540, failures: 0 } },
  warmup: test(5, 5),
};

it("of an earlier version goes on with what it had learnt, and counts the rest from now on", () => {
  const comparison = parseComparison(earlier);
  expect(comparison).toMatchObject({ ...test(50, 1), warmup: test(5, 5) });
  expect(comparison.read.canary).toEqual(someCounts({ requests: 60, failures: 1 }));
  expect(comparison.clientErrors).toBeUndefined();
});

it("with the evidence of other alternatives begins anew in that test alone", () => {
  const { canary, primary } = test(50, 3);
  const comparison = parseComparison({
    ...earlier,
    clientErrors: {
      evidence: 1,
      logEvidence: [0],
      canary: { requests: canary.requests, clientErrors: 3 },
      primary: { requests: primary.requests, clientErrors: 0 },
    },
  });
  expect(comparison.logEvidence).toEqual(logEvidence);
  expect(comparison.clientErrors).toMatchObject({ logEvidence: [0, 0, 0, 0, 0], canary: { requests: 0 } });
});

it("shows a million where the evidence is endless", () => {
  const { read } = parseComparison(earlier);
  expect(printComparison({ ...test(1, 1), logEvidence: [9_999, 0, 0, 0, 0], read }).evidence).toBe(1e6);
});

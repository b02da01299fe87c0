/**
 * The tests of a run: what each counts as bad, by how much more of it than the primary the canary may have, and which part of the run's
 * alpha it spends. By the union bound all of them together err with probability alpha at most.
 */
import type { JudgingPolicy } from "./analysis-settings.ts";
import type { Counts } from "../analysis/sequential-test.ts";
import type { TrackCounts } from "../analysis/track-counts.ts";

/** `warmup` is about the failures of pods that warm up. Those named first give the cause where several convict at once. */
export const testKinds = ["denied", "failures", "warmup", "slow", "clientErrors"] as const;
export type TestKind = (typeof testKinds)[number];

export interface RunTest {
  kind: TestKind;
  /** Its part of the run's alpha: it convicts at evidence 1/alpha. */
  alpha: number;
  /** Percent of requests by which the canary may have more than the primary. */
  marginPercent: number;
  /** What a conviction leads to. */
  action: "rollback" | "hold";
}

/**
 * The tests that are on, each with its part of alpha. Failures are what users suffer from most and what comes in the smallest shares, so
 * that test has most of it. The part of a test that is off is not spent: so no test's numbers depend on another's settings.
 */
export function testsOf({ comparison, warmupMs }: Pick<JudgingPolicy, "comparison" | "warmupMs">): RunTest[] {
  const { mode, alpha, marginPercent, clientErrors, slow } = comparison;
  const test = (kind: TestKind, margin: number, action: RunTest["action"] = "rollback"): RunTest => {
    const isShared = warmupMs > 0 && (kind === "failures" || kind === "warmup");
    return { kind, alpha: alpha * parts[kind] * (isShared ? 0.5 : 1), marginPercent: margin, action };
  };
  const on = [test("denied", deniedMarginPercent)];
  if (mode === "off") return on;
  if (marginPercent !== undefined) on.push(test("failures", marginPercent));
  if (marginPercent !== undefined && warmupMs > 0)
    on.push(test("warmup", Math.max(warmupMarginPercent, marginPercent)));
  if (slow?.boundMs !== undefined) on.push(test("slow", slowMarginPercent));
  if (clientErrors) on.push(test("clientErrors", clientErrors.marginPercent, clientErrors.action));
  return on;
}

/** What the test is about, as the sequential test counts it. */
export function countsFor(kind: TestKind, counts: TrackCounts): Counts {
  const { requests } = counts;
  return { requests, failures: counts[kind === "warmup" ? "failures" : kind] };
}

/** A limit of the 99th percentile leaves one request in a hundred. */
export const slowMarginPercent = 1;

/** What policy refuses it mostly refuses always, so that little has to be forgiven. */
export const deniedMarginPercent = 1;

/** Warming up excuses much, but not that a pod which says it is ready fails most of what it gets. */
export const warmupMarginPercent = 50;

// --- internal ---

/** Parts of alpha, 1 in all; failures and warm-up share theirs where there is a warm-up. */
const parts: Record<TestKind, number> = { failures: 0.8, warmup: 0.8, slow: 0.1, clientErrors: 0.08, denied: 0.02 };

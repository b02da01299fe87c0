/**
 * How a run comes to its steps: by weight (Flagger's canary), or by iterations, which are checks in a row at one weight. Read once
 * from the spec, with every fault named.
 */
import type { AnalysisSpec } from "../objects/canary.ts";
import { quoted } from "./references.ts";

/** By the names that Flagger's metrics have for them. */
export type Strategy = { kind: "canary" } | { kind: "blue-green" };

export interface StrategyPolicy {
  strategy: Strategy;
  /** Canary weights of the steps in order, each 0..100, never falling. 0: an iteration of Blue/Green, before any user. */
  weights: number[];
}

/** More checks than anyone waits for; each is a step of the run. */
export const mostIterations = 1_000;

type Add = (path: string, message: string) => void;

export function strategyOf(analysis: AnalysisSpec): StrategyPolicy {
  const kind = analysis.iterations === undefined ? "canary" : "blue-green";
  return { strategy: { kind }, weights: weightsOf(analysis) };
}

/**
 * The steps' weights. A `maxWeight` that is no multiple of `stepWeight` ends at `maxWeight` exactly: a limit the user wrote
 * is not stepped over (Flagger overshoots it).
 */
export function weightsOf(analysis: AnalysisSpec): number[] {
  if (analysis.iterations !== undefined) return switched(analysis.iterations);
  if (analysis.stepWeights?.length) return [...analysis.stepWeights];
  const step = analysis.stepWeight ?? 0;
  const max = analysis.maxWeight ?? 100;
  if (step < 1) return [];
  const weights: number[] = [];
  for (let weight = step; weight < max; weight += step) weights.push(weight);
  return [...weights, max];
}

export function checkStrategy(analysis: AnalysisSpec, add: Add): void {
  const given = (["stepWeight", "stepWeights", "iterations"] as const).filter((key) => analysis[key] !== undefined);
  if (given.length === 0)
    add("spec.analysis", "needs stepWeight or stepWeights (or iterations): how fast does the canary get traffic?");
  if (given.length > 1) add("spec.analysis", `${given.join(" and ")} exclude each other: keep one`);
  const { threshold, iterations } = analysis;
  if (threshold !== undefined && !(Number.isInteger(threshold) && threshold >= 0))
    add("spec.analysis.threshold", `${quoted(threshold)} is not a whole number of failed checks`);
  if (iterations !== undefined && !inRange(iterations, 1, mostIterations))
    add(
      "spec.analysis.iterations",
      `${quoted(iterations)} is not a whole number of checks from 1 to ${mostIterations}`,
    );
  checkWeights(analysis, add);
}

// --- internal ---

/** So many checks before any user, and then everybody. */
function switched(iterations: number): number[] {
  const count = inRange(iterations, 1, mostIterations) ? iterations : 0;
  return [...Array.from({ length: count }, () => 0), 100];
}

const percentages = [
  "stepWeight",
  "maxWeight",
  "stepWeightPromotion",
  "primaryReadyThreshold",
  "canaryReadyThreshold",
] as const;

function checkWeights(analysis: AnalysisSpec, add: Add): void {
  for (const key of percentages) {
    const value = analysis[key];
    if (value !== undefined && !inRange(value, 1, 100))
      add(`spec.analysis.${key}`, `${quoted(value)} is not a percentage from 1 to 100`);
  }
  const steps = analysis.stepWeights ?? [];
  if (analysis.stepWeights !== undefined && steps.length === 0) add("spec.analysis.stepWeights", "is empty");
  steps.forEach((weight, index) => {
    const path = `spec.analysis.stepWeights[${index}]`;
    if (!inRange(weight, 1, 100)) add(path, `${quoted(weight)} is not a percentage from 1 to 100`);
    const before = steps[index - 1];
    if (before !== undefined && weight <= before) add(path, `${weight} does not rise above ${before}: steps go up`);
  });
}

function inRange(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

/**
 * How a run comes to its steps: by weight (Flagger's canary), or by iterations, which are checks in a row at one weight. Read once
 * from the spec, with every fault named.
 */
import type { AnalysisSpec } from "../objects/canary.ts";
import { optional } from "../format/compact.ts";
import type { RequestMatch } from "../objects/routing/rules.ts";
import { affinityOf, checkAffinity, type AffinityPolicy } from "./affinity.ts";
import { quoted } from "./references.ts";
import { checkMatches, checkName, matchesOf } from "./request-match.ts";

/** By the names that Flagger's metrics have for them. */
export type Strategy =
  | { kind: "canary" }
  | { kind: "blue-green" }
  /** Requests that match get the canary, all others stable. */
  | { kind: "ab-testing"; matches: RequestMatch[] };

export interface StrategyPolicy {
  strategy: Strategy;
  /** Canary weights of the steps in order, each 0..100, never falling. 0: an iteration of Blue/Green, before any user. Of an A/B test: of the requests that match. */
  weights: number[];
  /** Requests that get the canary whatever the weight. */
  preview?: RequestMatch;
  affinity?: AffinityPolicy;
}

/** More checks than anyone waits for; each is a step of the run. */
export const mostIterations = 1_000;

type Add = (path: string, message: string) => void;

export function strategyOf(analysis: AnalysisSpec): StrategyPolicy {
  const { iterations, match, preview, sessionAffinity } = analysis;
  const byIterations: Strategy = match?.length
    ? { kind: "ab-testing", matches: matchesOf(match) }
    : { kind: "blue-green" };
  return {
    strategy: iterations === undefined ? { kind: "canary" } : byIterations,
    weights: weightsOf(analysis),
    ...optional("preview", preview && previewOf(preview)),
    ...optional("affinity", sessionAffinity && affinityOf(sessionAffinity)),
  };
}

/**
 * The steps' weights. A `maxWeight` that is no multiple of `stepWeight` ends at `maxWeight` exactly: a limit the user wrote
 * is not stepped over (Flagger overshoots it). None where one of the two is no percentage: a step is made for each, so that a limit of a
 * thousand million would take all memory there is.
 */
export function weightsOf(analysis: AnalysisSpec): number[] {
  if (analysis.iterations !== undefined) return iterated(analysis);
  if (analysis.stepWeights?.length) return [...analysis.stepWeights];
  const { stepWeight: step = 0, maxWeight: max = 100 } = analysis;
  if (!isPercentage(step) || !isPercentage(max)) return [];
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
  checkRouting(analysis, add);
}

// --- internal ---

/** Blue/Green: the number of checks before any user; then everybody. A/B: the number of checks while those who match have it. */
function iterated({ iterations = 0, match = [] }: AnalysisSpec): number[] {
  const count = inRange(iterations, 1, mostIterations) ? iterations : 0;
  return match.length > 0 ? Array.from({ length: count }, () => 100) : [...Array.from({ length: count }, () => 0), 100];
}

function previewOf({ header: { name = "", value = "" } = {} }: NonNullable<AnalysisSpec["preview"]>): RequestMatch {
  return { headers: [{ name, type: "Exact", value }] };
}

/** What goes together only in appearance is refused: nothing is left out in silence. */
function checkRouting(analysis: AnalysisSpec, add: Add): void {
  const { match = [], iterations, preview, sessionAffinity } = analysis;
  if (match.length > 0) {
    checkMatches(match, add);
    if (iterations === undefined)
      add(
        "spec.analysis.match",
        "goes with iterations: who matches gets the canary for that number of checks, and weights are for all users",
      );
  }
  if (preview) checkPreview(preview, add);
  if (!sessionAffinity) return;
  checkAffinity(sessionAffinity, add);
  if (iterations !== undefined)
    add(
      "spec.analysis.sessionAffinity",
      "goes with weights: by iterations nobody changes tracks, for all users are switched over at once or chosen by match",
    );
}

function checkPreview({ header }: NonNullable<AnalysisSpec["preview"]>, add: Add): void {
  const path = "spec.analysis.preview.header";
  if (!header?.name || !header.value) return add(path, "needs a name and a value, such as x-canary: preview");
  checkName(header.name, `${path}.name`, add);
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
    if (value !== undefined && !isPercentage(value))
      add(`spec.analysis.${key}`, `${quoted(value)} is not a percentage from 1 to 100`);
  }
  const steps = analysis.stepWeights ?? [];
  if (analysis.stepWeights !== undefined && steps.length === 0) add("spec.analysis.stepWeights", "is empty");
  steps.forEach((weight, index) => {
    const path = `spec.analysis.stepWeights[${index}]`;
    if (!isPercentage(weight)) add(path, `${quoted(weight)} is not a percentage from 1 to 100`);
    const before = steps[index - 1];
    if (before !== undefined && weight <= before) add(path, `${weight} does not rise above ${before}: steps go up`);
  });
}

const isPercentage = (value: number): boolean => inRange(value, 1, 100);

function inRange(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

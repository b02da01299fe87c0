/** Other steps for the same Canary, of which a bad version costs users less in no more time, or which take less time for no more cost. */
import type { Policy } from "../spec/policy.ts";
import type { PlanInput } from "./types.ts";
import { faultsOf, runInputOf } from "./plan.ts";
import { badRequests, runsOf, type Effort, type Question } from "./versions.ts";
import { quantile } from "./statistics.ts";

export interface Suggestion extends Candidate {
  /** Of the Canary as it stands, and as suggested. */
  before: Measure;
  after: Measure;
}

/** Of steps by weight `stepWeights`, of an A/B test `iterations`. */
interface Candidate {
  stepWeights?: number[];
  iterations?: number;
  intervalSeconds: number;
}

/** What steps are compared by. */
export interface Measure {
  /** Until a good version is promoted: the median. */
  seconds: number;
  /** Users' bad requests until a version that fails 5, 10 or 100 % of them goes back or is promoted: means. */
  badRequests: { percent: number; mean: number }[];
  /** Percent of runs in which the one that fails 5 % is promoted. */
  promotedPercent: number;
}

/**
 * Undefined where nothing that was tried is clearly better. Of Blue/Green nothing is tried: all users get the version at once, and what its
 * iterations find before that cannot be known.
 */
export function suggest(input: PlanInput, effort: Effort = suggestEffort): Suggestion | undefined {
  const tried = tryOut(input, candidatesFor[input.policy.strategy.kind](input), effort).sort(
    (a, b) => worth(b) - worth(a),
  );
  // The best of many is partly lucky: what is suggested was found better once more, by chance of its own.
  const again = { ...input, seed: input.seed + 1 };
  return tried.slice(0, finalists).flatMap((one) => tryOut(again, [one], thorough(effort)))[0];
}

// --- internal ---

const suggestEffort: Effort = { looks: 1_200, runs: 80 };
const finalists = 2;
const thorough = ({ looks, runs }: Effort): Effort => ({ looks: 4 * looks, runs: 4 * runs });
const percents = [5, 10, 100] as const;
/** Less than a tenth is within what chance makes of so few runs. */
const clearly = 0.9;
const noWorse = 1.03;

/** From a cautious first step to bold later ones: a bad version is found by the first, and the rest only takes time. */
const ladders: readonly (readonly number[])[] = [
  [1, 5, 25, 50],
  [2, 10, 30, 60],
  [5, 20, 50],
  [5, 15, 35, 65],
  [2, 5, 10, 25, 50],
  [10, 30, 60],
];

const candidatesFor: Record<Policy["strategy"]["kind"], (input: PlanInput) => Candidate[]> = {
  canary: weightsTried,
  "ab-testing": iterationsTried,
  "blue-green": () => [],
};

/** The same time or less, in more or fewer iterations: how many users get the version does not change. */
function iterationsTried({ policy, scrapeIntervalMs }: PlanInput): Candidate[] {
  const shortest = shortestSeconds(scrapeIntervalMs);
  const tried = [0.5, 1, 2].flatMap((factor) => {
    const intervalSeconds = Math.max(shortest, roundedSeconds((factor * policy.intervalMs) / 1_000));
    const most = (policy.intervalMs * policy.weights.length) / (1_000 * intervalSeconds);
    return [1, 0.7, 0.5].map((part) => ({ iterations: Math.max(1, Math.floor(part * most)), intervalSeconds }));
  });
  return distinct(tried);
}

const shortestSeconds = (scrapeIntervalMs: number): number => Math.max(1, scrapeIntervalMs / 1_000);

const distinct = (all: readonly Candidate[]): Candidate[] => [
  ...new Map(all.map((one) => [JSON.stringify(one), one])).values(),
];

function weightsTried({ policy, scrapeIntervalMs }: PlanInput): Candidate[] {
  const last = policy.weights.at(-1) ?? 100;
  const total = (policy.intervalMs * policy.weights.length) / 1_000;
  const shortest = shortestSeconds(scrapeIntervalMs);
  const all = ladders.flatMap((ladder) => {
    const stepWeights = [...ladder.filter((weight) => weight < last), last];
    return [1, 0.7].map((part) => ({
      stepWeights,
      intervalSeconds: Math.max(shortest, roundedSeconds((part * total) / stepWeights.length)),
    }));
  });
  return distinct(all);
}

/** What a person would write: 90s, and not 87s. */
function roundedSeconds(seconds: number): number {
  const unit = seconds >= 600 ? 60 : seconds >= 60 ? 10 : seconds >= 20 ? 5 : 1;
  return Math.max(1, Math.floor(seconds / unit) * unit);
}

function tryOut(input: PlanInput, candidates: readonly Candidate[], effort: Effort): Suggestion[] {
  const before = measure(input, effort);
  if (!before) return [];
  return candidates.flatMap((candidate) => {
    const { stepWeights, iterations = 0, intervalSeconds } = candidate;
    const weights = stepWeights ?? Array.from({ length: iterations }, () => 100);
    const policy = { ...input.policy, weights, intervalMs: 1_000 * intervalSeconds };
    const after = measure({ ...input, policy }, effort);
    return after && isBetter(before, after) ? [{ ...candidate, before, after }] : [];
  });
}

/** Undefined where a good version is not promoted as a rule. */
function measure(input: PlanInput, effort: Effort): Measure | undefined {
  const played = runInputOf(input);
  const ask = (fault: Question["fault"], percent: number) =>
    runsOf(played, input.usual, { fault, percent, seed: input.seed, effort });
  const good = ask("none", 0);
  const promoted = good.filter(({ outcome }) => outcome === "promoted");
  if (2 * promoted.length < good.length) return undefined;
  const [fault = "failures"] = faultsOf(input.policy);
  const bad = percents.map((percent) => ({ percent, runs: ask(fault, percent) }));
  const of5 = bad[0]?.runs ?? [];
  return {
    seconds: quantile(
      promoted.map(({ ms }) => Math.round(ms / 1_000)),
      0.5,
    ),
    badRequests: bad.map(({ percent, runs }) => {
      const sum = runs.reduce((all, run) => all + badRequests(run, fault), 0);
      return { percent, mean: Math.round((10 * sum) / runs.length) / 10 };
    }),
    promotedPercent: Math.round((100 * of5.filter(({ outcome }) => outcome === "promoted").length) / of5.length),
  };
}

function isBetter(before: Measure, after: Measure): boolean {
  const [time, cost] = [after.seconds / before.seconds, costOf(before, after)];
  const isSafe =
    after.promotedPercent <= before.promotedPercent + 2 &&
    after.badRequests.every(({ mean }, index) => mean <= 1.1 * (before.badRequests[index]?.mean ?? 0) + 1);
  return isSafe && ((time <= noWorse && cost <= clearly) || (cost <= noWorse && time <= clearly));
}

/** Below 1: the suggestion costs less; the geometric mean over the versions, so that each counts alike. */
function costOf(before: Measure, after: Measure): number {
  const logs = before.badRequests.map(({ mean }, index) =>
    Math.log(((after.badRequests[index]?.mean ?? 0) + 1) / (mean + 1)),
  );
  return Math.exp(logs.reduce((sum, one) => sum + one, 0) / Math.max(1, logs.length));
}

function worth({ before, after }: Suggestion): number {
  return -Math.log(costOf(before, after)) - 0.5 * Math.log(after.seconds / before.seconds);
}

/**
 * How a Canary wants its evidence weighed: how many requests a verdict needs, what a check without evidence comes to, for how long
 * Prometheus may be silent, and how the canary is compared with the primary. Read once from the spec, with every fault named.
 */
import type { AnalysisSpec, ComparisonSpec, MetricSpec } from "../objects/canary.ts";
import { optional } from "../format/compact.ts";
import { parseDuration } from "../format/duration.ts";
import { deciding } from "../analysis/deciding.ts";
import { slowLimitOf, type SlowLimit } from "../analysis/slow-limit.ts";
import { builtIn, isBuiltIn } from "../analysis/verdict.ts";

export interface JudgingPolicy {
  /** Users' requests are evidence. Where they are not, the Canary's own queries judge, and whether its pods stay ready. */
  countsRequests: boolean;
  /** Fewer users' requests than this in a metric's window are no evidence. */
  minRequests: number;
  /** How long after its first answer what a pod answers is no evidence. */
  warmupMs: number;
  /** `hold` takes the change back at the deadline, `pass` passes the check then; `fail` counts each check as failed. */
  noEvidence: { policy: "hold" | "fail" | "pass"; deadlineMs: number };
  /** How long Prometheus may not be asked before the change is taken back. */
  cannotAskDeadlineMs: number;
  comparison: ComparisonPolicy;
}

export interface ComparisonPolicy {
  mode: "off" | "withinLimits" | "always";
  /** Highest probability that a run takes back or holds a canary that is no worse than the primary plus the margins, by all tests together. */
  alpha: number;
  /** Percent of requests that the canary may fail beyond the primary; missing where nothing says how many: then failures are not compared. */
  marginPercent?: number;
  /** What follows where the canary answers with 4xx more often; missing where that is not compared. */
  clientErrors?: { action: "hold" | "rollback"; marginPercent: number };
  /** The limit above which a request is slow; missing where the Canary has none. */
  slow?: SlowLimit;
}

export const judgingDefaults = {
  minRequests: 1,
  deadlineMs: 1_800_000,
  alpha: 0.01,
  /** Where no success limit says how much room the canary has. */
  marginPercent: 5,
  clientErrors: "hold",
  clientErrorsMarginPercent: 5,
} as const;

type Add = (path: string, message: string) => void;

export function judgingOf(analysis: AnalysisSpec): JudgingPolicy {
  return {
    countsRequests: analysis.requests !== "none",
    minRequests: analysis.minRequests ?? judgingDefaults.minRequests,
    warmupMs: warmupOf(analysis),
    noEvidence: {
      policy: analysis.noEvidence?.policy ?? "hold",
      deadlineMs: deadlineOf(analysis.noEvidence?.deadline),
    },
    cannotAskDeadlineMs: deadlineOf(analysis.cannotAsk?.deadline),
    comparison: comparisonOf(analysis),
  };
}

export function checkJudging(analysis: AnalysisSpec, add: Add): void {
  const { minRequests, noEvidence, cannotAsk } = analysis;
  if (minRequests !== undefined && !(Number.isInteger(minRequests) && minRequests >= 1))
    add("spec.analysis.minRequests", `${minRequests} is not a whole number of requests from 1`);
  checkWarmup(analysis, add);
  checkDeadline(noEvidence?.deadline, "spec.analysis.noEvidence.deadline", add);
  checkDeadline(cannotAsk?.deadline, "spec.analysis.cannotAsk.deadline", add);
  checkWord(noEvidence?.policy, ["hold", "fail", "pass"], "spec.analysis.noEvidence.policy", add);
  checkWindows(analysis, add);
  checkComparison(analysis, add);
  checkRequests(analysis, add);
}

/** Percent of requests that may fail by the Canary's own success limit; undefined where it has none. */
export function successRoomPercent(metrics: readonly MetricSpec[]): number | undefined {
  const limit = deciding(metrics).find((metric) => isBuiltIn(metric) && metric.name === builtIn.successRate);
  const min = limit?.thresholdRange ? limit.thresholdRange.min : limit?.threshold;
  return min === undefined ? undefined : Math.min(100, Math.max(0, 100 - min));
}

// --- internal ---

function warmupOf({ warmup = "0s" }: AnalysisSpec): number {
  return parseDuration(warmup) ?? 0;
}

function comparisonOf({ requests, comparison: spec = {}, metrics = [] }: AnalysisSpec): ComparisonPolicy {
  if (requests === "none") return { mode: "off", alpha: judgingDefaults.alpha };
  const mode = spec.mode ?? "withinLimits";
  return {
    mode,
    alpha: spec.alpha ?? judgingDefaults.alpha,
    ...optional("marginPercent", marginOf(mode, spec.marginPercent, successRoomPercent(metrics))),
    ...optional("clientErrors", clientErrorsOf(spec)),
    ...optional("slow", slowLimitOf(metrics)),
  };
}

/** A canary is compared also where its own limits are in queries that say nothing of failures. Whoever fails no more than the limit's room also fails no more than the primary plus that room. */
function marginOf(
  mode: ComparisonPolicy["mode"],
  asked: number | undefined,
  room: number | undefined,
): number | undefined {
  const given = asked ?? room;
  if (mode !== "withinLimits") return given;
  return given === undefined ? judgingDefaults.marginPercent : Math.max(given, room ?? 0);
}

function clientErrorsOf(spec: ComparisonSpec): ComparisonPolicy["clientErrors"] {
  const action = spec.clientErrors ?? judgingDefaults.clientErrors;
  const marginPercent = spec.clientErrorsMarginPercent ?? judgingDefaults.clientErrorsMarginPercent;
  return action === "off" ? undefined : { action, marginPercent };
}

/** What is given all the same would be ignored. */
function checkRequests(analysis: AnalysisSpec, add: Add): void {
  checkWord(analysis.requests, ["counted", "none"], "spec.analysis.requests", add);
  if (analysis.requests !== "none") return;
  const none = "and analysis.requests is none";
  (analysis.metrics ?? []).forEach((metric, index) => {
    if (isBuiltIn(metric))
      add(`spec.analysis.metrics[${index}]`, `"${metric.name}" counts requests, ${none}: give it a query of your own`);
  });
  const given: [keyof AnalysisSpec, boolean][] = [
    ["minRequests", analysis.minRequests !== undefined],
    ["warmup", analysis.warmup !== undefined],
    ["comparison", (analysis.comparison?.mode ?? "withinLimits") !== "off" && analysis.comparison !== undefined],
    ["match", (analysis.match ?? []).length > 0],
    ["sessionAffinity", analysis.sessionAffinity !== undefined],
    ["preview", analysis.preview !== undefined],
  ];
  for (const [field, isGiven] of given)
    if (isGiven) add(`spec.analysis.${field}`, `is about requests, ${none}: leave it out`);
}

const comparisonAt = "spec.analysis.comparison";

function checkComparison({ comparison = {}, metrics = [] }: AnalysisSpec, add: Add): void {
  const { mode, alpha, marginPercent, clientErrors, clientErrorsMarginPercent } = comparison;
  checkWord(mode, ["off", "withinLimits", "always"], `${comparisonAt}.mode`, add);
  if (alpha !== undefined && !within(alpha, Number.MIN_VALUE, 0.5))
    add(`${comparisonAt}.alpha`, `${alpha} is not above 0 and at most 0.5`);
  checkMargin(marginPercent, `${comparisonAt}.marginPercent`, add);
  checkWord(clientErrors, ["hold", "rollback", "off"], `${comparisonAt}.clientErrors`, add);
  checkMargin(clientErrorsMarginPercent, `${comparisonAt}.clientErrorsMarginPercent`, add);
  const margin = marginPercent ?? successRoomPercent(metrics);
  if (mode === "always" && margin === undefined)
    add(`${comparisonAt}.marginPercent`, "is needed: no request-success-rate limit says how much room the canary has");
}

function checkWord(word: string | undefined, known: readonly string[], path: string, add: Add): void {
  if (word !== undefined && !known.includes(word)) add(path, `"${word}" is none of ${known.join(", ")}`);
}

function checkMargin(percent: number | undefined, path: string, add: Add): void {
  if (percent !== undefined && !within(percent, 0, 99.999))
    add(path, `${percent} is not a percentage from 0 to below 100`);
}

function within(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}

/** Longer is no warm-up but a blindfold, and a hold for want of evidence must outlast it. */
const longestWarmupMs = 600_000;

function checkWarmup({ warmup, noEvidence }: AnalysisSpec, add: Add): void {
  if (warmup === undefined) return;
  const path = "spec.analysis.warmup";
  const ms = parseDuration(warmup);
  if (ms === undefined) add(path, `"${warmup}" is not a duration such as 0s, 30s or 2m`);
  else if (ms > longestWarmupMs) add(path, `"${warmup}" is above 10m`);
  else if (ms > 0 && ms >= deadlineOf(noEvidence?.deadline))
    add(path, `"${warmup}" does not end before noEvidence.deadline`);
}

/** A query of the user's own cannot be narrowed to this run's pods, so that its window must be younger than the run. */
function checkWindows({ metrics = [], noEvidence = {} }: AnalysisSpec, add: Add): void {
  if (noEvidence.policy === "pass") return;
  metrics.forEach((metric, index) => {
    const window = metric.interval || "1m";
    if (!isBuiltIn(metric) && (parseDuration(window) ?? 0) > deadlineOf(noEvidence.deadline))
      add(
        `spec.analysis.metrics[${index}].interval`,
        `"${window}" is above noEvidence.deadline: until then it holds time from before the run, and the run is given up. Set noEvidence.deadline above it`,
      );
  });
}

function checkDeadline(text: string | undefined, path: string, add: Add): void {
  if (text === undefined) return;
  const ms = parseDuration(text);
  if (ms === undefined) add(path, `"${text}" is not a duration such as 90s, 30m or 2h`);
  else if (ms < 1_000) add(path, `"${text}" is below 1s`);
}

function deadlineOf(text: string | undefined): number {
  return (text === undefined ? undefined : parseDuration(text)) ?? judgingDefaults.deadlineMs;
}

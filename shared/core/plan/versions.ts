/** What becomes of versions whose faults are known, in as many simulated runs as the effort allows. */
import { seeded } from "./random.ts";
import type { Rates } from "./requests.ts";
import { simulate, type RunInput, type SimulatedRun } from "./simulated-run.ts";
import { confidence, spreadOf, wilson, type Spread } from "./statistics.ts";

/** What is wrong with a version: `none` is as good as stable. */
export type Fault = "none" | "failures" | "slow";

/** Of stable's requests, parts of 1. */
export interface Usual {
  failures: number;
  slow: number;
}

export interface Chance {
  percent: number;
  /** What it may be, with 95 % confidence. */
  lowPercent: number;
  highPercent: number;
}

export interface VersionPlan {
  fault: Fault;
  /** Percent of its requests that have the fault, beside what stable has. */
  percent: number;
  runs: number;
  /** Of the runs in which it went back; undefined where there were none. */
  back: { seconds: Spread; step: Spread; canaryRequests: Spread; badRequests: Spread } | undefined;
  goesBack: Chance;
  promoted: Chance;
  /** It waits for a person, or is not over after days. */
  stuck: Chance;
}

/** How much is simulated: decisions for each version, and runs at most. */
export interface Effort {
  looks: number;
  runs: number;
}

/** Fewer runs say nothing, however long each takes. */
const fewestRuns = 20;

export interface Question {
  fault: Fault;
  percent: number;
  seed: number;
  effort: Effort;
}

export function runsOf(played: Omit<RunInput, "canary" | "primary">, usual: Usual, question: Question): SimulatedRun[] {
  const random = seeded(question.seed);
  const watched = { ...played, canary: ratesOf(question, usual), primary: { ...usual } };
  const runs: SimulatedRun[] = [];
  const { looks, runs: mostRuns } = question.effort;
  for (let spent = 0; runs.length < mostRuns && (spent < looks || runs.length < fewestRuns);) {
    const run = simulate(watched, random);
    spent += run.looks;
    runs.push(run);
  }
  return runs;
}

export function versionPlan(runs: readonly SimulatedRun[], { fault, percent }: Question): VersionPlan {
  const back = runs.filter(({ outcome }) => outcome === "back");
  return {
    fault,
    percent,
    runs: runs.length,
    back: backOf(back, fault),
    goesBack: chance(back.length, runs.length),
    promoted: chance(runs.filter(({ outcome }) => outcome === "promoted").length, runs.length),
    stuck: chance(runs.filter(({ outcome }) => outcome === "waiting" || outcome === "open").length, runs.length),
  };
}

/** Users' requests that were bad, of the kind that the version is bad at. */
export function badRequests({ canary }: SimulatedRun, fault: Fault): number {
  return fault === "slow" ? canary.slow : canary.failures;
}

// --- internal ---

function ratesOf({ fault, percent }: Question, usual: Usual): Rates {
  const more = (before: number): number => before + (percent / 100) * (1 - before);
  if (fault === "none") return { ...usual };
  return fault === "slow" ? { ...usual, slow: more(usual.slow) } : { ...usual, failures: more(usual.failures) };
}

function backOf(runs: readonly SimulatedRun[], fault: Fault): VersionPlan["back"] {
  const of = (value: (run: SimulatedRun) => number): Spread | undefined => spreadOf(runs.map(value));
  const seconds = of(({ ms }) => Math.round(ms / 1_000));
  const step = of((run) => run.step);
  const canaryRequests = of(({ canary }) => canary.requests);
  const bad = of((run) => badRequests(run, fault));
  return seconds && step && canaryRequests && bad && { seconds, step, canaryRequests, badRequests: bad };
}

function chance(hits: number, runs: number): Chance {
  const { low, high } = wilson(hits, runs, confidence.ninetyFive);
  const percent = (part: number): number => Math.round(1_000 * part) / 10;
  return { percent: percent(hits / runs), lowPercent: percent(low), highPercent: percent(high) };
}

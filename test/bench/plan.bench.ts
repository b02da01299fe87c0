/**
 * Whether `kubectl canary plan` keeps its promises: what it prints from a few hundred runs, beside 5,000 runs each with chance of their
 * own. And what a plan costs in time and memory.
 */
import { judgingOf } from "../../shared/core/spec/analysis-settings.ts";
import { parsePolicy, type Policy } from "../../shared/core/spec/policy.ts";
import { releasePlan, usualEffort } from "../../shared/core/plan/plan.ts";
import { quantile, spreadOf, type Spread } from "../../shared/core/plan/statistics.ts";
import { badRequests, runsOf, versionPlan, type Fault } from "../../shared/core/plan/versions.ts";
import { aSpec } from "../builders.ts";
import { printTable } from "./measure.ts";

const runs = 5_000;
/** As many real runs as a situation has on the cluster: their median has to lie inside what was printed. */
const group = 10;
const [planSeed, otherSeed] = [1, 20_261_126];
const scrapeIntervalMs = 10_000;
const usual = { failures: 0.001, slow: 0.002 };
const bounds = { insidePercent: 99.9, cpuSeconds: 3, megabytes: 250 };

const situations: readonly { fault: Fault; percent: number; rps: number }[] = [
  { fault: "failures", percent: 5, rps: 50 },
  { fault: "failures", percent: 20, rps: 50 },
  { fault: "slow", percent: 20, rps: 50 },
  { fault: "failures", percent: 5, rps: 5 },
  { fault: "failures", percent: 20, rps: 5 },
  { fault: "none", percent: 0, rps: 50 },
];

/** The tutorial's. */
function tutorial(): Policy {
  const parsed = parsePolicy(aSpec());
  if (!parsed.ok) throw new Error("The tutorial's Canary cannot be read.");
  return { ...parsed.policy, ...judgingOf(aSpec().analysis ?? {}) };
}

/** Percent of groups whose median lies inside. */
function inside(values: readonly number[], { low, high }: Spread): number {
  const medians = Array.from({ length: Math.floor(values.length / group) }, (_, index) =>
    quantile(values.slice(index * group, (index + 1) * group), 0.5),
  );
  return (100 * medians.filter((median) => low <= median && median <= high).length) / medians.length;
}

const shown = ({ low, median, high }: Spread): string => `${median} (${low} to ${high})`;
const policy = tutorial();
let met = true;

const rows = situations.map(({ fault, percent, rps }) => {
  const played = { policy, rps, scrapeIntervalMs };
  const question = { fault, percent, seed: planSeed, effort: usualEffort };
  const few = runsOf(played, usual, question);
  const many = runsOf(played, usual, { ...question, seed: otherSeed, effort: { looks: Infinity, runs } });
  const ended = (all: typeof many) => all.filter(({ outcome }) => outcome === (fault === "none" ? "promoted" : "back"));
  const numbers = (all: typeof many, value: (run: (typeof many)[number]) => number): number[] => ended(all).map(value);
  const seconds = (run: (typeof many)[number]): number => Math.round(run.ms / 1_000);
  const bad = (run: (typeof many)[number]): number => badRequests(run, fault);
  const promised = versionPlan(few, question).promoted;
  const promotedPercent = (100 * many.filter(({ outcome }) => outcome === "promoted").length) / many.length;
  const parts = [seconds, bad].map((value) => {
    const printed = spreadOf(numbers(few, value)) ?? { low: NaN, median: NaN, high: NaN };
    return { printed, kept: inside(numbers(many, value), printed) };
  });
  const isPromised = promised.lowPercent - 0.5 <= promotedPercent && promotedPercent <= promised.highPercent + 0.5;
  met &&= isPromised && parts.every(({ kept }) => kept >= bounds.insidePercent);
  const name = fault === "none" ? "good" : `${fault === "slow" ? "slow in" : "fails"} ${percent}%`;
  return [
    `${name}, ${rps}/s`,
    String(few.length),
    ...parts.flatMap(({ printed, kept }) => [shown(printed), `${kept.toFixed(1)}%`]),
    `${promised.lowPercent} to ${promised.highPercent}%`,
    `${promotedPercent.toFixed(1)}%`,
  ];
});
process.stdout.write(`Printed, and how often the median of ${group} of ${runs} other runs lies inside:\n`);
printTable(["version", "runs", "ends after, s", "inside", "bad requests", "inside", "promoted", "of 5,000"], rows);

const before = process.cpuUsage();
releasePlan({ policy, rps: 50, usual, scrapeIntervalMs, seed: planSeed });
const cpu = process.cpuUsage(before).user / 1e6;
const megabytes = process.memoryUsage().rss / 1e6;
met &&= cpu <= bounds.cpuSeconds && megabytes <= bounds.megabytes;
process.stdout.write(
  `A plan takes ${cpu.toFixed(1)} s of CPU (at most ${bounds.cpuSeconds}), and this process ${megabytes.toFixed(0)} MB.\n`,
);
process.stdout.write(`The bounds: ${met ? "met" : "missed"}\n`);
process.exitCode = met ? 0 : 1;

/**
 * The comparison of canary and primary in simulation: how often it takes back a canary that is no worse, and after how many requests
 * one that is. Looked at after every scrape; the plot goes to dist/judging.svg.
 */
import { quantile, wilson } from "../../shared/core/plan/statistics.ts";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { repository } from "../cluster/layout.ts";
import { judgingOf } from "../../shared/core/spec/analysis-settings.ts";
import { testsOf } from "../../shared/core/spec/run-tests.ts";
import { printTable } from "./measure.ts";
import { plot, type Curve } from "./plot.ts";
import { requestsToConviction, type Trial } from "./trials.ts";
import { seeded } from "../../shared/core/plan/random.ts";

/** Of a whole run; the test of failures alone, which this is about, has a part of it. */
const runAlpha = 0.01;
const { alpha = 0 } =
  testsOf(judgingOf({ metrics: [{ name: "request-success-rate", threshold: 99 }] })).find(
    ({ kind }) => kind === "failures",
  ) ?? {};
const seed = 20_261_123;

/** 50 requests in a scrape, of which the canary has 10 %. */
const usual = { alpha, weight: 10, perScrape: 5 };

interface Innocent extends Trial {
  trials: number;
}

interface Guilty extends Innocent {
  name: string;
  /** Median and 95th percentile of canary requests that are wanted at most. */
  wanted: readonly [number, number];
}

const innocents: readonly Innocent[] = [0.001, 0.01, 0.05].flatMap((rate) =>
  [0, 0.01].map((margin) => ({
    ...usual,
    canaryRate: rate + margin,
    primaryRate: rate,
    margin,
    mostRequests: 1_000,
    trials: 10_000,
  })),
);

const guilty: readonly Guilty[] = [
  guiltyOf("5 % / 0.1 %", { canaryRate: 0.05, margin: 0, wanted: aTenthAbove(63, 171) }),
  guiltyOf("10 % / 0.1 %", { canaryRate: 0.1, margin: 0, wanted: aTenthAbove(31, 73) }),
  guiltyOf("100 % / 0.1 %", { canaryRate: 1, margin: 0, wanted: aTenthAbove(5, 9) }),
  guiltyOf("2 % / 1 %", {
    canaryRate: 0.02,
    primaryRate: 0.01,
    margin: 0,
    trials: 1_000,
    wanted: aTenthAbove(2_158, 5_353),
  }),
  guiltyOf("5 % / 0.1 %, margin 1 %", { canaryRate: 0.05, margin: 0.01, wanted: aTenthAbove(137, 412) }),
  guiltyOf("10 % / 0.1 %, margin 1 %", { canaryRate: 0.1, margin: 0.01, wanted: aTenthAbove(48, 115) }),
  guiltyOf("100 % / 0.1 %, margin 1 %", { canaryRate: 1, margin: 0.01, wanted: aTenthAbove(5, 9) }),
  guiltyOf("3 % / 1 %, margin 1 %", {
    canaryRate: 0.03,
    primaryRate: 0.01,
    margin: 0.01,
    trials: 1_000,
    wanted: aTenthAbove(2_937, 8_160),
  }),
];

/** What it took while this test had all of the run's alpha. */
function aTenthAbove(median: number, late: number): [number, number] {
  return [1.1 * median, 1.1 * late];
}

function guiltyOf(name: string, over: Partial<Guilty> & Pick<Guilty, "canaryRate" | "margin" | "wanted">): Guilty {
  return { ...usual, primaryRate: 0.001, mostRequests: 100_000, trials: 5_000, name, ...over };
}

const percent = (share: number): string => `${Number((100 * share).toFixed(3))} %`;

/** At most alpha of innocents may be convicted; a bound is missed when even the interval's lower end lies above. */
function acquit(): boolean {
  let met = true;
  const rows = innocents.map((trial, index) => {
    const random = seeded(seed + index);
    let hits = 0;
    for (let run = 0; run < trial.trials; run++) if (requestsToConviction(trial, random) < Infinity) hits++;
    const { low, high } = wilson(hits, trial.trials);
    met &&= hits / trial.trials <= alpha;
    return [
      `${percent(trial.canaryRate)} / ${percent(trial.primaryRate)}, margin ${percent(trial.margin)}`,
      String(trial.trials),
      String(hits),
      percent(hits / trial.trials),
      `${percent(low)} to ${percent(high)}`,
    ];
  });
  process.stdout.write(`No worse than allowed (canary / primary failures), ${1_000} canary requests each:\n`);
  printTable(["failures", "runs", "taken back", "share", "99 % interval"], rows);
  process.stdout.write(`At most ${percent(alpha)} is wanted: ${met ? "met" : "missed"}\n\n`);
  return met;
}

function convict(): { met: boolean; curves: Curve[] } {
  let met = true;
  const curves: Curve[] = [];
  const rows = guilty.map((trial, index) => {
    const random = seeded(seed + 100 + index);
    const taken = Array.from({ length: trial.trials }, () => requestsToConviction(trial, random));
    curves.push({ name: trial.name, values: taken });
    const [median, late] = [quantile(taken, 0.5), quantile(taken, 0.95)];
    const { wanted } = trial;
    if (median > wanted[0] || late > wanted[1]) met = false;
    const bound = wanted.map((most) => Number(most.toFixed(1))).join(" and ");
    return [trial.name, String(trial.trials), String(median), String(late), bound];
  });
  process.stdout.write("Worse (canary / primary failures), canary requests until it is taken back:\n");
  printTable(["failures", "runs", "median", "p95", "wanted at most"], rows);
  process.stdout.write(`The bounds: ${met ? "met" : "missed"}\n`);
  return { met, curves };
}

const innocence = acquit();
const { met, curves } = convict();
const folder = join(repository, "dist");
await mkdir(folder, { recursive: true });
const file = join(folder, "judging.svg");
await writeFile(
  file,
  plot(curves, { title: `Canaries taken back, by canary requests (weight 10, alpha ${runAlpha})` }),
);
process.stdout.write(`Plot: ${file}\n`);
process.exitCode = innocence && met ? 0 : 1;

/**
 * All tests of a run together in simulation, on the same requests and looked at after every scrape: how often they take back or hold a
 * canary that is no worse, and after how many requests they find one that is slow, hangs, answers with 4xx or is refused.
 */
import { quantile, wilson } from "../../shared/core/plan/statistics.ts";
import { judgingOf } from "../../shared/core/spec/analysis-settings.ts";
import { testsOf } from "../../shared/core/spec/run-tests.ts";
import { printTable } from "./measure.ts";
import { requestsToFinding, type RunTrial } from "./trials.ts";
import { seeded } from "../../shared/core/plan/random.ts";
import type { Rates } from "../../shared/core/plan/requests.ts";

const judging = judgingOf({
  metrics: [
    { name: "request-success-rate", threshold: 99 },
    { name: "request-duration", threshold: 500 },
  ],
});
const tests = testsOf(judging);
const { alpha } = judging.comparison;
const seed = 20_261_126;
const runs = 10_000;
const mostRequests = 500;

/** 50 requests in a scrape, of which the canary has 10 %. */
const usual = { tests, weight: 10, perScrape: 5 };

/** Failures and client errors of both tracks; 0.5 % are slow. */
const alike: readonly Rates[] = [
  { failures: 0.001, clientErrors: 0.01 },
  { failures: 0.01, clientErrors: 0.05 },
  { failures: 0.05, clientErrors: 0.2 },
];

/** Each kind at the margin of its test: as bad as is allowed. */
const margins = { failures: 0.01, clientErrors: 0.05, slow: 0.01, denied: 0.01 };

interface Innocent {
  name: string;
  canary: Rates;
  primary: Rates;
}

const innocents: readonly Innocent[] = alike.flatMap((rates) => {
  const primary = { slow: 0.005, ...rates };
  const { failures = 0, clientErrors = 0, slow } = primary;
  const worst = {
    failures: failures + margins.failures,
    clientErrors: clientErrors + margins.clientErrors,
    slow: slow + margins.slow,
    denied: margins.denied,
  };
  const name = `${percent(failures)} fail, ${percent(clientErrors)} 4xx, ${percent(slow)} slow`;
  return [
    { name, canary: primary, primary },
    { name: `${name}, and each margin more`, canary: worst, primary },
  ];
});

interface Guilty extends Innocent {
  /** Median and 95th percentile of canary requests that are wanted at most. */
  wanted: readonly [number, number];
}

const healthy: Rates = { failures: 0.001, clientErrors: 0.02, slow: 0.005 };
const guilty: readonly Guilty[] = [
  guiltyOf("slow 20 % / 0.5 %", { slow: 0.2 }, [40, 110]),
  guiltyOf("hanging 50 % / 0 %", { hanging: 0.5 }, [12, 25]),
  guiltyOf("client errors 100 % / 2 %", { clientErrors: 1 }, [12, 25]),
  guiltyOf("client errors 30 % / 2 %", { clientErrors: 0.3 }, [90, 160]),
  guiltyOf("refused by policy 100 % / 0 %", { denied: 1 }, [10, 15]),
];

function guiltyOf(name: string, over: Rates, wanted: readonly [number, number]): Guilty {
  return { name, canary: { ...healthy, ...over }, primary: healthy, wanted };
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(3))} %`;
}

function acquit(): boolean {
  let met = true;
  const rows = innocents.map(({ name, canary, primary }, index) => {
    const random = seeded(seed + index);
    const trial: RunTrial = { ...usual, canary, primary, mostRequests };
    const found = { rollback: 0, hold: 0 };
    for (let run = 0; run < runs; run++) {
      const { by } = requestsToFinding(trial, random);
      if (by) found[by.action] += 1;
    }
    const hits = found.rollback + found.hold;
    const { low, high } = wilson(hits, runs);
    met &&= hits / runs <= alpha;
    const counts = [runs, found.rollback, found.hold].map(String);
    return [name, ...counts, percent(hits / runs), `${percent(low)} to ${percent(high)}`];
  });
  process.stdout.write(`No worse than allowed, ${mostRequests} canary requests each:\n`);
  printTable(["users' requests to both", "runs", "taken back", "waiting", "share", "99 % interval"], rows);
  process.stdout.write(`At most ${percent(alpha)} is wanted: ${met ? "met" : "missed"}\n\n`);
  return met;
}

function convict(): boolean {
  let met = true;
  const rows = guilty.map(({ name, canary, primary, wanted }, index) => {
    const random = seeded(seed + 100 + index);
    const trial: RunTrial = { ...usual, canary, primary, mostRequests: 100_000 };
    const taken = Array.from({ length: runs }, () => requestsToFinding(trial, random).requests);
    const [median, late] = [quantile(taken, 0.5), quantile(taken, 0.95)];
    met &&= median <= wanted[0] && late <= wanted[1];
    return [name, String(runs), String(median), String(late), wanted.join(" and ")];
  });
  process.stdout.write("Worse (canary / primary), canary requests until it is taken back or waits:\n");
  printTable(["users' requests", "runs", "median", "p95", "wanted at most"], rows);
  process.stdout.write(`The bounds: ${met ? "met" : "missed"}\n`);
  return met;
}

const innocence = acquit();
process.exitCode = convict() && innocence ? 0 : 1;

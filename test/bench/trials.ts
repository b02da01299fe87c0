/** Canaries in simulation: a primary and a canary with known failure rates, looked at after every scrape. Seeded: the same at every run. */
import { absorb, convicts, noBlocks, type SequentialState } from "../../shared/core/analysis/sequential-test.ts";
import type { TrackCounts } from "../../shared/core/analysis/track-counts.ts";
import { countsFor, type RunTest, type TestKind } from "../../shared/core/spec/run-tests.ts";

export interface Trial {
  canaryRate: number;
  primaryRate: number;
  margin: number;
  alpha: number;
  /** Percent of traffic that the canary has. */
  weight: number;
  /** Canary requests that a scrape brings on average; their number is Poisson's. */
  perScrape: number;
  /** Requests after which the canary is not looked at any more. */
  mostRequests: number;
}

/** A canary that is watched by all tests of a run together. */
export interface RunTrial extends Pick<Trial, "weight" | "perScrape" | "mostRequests"> {
  tests: readonly RunTest[];
  canary: Rates;
  primary: Rates;
}

/** Parts of 1, independent of each other; what is left out is 0. */
export interface Rates {
  failures?: number;
  /** Never answered: counts as failed and as slow. */
  hanging?: number;
  clientErrors?: number;
  slow?: number;
  denied?: number;
}

/** Canary requests until a test convicted, and which; Infinity if none did. */
export interface RunFinding {
  requests: number;
  by?: RunTest;
}

export type Random = () => number;

/** The generator mulberry32: small, fast, and good enough for frequencies. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Canary requests until it was convicted; Infinity if it was let off. */
export function requestsToConviction(trial: Trial, random: Random): number {
  const { canaryRate, primaryRate, margin, alpha, weight, perScrape, mostRequests } = trial;
  const perScrapePrimary = (perScrape * (100 - weight)) / weight;
  let state = noBlocks();
  while (state.canary.requests < mostRequests) {
    const canary = block(poisson(perScrape, random), canaryRate, random);
    const primary = block(poisson(perScrapePrimary, random), primaryRate, random);
    state = absorb(state, { canary, primary }, margin);
    if (convicts(state, alpha)) return state.canary.requests;
  }
  return Infinity;
}

/** As `requestsToConviction`, by all tests of a run on the same requests. */
export function requestsToFinding(trial: RunTrial, random: Random): RunFinding {
  const { tests, canary, primary, weight, perScrape, mostRequests } = trial;
  const perScrapePrimary = (perScrape * (100 - weight)) / weight;
  const states = new Map<TestKind, SequentialState>(tests.map(({ kind }) => [kind, noBlocks()]));
  for (let requests = 0; requests < mostRequests;) {
    const came = {
      canary: sampled(poisson(perScrape, random), canary, random),
      primary: sampled(poisson(perScrapePrimary, random), primary, random),
    };
    requests += came.canary.requests;
    for (const test of tests) {
      const { kind, marginPercent, alpha } = test;
      const seen = { canary: countsFor(kind, came.canary), primary: countsFor(kind, came.primary) };
      const state = absorb(states.get(kind) ?? noBlocks(), seen, marginPercent / 100);
      states.set(kind, state);
      if (convicts(state, alpha)) return { requests, by: test };
    }
  }
  return { requests: Infinity };
}

/** Bounds of the true probability after `hits` of `trials`, by Wilson's score, with 99 % confidence. */
export function wilson(hits: number, trials: number): { low: number; high: number } {
  const z = 2.5758;
  const share = hits / trials;
  const centre = share + z ** 2 / (2 * trials);
  const spread = z * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  const scale = 1 + z ** 2 / trials;
  return { low: Math.max(0, (centre - spread) / scale), high: (centre + spread) / scale };
}

// --- internal ---

function sampled(requests: number, rates: Rates, random: Random): TrackCounts {
  const { failures = 0, hanging = 0, clientErrors = 0, slow = 0, denied = 0 } = rates;
  const lost = binomial(requests, hanging, random);
  const answered = requests - lost;
  return {
    requests,
    failures: lost + binomial(answered, failures, random),
    clientErrors: binomial(answered, clientErrors, random),
    slow: lost + binomial(answered, slow, random),
    denied: binomial(requests, denied, random),
  };
}

function block(requests: number, rate: number, random: Random): { requests: number; failures: number } {
  return { requests, failures: binomial(requests, rate, random) };
}

/** Knuth's method, in parts, for a large mean's exponential would be 0. */
function poisson(mean: number, random: Random): number {
  if (mean > 30) return poisson(30, random) + poisson(mean - 30, random);
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count++;
  return count;
}

/** By the gaps between hits: as fast as hits are rare. */
function binomial(trials: number, rate: number, random: Random): number {
  if (rate >= 1) return trials;
  if (rate <= 0) return 0;
  const gap = (): number => 1 + Math.floor(Math.log(1 - random()) / Math.log1p(-rate));
  let hits = 0;
  for (let at = gap(); at <= trials; at += gap()) hits++;
  return hits;
}

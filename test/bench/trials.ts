/** Canaries in simulation: a primary and a canary with known failure rates, looked at after every scrape. Seeded: the same at every run. */
import { absorb, convicts, noBlocks, type SequentialState } from "../../shared/core/analysis/sequential-test.ts";
import { binomial, poisson, type Random } from "../../shared/core/plan/random.ts";
import { drawRequests, type Rates } from "../../shared/core/plan/requests.ts";
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

/** Canary requests until a test convicted, and which; Infinity if none did. */
export interface RunFinding {
  requests: number;
  by?: RunTest;
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
      canary: drawRequests(perScrape, canary, random),
      primary: drawRequests(perScrapePrimary, primary, random),
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

// --- internal ---

function block(requests: number, rate: number, random: Random): { requests: number; failures: number } {
  return { requests, failures: binomial(requests, rate, random) };
}

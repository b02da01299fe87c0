/** Users' requests to a track whose rates are known, as chance would have them. */
import type { TrackCounts } from "../analysis/track-counts.ts";
import { binomial, poisson, type Random } from "./random.ts";

/** Parts of 1, independent of each other; what is left out is 0. */
export interface Rates {
  failures?: number;
  /** Never answered: counts as failed and as slow. */
  hanging?: number;
  clientErrors?: number;
  slow?: number;
  denied?: number;
}

/** What a number of requests on average comes to; their number is Poisson's. */
export function drawRequests(mean: number, rates: Rates, random: Random): TrackCounts {
  const { failures = 0, hanging = 0, clientErrors = 0, slow = 0, denied = 0 } = rates;
  const requests = poisson(mean, random);
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

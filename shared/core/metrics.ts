/** What Prometheus says of a canary, as decisions see it. JSON-plain. */
import type { CheckStatus } from "./canary.ts";
import type { Counts } from "./sequential.ts";

/** Users' requests to one track over the window. `requests` 0 with null latencies: nothing was measured. */
export interface TrackMetrics {
  requests: number;
  failures: number;
  requestsPerSecond: number;
  latencyMs: { p50: number | null; p95: number | null; p99: number | null };
}

export type MetricsSeen =
  | {
      ok: true;
      askedAt: number;
      /** Time of the newest sample of the canary's pods, ms; 0 if there is none. */
      sampledAt: number;
      /** Prometheus has no sample of the primary's pods either: it does not look at this app, and waiting for it is in vain. */
      isUnwatched?: boolean;
      windowSeconds: number;
      primary: TrackMetrics;
      canary: TrackMetrics;
      /** Result of each metric of the Canary, in its order. */
      checks: CheckStatus[];
      /** Callers whose proxy is older than the TrafficSplit, `namespace/pod`. */
      staleCallers: string[];
      /** A window still reaches to before this run: that evidence is missing says nothing yet. */
      isEarly?: boolean;
    }
  | { ok: false; askedAt: number; error: string };

/** What was counted for both tracks since this controller first looked at the run. */
export interface LedgerSeen {
  /** Begins anew with each controller process and run: totals of different epochs have nothing to do with each other. */
  epoch: number;
  at: number;
  /** Time of the newest sample of the canary's pods, ms, where there is one. */
  sampledAt?: number;
  canary: Counts;
  primary: Counts;
  share?: ShareSeen;
  /** While warm-up is left out: what was left out of `canary`, and what the primary got meanwhile. */
  warmup?: WarmupSeen;
}

export interface WarmupSeen {
  canary: Counts;
  primary: Counts;
  /** Canary pods that are warming up now. */
  pods: number;
  /** When the first evidence may be there, ms; undefined while no user has reached the canary. */
  evidenceAt?: number;
}

/** The canary's measured share of traffic. */
export interface ShareSeen {
  /** `callers`: by what meshed callers sent; `inbound`: by what both tracks received. */
  source: "callers" | "inbound";
  canary: number;
  all: number;
  /** Weights that were in force meanwhile, percent. */
  low: number;
  high: number;
  /** How many stretches in a row lay outside the binomial interval on the same side. */
  scrapes: number;
  /** Callers that must be restarted before they obey, `namespace/pod`. */
  staleCallers: string[];
  /** Any other cause that was found, as a clause. */
  cause?: string;
}

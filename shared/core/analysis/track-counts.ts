/** What users got from the pods of one track, as counts that only grow: the common currency of readings, comparison and sentences. */

import type { Side } from "../objects/canary-status.ts";

/** Users' requests, each counted once, and how many of them were bad in which way; each of the rest is a part of `requests`. */
export interface TrackCounts {
  requests: number;
  /** Failed: 5xx, a gRPC failure, cut off, or never answered. */
  failures: number;
  /** Answered with 4xx by the application. What policy refused is not among them. */
  clientErrors: number;
  /** Answered later than the bound of `slowLimitOf`, or never; 0 where the Canary has no such limit. */
  slow: number;
  /** Refused by the mesh's policy (403), before the application saw them. */
  denied: number;
}

/** Whose proxies counted users' requests, and how many of the failures got no answer at all. */
export interface CountOrigin {
  side: Side;
  unanswered: number;
}

/** What refused users' requests, as far as it could be found out. */
export interface DeniedBy {
  /** Name of the Server at whose port they were refused; of none, the default policy's (`default:deny`). */
  server: string;
  /** Name of the Server that stable's pods are under, where it is another. */
  stableServer?: string;
  /** What lets the callers in there: `AuthorizationPolicy shop-callers`. */
  authorizationPolicy?: string;
  /** Pod label (`app=podinfo`) that the Server of stable's pods selects by, and that the canary's pods lack. */
  label?: string;
}

export const noCounts: TrackCounts = { requests: 0, failures: 0, clientErrors: 0, slow: 0, denied: 0 };

/** What came since `before`; counts that have shrunk are of something that began anew: then nothing did. */
export function countsSince(before: TrackCounts, now: TrackCounts): TrackCounts {
  const requests = now.requests - before.requests;
  if (requests < 0) return noCounts;
  // Counters of one reading may come from different moments of a scrape: no part is more than the whole.
  return each((key) => Math.min(Math.max(now[key] - before[key], 0), requests));
}

// --- internal ---

function each(value: (key: keyof TrackCounts) => number): TrackCounts {
  return {
    requests: value("requests"),
    failures: value("failures"),
    clientErrors: value("clientErrors"),
    slow: value("slow"),
    denied: value("denied"),
  };
}

/** The built-in metrics, from the batched answers. Pure. */
import type { MetricSpec } from "../../shared/core/objects/canary.ts";
import { builtIn, type Measurement } from "../../shared/core/analysis/verdict.ts";
import { latencyMsOf, requestsOf, successPercentOf, type Terms } from "../../shared/core/queries/track-queries.ts";
import { userRequests, type UserRequests } from "../../shared/core/analysis/user-requests.ts";
import type { BatchAnswer } from "./batches/query-batch.ts";
import type { Answers, Planned } from "./types.ts";
import { exactTrack, latenciesIn, type MaybeTrack, sidesIn, termsOf, trackMetrics } from "./track-rows.ts";

export function measureTrack(answers: Answers, track: MaybeTrack, window: number): ReturnType<typeof trackMetrics> {
  const latencies = latenciesIn(answers.latency.get(window)?.samples ?? [], track);
  return trackMetrics(requestsIn(answers, track, window), latencies, window);
}

export function builtInMeasurement({ spec, window }: Planned, track: MaybeTrack, answers: Answers): Measurement {
  if (window === undefined) return badInterval(spec);
  const asked = { window, warmup: answers.warmup, terms: termsIn(answers, track, window) };
  if (spec.name === builtIn.duration) {
    const answer = answers.latency.get(window);
    const p99 = latenciesIn(answer?.samples ?? [], track).get("p99");
    const values = p99 === undefined ? [] : [p99];
    return { ...measuredAt(answer, window), query: latencyMsOf(exactTrack(track), asked), answer: { values } };
  }
  const { requests, failures } = requestsIn(answers, track, window);
  const values = requests > 0 ? [(100 * (requests - failures)) / requests] : [];
  const query = successPercentOf(exactTrack(track), asked);
  return { ...measuredAt(answers.requests.get(window), window), query, answer: { values } };
}

/** For a Canary without metrics: that users reach it at all. */
export function requestsMeasurement(track: MaybeTrack, answers: Answers, window: number): Measurement {
  const asked = { window, warmup: answers.warmup, terms: termsIn(answers, track, window) };
  const query = `round(${requestsOf(exactTrack(track), asked)})`;
  return { ...measuredAt(answers.requests.get(window), window), query, answer: { values: [] } };
}

/** Users' requests to the track in the window; undefined where they were not asked for. */
export function requestsOver(
  answers: Pick<Answers, "requests">,
  track: MaybeTrack,
  window: number,
): UserRequests | undefined {
  return answers.requests.has(window) ? requestsIn(answers, track, window) : undefined;
}

// --- internal ---

function requestsIn({ requests }: Pick<Answers, "requests">, track: MaybeTrack, window: number): UserRequests {
  return userRequests(sidesIn(requests.get(window)?.samples ?? [], track));
}

function termsIn({ requests, recent }: Answers, track: MaybeTrack, window: number): Terms {
  return termsOf(sidesIn(requests.get(window)?.samples ?? [], track), track, recent);
}

function measuredAt(
  answer: BatchAnswer | undefined,
  window: number,
): Pick<Measurement, "windowSeconds" | "at" | "requests"> {
  const atMs = answer?.samples[0]?.atMs ?? answer?.askedAt ?? 0;
  return { windowSeconds: window, at: new Date(atMs).toISOString(), requests: null };
}

function badInterval(spec: MetricSpec): Measurement {
  const error = `its interval "${spec.interval ?? ""}" is no time; write it like 30s or 1m`;
  return {
    windowSeconds: 0,
    query: "",
    at: new Date(0).toISOString(),
    requests: null,
    answer: { error, code: "bad-interval" },
  };
}

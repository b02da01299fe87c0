/** The built-in metrics, from the batched answers. */
import type { MetricSpec } from "../../shared/core/objects/canary.ts";
import { builtIn, isBuiltIn, type Measurement } from "../../shared/core/analysis/verdict.ts";
import { latencyMsOf, requestsOf, successPercentOf } from "../../shared/core/analysis/queries.ts";
import type { BatchAnswer } from "./query-batch.ts";
import type { QueryBatches } from "./query-batches.ts";
import type { Answers, EvidenceRequest, Planned } from "./types.ts";
import { exactTrack, latenciesIn, type MaybeTrack, requestsIn, trackMetrics } from "./track-rows.ts";

export async function askRequests(
  request: EvidenceRequest,
  board: QueryBatches,
  windows: Iterable<number>,
): Promise<Answers["requests"]> {
  return askEach(windows, (window) => board.requests(request, window));
}

export async function askLatencies(
  request: EvidenceRequest,
  board: QueryBatches,
  { shown, plan }: { shown: number; plan: readonly Planned[] },
): Promise<Answers["latency"]> {
  const slow = plan.filter(({ spec }) => isBuiltIn(spec) && spec.name === builtIn.duration);
  return askEach([shown, ...slow.flatMap(({ window }) => window ?? [])], (window) => board.latency(request, window));
}

export function measureTrack(answers: Answers, track: MaybeTrack, window: number): ReturnType<typeof trackMetrics> {
  const requests = requestsIn(answers.requests.get(window)?.samples ?? [], track);
  return trackMetrics(requests, latenciesIn(answers.latency.get(window)?.samples ?? [], track), window);
}

export function builtInMeasurement({ spec, window }: Planned, track: MaybeTrack, answers: Answers): Measurement {
  if (window === undefined) return badInterval(spec);
  if (spec.name === builtIn.duration) {
    const answer = answers.latency.get(window);
    const p99 = latenciesIn(answer?.samples ?? [], track).get("p99");
    const values = p99 === undefined ? [] : [p99];
    return {
      ...measuredAt(answer, window),
      query: latencyMsOf(exactTrack(track), window, { warmup: answers.warmup }),
      answer: { values },
    };
  }
  const answer = answers.requests.get(window);
  const { succeeded, failed } = requestsIn(answer?.samples ?? [], track);
  const values = succeeded + failed > 0 ? [(100 * succeeded) / (succeeded + failed)] : [];
  return {
    ...measuredAt(answer, window),
    query: successPercentOf(exactTrack(track), window, answers.warmup),
    answer: { values },
  };
}

/** For a Canary without metrics: that users reach it at all. */
export function requestsMeasurement(track: MaybeTrack, answers: Answers, window: number): Measurement {
  const query = `round(${requestsOf(exactTrack(track), window, answers.warmup)})`;
  return { ...measuredAt(answers.requests.get(window), window), query, answer: { values: [] } };
}

/** Users' requests to the track in the window; undefined where they were not asked for. */
export function requestsOver(
  answers: Pick<Answers, "requests">,
  track: MaybeTrack,
  window: number,
): number | undefined {
  const answer = answers.requests.get(window);
  if (answer === undefined) return undefined;
  const { succeeded, failed } = requestsIn(answer.samples, track);
  return Math.round(succeeded + failed);
}

// --- internal ---

async function askEach(
  windows: Iterable<number>,
  ask: (window: number) => Promise<BatchAnswer>,
): Promise<Map<number, BatchAnswer>> {
  return new Map(await Promise.all([...new Set(windows)].map(async (window) => [window, await ask(window)] as const)));
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
  return { windowSeconds: 0, query: "", at: new Date(0).toISOString(), requests: null, answer: { error } };
}

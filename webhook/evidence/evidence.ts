/**
 * What one canary needs to know from Prometheus, in one answer: users' requests to both tracks, each metric judged, and who does
 * not obey the route. Never throws: a Prometheus that fails is an answer too, and the core holds everything on it.
 */
import type { StaleCaller } from "../../shared/core/format/restart-command.ts";
import { refusalOf } from "../../shared/core/queries/allowed-addresses.ts";
import { formatDuration } from "../../shared/core/format/duration.ts";
import { judge, type JudgePolicy, type Measurement } from "../../shared/core/analysis/verdict.ts";
import { windowSeconds } from "../../shared/core/queries/queries.ts";
import type { MetricsSeen } from "../../shared/core/observation.ts";
import { optional } from "../../shared/core/format/compact.ts";
import { asRequested } from "../../shared/prometheus.ts";
import { checkCodeOf, PrometheusError } from "../../shared/prometheus-error.ts";
import { createQueryBatches, type QueryBatches } from "./batches/query-batches.ts";
import {
  askLatencies,
  askRequests,
  builtInMeasurement,
  measureTrack,
  requestsMeasurement,
  requestsOver,
} from "./builtin-metrics.ts";
import type { Planned, Answers, Warmth, Evidence, EvidenceDeps, EvidenceRequest } from "./types.ts";
import { askCustom, CustomClients } from "./custom/custom-metrics.ts";
import { createCounterReader, type CounterReader } from "./counters/counter-reader.ts";
import { canaryTrack, newestHeardIn, newestSampleIn, primaryTrack, unscrapedIn } from "./track-rows.ts";
import { recentSeconds, shownWindow, warmupSeconds, widened } from "./windows.ts";
import type { BatchAnswer } from "./batches/query-batch.ts";

export function createEvidence(deps: EvidenceDeps): Evidence {
  const batches = createQueryBatches(deps);
  const customs = new CustomClients(deps);
  const counters = createCounterReader(deps, batches);
  const failed = (request: EvidenceRequest, error: unknown): string => {
    deps.log.warn({ canary: `${request.name}.${request.namespace}`, err: error }, "metrics could not be asked");
    return error instanceof Error ? error.message : String(error);
  };
  const admit = ({ prometheus, namespace }: EvidenceRequest): void => {
    const refusal =
      prometheus === deps.ownAddress ? undefined : refusalOf(asRequested(prometheus), deps.allowedAddresses, namespace);
    if (refusal !== undefined) throw new PrometheusError("RefusedAddress", `spec.metricsServer: ${refusal}`);
  };
  const orNothing = async <T>(
    request: EvidenceRequest,
    question: () => Promise<T | undefined>,
  ): Promise<T | undefined> => {
    try {
      admit(request);
      return await question();
    } catch (error: unknown) {
      failed(request, error);
      return undefined;
    }
  };
  return {
    async ask(request) {
      const askedAt = deps.now();
      try {
        admit(request);
        return await gatherEvidence(request, deps, { batches, counters, customs });
      } catch (error: unknown) {
        return { ok: false, askedAt, error: failed(request, error), code: checkCodeOf(error) };
      }
    },
    look: (request, isUrgent) => orNothing(request, () => counters.read(request, isUrgent)),
    staleCallers: (request) => {
      const window = shownWindow(request.metrics);
      return orNothing(request, () => findStale(request, deps, { batches, window }));
    },
  };
}

interface Sources {
  batches: QueryBatches;
  counters: CounterReader;
  customs: CustomClients;
}

async function gatherEvidence(
  request: EvidenceRequest,
  deps: EvidenceDeps,
  { batches, counters, customs }: Sources,
): Promise<MetricsSeen> {
  const shown = shownWindow(request.metrics);
  const [{ plan, requests }, ages] = await Promise.all([planned(request, deps, batches), batches.counters(request)]);
  const warmth = counters.warmth(request, ages);
  const [latency, custom] = await Promise.all([
    askLatencies(request, batches, { shown, plan }),
    askCustom(request, plan, { deps, customs, ...optional("warmth", warmth) }),
  ]);
  const answers: Answers = { requests, latency, warmup: warmupSeconds(request, deps), recent: recentSeconds(deps) };
  const track = canaryTrack(request);
  const unscraped = unscrapedIn(ages, track);
  const canary = measureTrack(answers, track, shown);
  const callersWanted = request.weight !== undefined && canary.requests === 0 && warmth?.firstAt === undefined;
  const staleCallers = callersWanted ? await findStale(request, deps, { batches, window: shown }) : undefined;
  const measured = plan.map(
    (one, index) => custom[index] ?? sure(builtInMeasurement(one, track, answers), request, deps),
  );
  if (plan.length === 0) measured.push(requestsMeasurement(track, answers, shown));
  return {
    ok: true,
    askedAt: Math.min(...[...requests.values(), ...latency.values()].map((answer) => answer.askedAt)),
    sampledAt: sampledAt(request, ages),
    ...(newestSampleIn(ages, primaryTrack(request)) === undefined ? { isUnwatched: true } : {}),
    windowSeconds: shown,
    primary: measureTrack(answers, primaryTrack(request), shown),
    canary,
    checks: judge(
      request.metrics,
      measured.map((measurement) =>
        withRequests(measurement, request, { answers, deps, unscraped, ...optional("warmth", warmth) }),
      ),
      policyOf(request),
    ),
    staleCallers: staleCallers ?? [],
    ...(unscraped.length === 0 ? {} : { unscraped }),
    ...(measured.some(({ tooYoung }) => tooYoung !== undefined) ? { isEarly: true } : {}),
  };
}

/** Which window each metric is measured over: longer than its own where that holds too few requests and the step is old enough. */
async function planned(
  request: EvidenceRequest,
  deps: EvidenceDeps,
  batches: QueryBatches,
): Promise<{ plan: Planned[]; requests: Answers["requests"] }> {
  const bases = request.metrics.map((spec) => ({ spec, window: windowSeconds(spec.interval) }));
  const shown = shownWindow(request.metrics);
  const requests = await askRequests(request, batches, [shown, ...bases.flatMap(({ window }) => window ?? [])]);
  const stepSeconds = request.weight === undefined ? 0 : (deps.now() - request.notBefore) / 1000;
  const plan = bases.map(({ spec, window }): Planned => {
    if (window === undefined) return { spec, window };
    const came = Math.round(requestsOver({ requests }, canaryTrack(request), window)?.requests ?? 0);
    return { spec, window: came < minimumOf(request) ? widened(window, stepSeconds) : window };
  });
  const wider = plan.flatMap(({ window }) => (window === undefined || requests.has(window) ? [] : [window]));
  return { plan, requests: new Map([...requests, ...(await askRequests(request, batches, wider))]) };
}

/** The pods' newest sample; while users are on the canary their callers' is as good. Of an earlier run of the same version it may be before. */
function sampledAt(request: EvidenceRequest, ages: BatchAnswer): number {
  const track = canaryTrack(request);
  const heard = request.weight === undefined ? undefined : newestHeardIn(ages, track);
  return Math.max(newestSampleIn(ages, track) ?? 0, heard ?? 0);
}

interface Context {
  answers: Answers;
  deps: EvidenceDeps;
  unscraped: readonly string[];
  warmth?: Warmth;
}

/** Every metric, the user's own too, rests on users' requests: a canary that they do not reach is never judged. */
function withRequests(measurement: Measurement, request: EvidenceRequest, context: Context): Measurement {
  const { answers, deps, unscraped, warmth } = context;
  const of = requestsOver(answers, canaryTrack(request), measurement.windowSeconds);
  if (of === undefined) return measurement;
  const stepSeconds = request.weight === undefined ? {} : { stepSeconds: (deps.now() - request.notBefore) / 1000 };
  const requests = Math.round(of.requests);
  return { ...measurement, requests, of, ...stepSeconds, ...unknownOf(unscraped), ...leftOut(request, warmth) };
}

/** What pods answered that nobody could read is not the same as nothing. */
function unknownOf(unscraped: readonly string[]): Pick<Measurement, "leftOut"> {
  if (unscraped.length === 0) return {};
  const [what, they] = unscraped.length === 1 ? ["pod", "it answers"] : ["pods", "they answer"];
  const why = `Prometheus cannot scrape ${what} ${unscraped.join(", ")} (up is 0), and no caller counted requests to it: what ${they} is not known`;
  return { leftOut: { code: "unscraped", why } };
}

/** Users have reached the canary, and all that it answered was its warm-up. */
function leftOut({ canary, warmupMs = 0 }: EvidenceRequest, warmth?: Warmth): Pick<Measurement, "leftOut"> {
  if (warmth?.firstAt === undefined) return {};
  const first = formatDuration(warmupMs);
  const why = `${canary} warms up, and what a pod answers in its first ${first} is no evidence (analysis.warmup)`;
  return { leftOut: { code: "warming-up", why } };
}

/** Pods of an earlier run of the same template cannot be told from this run's by their labels: their time must leave the window. */
function sure(measurement: Measurement, { earlierRunEndedAt }: EvidenceRequest, deps: EvidenceDeps): Measurement {
  if (earlierRunEndedAt === undefined) return measurement;
  const { windowSeconds: window } = measurement;
  const missing = Math.ceil(window - (deps.now() - earlierRunEndedAt) / 1000);
  if (missing <= 0) return measurement;
  const tooYoung = `its window of ${window}s still holds requests to an earlier run of this version; wait ${missing}s`;
  return { ...measurement, tooYoung };
}

async function findStale(
  request: EvidenceRequest,
  deps: EvidenceDeps,
  { batches, window }: { batches: QueryBatches; window: number },
): Promise<StaleCaller[] | undefined> {
  const callers = await batches.callers(request, window);
  if (!callers) return undefined;
  if (callers.length === 0) return [];
  try {
    return await deps.podsOlderThanRoute(callers, request);
  } catch (error: unknown) {
    // Naming them is help for a person, no part of the verdict.
    deps.log.warn({ canary: `${request.name}.${request.namespace}`, err: error }, "callers could not be looked at");
    return [];
  }
}

function minimumOf({ minRequests }: EvidenceRequest): number {
  return Math.max(1, minRequests ?? 1);
}

function policyOf(request: EvidenceRequest): JudgePolicy {
  const { name, namespace, canary } = request;
  return { canary: name, namespace, workload: canary, minRequests: minimumOf(request) };
}

/** From what Prometheus answered to what a decision is made from: both tracks, and each metric judged. Pure. */
import { formatDuration } from "../../shared/core/format/duration.ts";
import { optional } from "../../shared/core/format/compact.ts";
import { deciding } from "../../shared/core/analysis/deciding.ts";
import { judge, type JudgePolicy, type Measurement } from "../../shared/core/analysis/verdict.ts";
import type { MetricsSeen } from "../../shared/core/observation.ts";
import type { BatchAnswer } from "./batches/query-batch.ts";
import { builtInMeasurement, measureTrack, requestsMeasurement, requestsOver } from "./builtin-metrics.ts";
import { minimumOf, type Plan } from "./plan.ts";
import { canaryTrack, newestHeardIn, newestSampleIn, primaryTrack, unawareIn, unscrapedIn } from "./track-rows.ts";
import type { Answers, CustomAnswer, EvidenceRequest, Warmth } from "./types.ts";

/** All that came back for one check. */
export interface Answered {
  plan: Plan;
  answers: Answers;
  /** Counters as they are now, which also say how old their samples are. */
  counters: BatchAnswer;
  /** Parallel to the plan's metrics; undefined for the built-in ones. */
  custom: readonly (CustomAnswer | undefined)[];
  /** Missing where no warm-up is left out. */
  warmth?: Warmth;
  /** When all of it was there, ms. */
  now: number;
}

export type Measured = Extract<MetricsSeen, { ok: true }>;

/** Callers that do not obey the route are not known here: `staleCallers` is empty. */
export function measure(request: EvidenceRequest, answered: Answered): Measured {
  const { plan, answers, counters } = answered;
  const primary = primaryTrack(request);
  const unscraped = unscrapedIn(counters, canaryTrack(request));
  const unaware = request.weight === undefined ? unawareIn(counters, canaryTrack(request)) : [];
  const measured = measurementsOf(request, answered);
  const judged = measured.map((one) => withRequests(one, request, answered));
  return {
    ok: true,
    askedAt: Math.min(...[...answers.requests.values(), ...answers.latency.values()].map(({ askedAt }) => askedAt)),
    sampledAt: sampledAt(request, counters),
    ...(newestSampleIn(counters, primary) === undefined ? { isUnwatched: true } : {}),
    windowSeconds: plan.shown,
    primary: measureTrack(answers, primary, plan.shown),
    canary: measureTrack(answers, canaryTrack(request), plan.shown),
    checks: judge(request.metrics, judged, policyOf(request)),
    staleCallers: [],
    ...(unscraped.length === 0 ? {} : { unscraped }),
    ...(unaware.length === 0 ? {} : { unaware }),
    ...(isEarly(request, measured) ? { isEarly: true } : {}),
  };
}

/** Of a Canary whose requests are not counted: its own queries, each about this run alone, and nothing of either track. */
export function measureUncounted(
  request: EvidenceRequest,
  custom: readonly (CustomAnswer | undefined)[],
  at: { askedAt: number; sampledAt: number },
): Measured {
  const measured = custom.flatMap((own) => (own ? [customMeasurement(own, request)] : []));
  const [primary, canary] = [primaryTrack(request), canaryTrack(request)].map((track) =>
    measureTrack(nothingAsked, track, 1),
  );
  return {
    ok: true,
    ...at,
    windowSeconds: 0,
    primary: primary!,
    canary: canary!,
    checks: judge(request.metrics, measured, { ...policyOf(request), isUncounted: true }),
    staleCallers: [],
    ...(isEarly(request, measured) ? { isEarly: true } : {}),
  };
}

/** No user has reached a canary that has weight: somebody may not obey the route. */
export function isUnreached({ weight }: EvidenceRequest, { canary }: Measured, warmth?: Warmth): boolean {
  return weight !== undefined && canary.requests === 0 && warmth?.firstAt === undefined;
}

// --- internal ---

const nothingAsked: Answers = { requests: new Map(), latency: new Map(), warmup: 0, recent: 0 };

function measurementsOf(request: EvidenceRequest, answered: Answered): Measurement[] {
  const { plan, answers, custom, now } = answered;
  const track = canaryTrack(request);
  const found = plan.metrics.map((one, index) => {
    const own = custom[index];
    if (own) return { ...customMeasurement(own, request, answered.warmth), ...beforeUsers(request) };
    return afterEarlierRun(builtInMeasurement(one, track, answers), request, now);
  });
  return deciding(request.metrics).length > 0 ? found : [...found, requestsMeasurement(track, answers, plan.shown)];
}

/** Some metric that decides is not yet about this run alone. `measured` is parallel to the metrics. */
function isEarly({ metrics }: EvidenceRequest, measured: readonly Measurement[]): boolean {
  return measured.some(({ tooYoung }, index) => tooYoung !== undefined && metrics[index]?.dryRun !== true);
}

/** What a user's own query measures there, such as the end of a test, need not be users' requests. */
function beforeUsers({ weight }: EvidenceRequest): Pick<Measurement, "isBeforeUsers"> {
  return weight === undefined ? { isBeforeUsers: true } : {};
}

/** The pods' newest sample, or while users are on the canary their callers' newest. Before the first weight it may be of an earlier run. */
function sampledAt(request: EvidenceRequest, counters: BatchAnswer): number {
  const track = canaryTrack(request);
  const heard = request.weight === undefined ? undefined : newestHeardIn(counters, track);
  return Math.max(newestSampleIn(counters, track) ?? 0, heard ?? 0);
}

/** Every metric, the user's own too, rests on users' requests once it has a weight: a canary that they do not reach is never judged. */
function withRequests(measurement: Measurement, request: EvidenceRequest, answered: Answered): Measurement {
  const { answers, counters, warmth, now } = answered;
  const of = requestsOver(answers, canaryTrack(request), measurement.windowSeconds);
  if (of === undefined) return measurement;
  const stepSeconds = request.weight === undefined ? undefined : (now - request.notBefore) / 1_000;
  return {
    ...measurement,
    requests: Math.round(of.requests),
    of,
    ...optional("stepSeconds", stepSeconds),
    ...unknownOf(unscrapedIn(counters, canaryTrack(request))),
    ...leftOut(request, warmth),
  };
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
function afterEarlierRun(measurement: Measurement, { earlierRunEndedAt }: EvidenceRequest, now: number): Measurement {
  const { windowSeconds } = measurement;
  const missing = missingSeconds(windowSeconds, earlierRunEndedAt, now);
  if (missing === undefined) return measurement;
  const tooYoung = `its window of ${windowSeconds}s still holds requests to an earlier run of this version; wait ${missing}s`;
  return { ...measurement, tooYoung };
}

/** A user's own query cannot be narrowed to this run's pods, and cannot leave out what they answered while they warmed up. */
function customMeasurement(own: CustomAnswer, { runStartedAt }: EvidenceRequest, warmth?: Warmth): Measurement {
  const { measurement, reachSeconds, askedAt } = own;
  if ("error" in measurement.answer) return measurement;
  const window = Math.max(measurement.windowSeconds, reachSeconds);
  const beforeRun = missingSeconds(window, runStartedAt, askedAt);
  if (beforeRun !== undefined)
    return {
      ...measurement,
      tooYoung: `its window of ${window}s still holds time from before this run; wait ${beforeRun}s`,
    };
  const beforeWarm = missingSeconds(window, warmth?.lastAt, askedAt);
  if (beforeWarm === undefined) return measurement;
  const tooYoung = `its window of ${window}s still holds what pods answered while they warmed up; wait ${beforeWarm}s`;
  return { ...measurement, tooYoung };
}

/** How many seconds later a window that ends at `now` holds nothing from before `since`; undefined where it holds nothing now. */
function missingSeconds(window: number, since: number | undefined, now: number): number | undefined {
  if (since === undefined) return undefined;
  const missing = Math.ceil(window - (now - since) / 1_000);
  return missing > 0 ? missing : undefined;
}

function policyOf(request: EvidenceRequest): JudgePolicy {
  const { name, namespace, canary } = request;
  return { canary: name, namespace, workload: canary, minRequests: minimumOf(request) };
}

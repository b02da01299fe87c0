/**
 * What one canary needs to know from Prometheus, in one answer: users' requests to both tracks, each metric judged, and who does
 * not obey the route. Never throws: a Prometheus that fails is an answer too, and the core holds everything on it.
 */
import type { StaleCaller } from "../../shared/core/format/restart-command.ts";
import { refusalOf } from "../../shared/core/queries/allowed-addresses.ts";
import type { MetricsSeen } from "../../shared/core/observation.ts";
import { optional } from "../../shared/core/format/compact.ts";
import { asRequested } from "../../shared/prometheus.ts";
import { checkCodeOf, PrometheusError } from "../../shared/prometheus-error.ts";
import { createQueryBatches, type QueryBatches } from "./batches/query-batches.ts";
import type { BatchAnswer } from "./batches/query-batch.ts";
import { createCounterReader, type CounterReader } from "./counters/counter-reader.ts";
import { askCustom, CustomClients } from "./custom/custom-metrics.ts";
import { type Answered, isUnreached, measure, measureUncounted } from "./measure.ts";
import { latencyWindows, planOf, requestWindows, widenedPlan } from "./plan.ts";
import type { Answers, Evidence, EvidenceDeps, EvidenceRequest } from "./types.ts";
import { shownWindow } from "../../shared/core/queries/windows.ts";
import { recentSeconds, warmupSeconds } from "./windows.ts";

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

/** Planned, asked and measured. Who does not obey the route is asked last, and only where no user has reached a canary that has weight. */
async function gatherEvidence(request: EvidenceRequest, deps: EvidenceDeps, sources: Sources): Promise<MetricsSeen> {
  if (request.isUncounted) {
    const askedAt = deps.now();
    const custom = await askCustom(request, planOf(request).metrics, { deps, customs: sources.customs });
    return measureUncounted(request, custom, { askedAt, sampledAt: deps.now() });
  }
  const answered = await askPlanned(request, deps, sources);
  const measured = measure(request, answered);
  if (!isUnreached(request, measured, answered.warmth)) return measured;
  const staleCallers = await findStale(request, deps, { ...sources, window: answered.plan.shown });
  return { ...measured, staleCallers: staleCallers ?? [] };
}

async function askPlanned(
  request: EvidenceRequest,
  deps: EvidenceDeps,
  { batches, counters, customs }: Sources,
): Promise<Answered> {
  const askRequests = (windows: readonly number[]): Promise<Answers["requests"]> =>
    askEach(windows, (window) => batches.requests(request, window));
  const first = planOf(request);
  const [few, ages] = await Promise.all([askRequests(requestWindows(first)), batches.counters(request)]);
  const warmth = counters.warmth(request, ages);
  const plan = widenedPlan(first, request, { requests: few, now: deps.now() });
  const wider = requestWindows(plan).filter((window) => !few.has(window));
  const [more, latency, custom] = await Promise.all([
    askRequests(wider),
    askEach(latencyWindows(plan), (window) => batches.latency(request, window)),
    askCustom(request, plan.metrics, { deps, customs }),
  ]);
  const answers: Answers = {
    requests: new Map([...few, ...more]),
    latency,
    warmup: warmupSeconds(request, deps),
    recent: recentSeconds(deps),
  };
  return { plan, answers, counters: ages, custom, now: deps.now(), ...optional("warmth", warmth) };
}

async function askEach(
  windows: readonly number[],
  ask: (window: number) => Promise<BatchAnswer>,
): Promise<Map<number, BatchAnswer>> {
  return new Map(await Promise.all(windows.map(async (window) => [window, await ask(window)] as const)));
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

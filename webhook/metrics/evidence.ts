/**
 * What one canary needs to know from Prometheus, in one answer: users' requests to both tracks, each metric judged, and who does
 * not obey the route. Never throws: a Prometheus that fails is an answer too, and the core holds everything on it.
 */
import type { MetricSpec } from "../../shared/core/canary.ts";
import { builtIn, isBuiltIn, judge, type JudgePolicy, type Measurement } from "../../shared/core/judge.ts";
import type { MetricServer, MetricTemplate } from "../../shared/core/metrictemplate.ts";
import {
  defaultWindowSeconds,
  latencyMsOf,
  requestsOf,
  successPercentOf,
  windowSeconds,
} from "../../shared/core/queries.ts";
import type { MetricsSeen } from "../../shared/core/state.ts";
import type { Prometheus } from "../../shared/prometheus.ts";
import { createBoard, type Board } from "./board.ts";
import type { BatchAnswer } from "./batch.ts";
import { askCustom } from "./custom.ts";
import { exactTrack, latenciesIn, type MaybeTrack, requestsIn, sampleAgeIn, trackMetrics } from "./tracks.ts";

/** What a canary asks. Hashes are pod-template-hash values; undefined while no ReplicaSet has that template. */
export interface EvidenceRequest {
  /** The Canary's name and namespace. */
  name: string;
  namespace: string;
  /** The target Deployment, which runs stable, and the canary Deployment. */
  target: string;
  canary: string;
  apex: { name: string; port: number };
  stableHash: string | undefined;
  canaryHash: string | undefined;
  /** Address of the Prometheus for everything but templates with an address of their own. */
  prometheus: string;
  metrics: readonly MetricSpec[];
  /** Nothing asked before this (ms, our clock) is taken: the time when the weight last moved. */
  notBefore: number;
  /** When this run's canary pods were made, ms. A query of the user's own is not believed while its window reaches further back. */
  runStartedAt?: number;
  /** Fewer users' requests per metric window are no evidence; 1 by default. */
  minRequests?: number;
  /** Ask who calls even if the canary gets requests. */
  wantCallers?: boolean;
}

/** A meshed pod that sent requests to the apex, and the Service that its proxy chose for them. */
export interface Caller {
  namespace: string;
  pod: string;
  deployment: string;
  dstService: string;
}

export interface EvidenceDeps {
  /** A client for a server; called once per distinct server and kept. */
  prometheus(server: Required<Pick<MetricServer, "address">> & MetricServer): Prometheus;
  metricTemplate(at: { namespace: string; name: string }): Promise<MetricTemplate | undefined>;
  /** Which of the callers have a proxy that is older than the route, as `namespace/pod`. */
  podsOlderThanRoute(callers: readonly Caller[], request: EvidenceRequest): Promise<string[]>;
  now(): number;
  log: { warn(details: object, message: string): void };
  /** How long the first of several askers waits for the others; 20 by default. */
  gatherMs?: number;
  /** How long an answer may be shared with later askers; 1000 by default. */
  keepMs?: number;
}

export interface Evidence {
  ask(request: EvidenceRequest): Promise<MetricsSeen>;
}

export function createEvidence(deps: EvidenceDeps): Evidence {
  const board = createBoard(deps);
  return {
    async ask(request) {
      const askedAt = deps.now();
      try {
        return await gatherEvidence(request, deps, board);
      } catch (error: unknown) {
        const sentence = error instanceof Error ? error.message : String(error);
        deps.log.warn({ canary: `${request.name}.${request.namespace}`, err: error }, "metrics could not be asked");
        return { ok: false, askedAt, error: sentence };
      }
    },
  };
}

/** Answers of the batched questions for each window that the canary's metrics use. */
interface Answers {
  requests: Map<number, BatchAnswer>;
  latency: Map<number, BatchAnswer>;
  age: BatchAnswer;
}

async function gatherEvidence(request: EvidenceRequest, deps: EvidenceDeps, board: Board): Promise<MetricsSeen> {
  const shown = shownWindow(request.metrics);
  const [answers, custom] = await Promise.all([askAll(request, board, shown), askCustom(request, deps, board)]);
  const canary = measureTrack(answers, canaryTrack(request), shown);
  const callersWanted = request.wantCallers === true || canary.requests === 0;
  const staleCallers = callersWanted ? await findStale(request, deps, { board, window: shown }) : [];
  const measured = request.metrics.map((spec, index) => custom[index] ?? builtInMeasurement(spec, request, answers));
  if (request.metrics.length === 0) measured.push(requestsMeasurement(request, answers, shown));
  const age = sampleAgeIn(answers.age.samples, canaryTrack(request));
  return {
    ok: true,
    askedAt: Math.min(...[...answers.requests.values(), ...answers.latency.values()].map((answer) => answer.askedAt)),
    sampledAt: age === undefined ? 0 : Math.round(answers.age.askedAt - age),
    windowSeconds: shown,
    primary: measureTrack(answers, primaryTrack(request), shown),
    canary,
    checks: judge(
      request.metrics,
      measured.map((measurement) => withRequests(measurement, request, answers)),
      policyOf(request),
    ),
    staleCallers,
  };
}

async function askAll(request: EvidenceRequest, board: Board, shown: number): Promise<Answers> {
  const windows = new Set([shown, ...request.metrics.flatMap((spec) => windowSeconds(spec.interval) ?? [])]);
  const slow = request.metrics.filter((spec) => isBuiltIn(spec) && spec.name === builtIn.duration);
  const latencyWindows = new Set([shown, ...slow.flatMap((spec) => windowSeconds(spec.interval) ?? [])]);
  const each = async (
    ask: (window: number) => Promise<BatchAnswer>,
    of: Set<number>,
  ): Promise<Map<number, BatchAnswer>> =>
    new Map(await Promise.all([...of].map(async (window) => [window, await ask(window)] as const)));
  const [requests, latency, age] = await Promise.all([
    each((window) => board.requests(request, window), windows),
    each((window) => board.latency(request, window), latencyWindows),
    board.sampleAge(request),
  ]);
  return { requests, latency, age };
}

function measureTrack(answers: Answers, track: MaybeTrack, window: number): ReturnType<typeof trackMetrics> {
  const requests = requestsIn(answers.requests.get(window)?.samples ?? [], track);
  return trackMetrics(requests, latenciesIn(answers.latency.get(window)?.samples ?? [], track), window);
}

function builtInMeasurement(spec: MetricSpec, request: EvidenceRequest, answers: Answers): Measurement {
  const window = windowSeconds(spec.interval);
  if (window === undefined) return badInterval(spec);
  const track = canaryTrack(request);
  if (spec.name === builtIn.duration) {
    const answer = answers.latency.get(window);
    const p99 = latenciesIn(answer?.samples ?? [], track).get("p99");
    const values = p99 === undefined ? [] : [p99];
    return { ...measuredAt(answer, window), query: latencyMsOf(exactTrack(track), window), answer: { values } };
  }
  const answer = answers.requests.get(window);
  const { succeeded, failed } = requestsIn(answer?.samples ?? [], track);
  const values = succeeded + failed > 0 ? [(100 * succeeded) / (succeeded + failed)] : [];
  return { ...measuredAt(answer, window), query: successPercentOf(exactTrack(track), window), answer: { values } };
}

function requestsMeasurement(request: EvidenceRequest, answers: Answers, window: number): Measurement {
  const query = requestsOf(exactTrack(canaryTrack(request)), window);
  return { ...measuredAt(answers.requests.get(window), window), query, answer: { values: [] } };
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

/** Every metric, the user's own too, rests on users' requests: a canary that they do not reach is never judged. */
function withRequests(measurement: Measurement, request: EvidenceRequest, answers: Answers): Measurement {
  const answer = answers.requests.get(measurement.windowSeconds);
  if (answer === undefined) return measurement;
  const { succeeded, failed } = requestsIn(answer.samples, canaryTrack(request));
  return { ...measurement, requests: Math.round(succeeded + failed) };
}

async function findStale(
  request: EvidenceRequest,
  deps: EvidenceDeps,
  { board, window }: { board: Board; window: number },
): Promise<string[]> {
  const callers = await board.callers(request, window);
  if (callers.length === 0) return [];
  try {
    return await deps.podsOlderThanRoute(callers, request);
  } catch (error: unknown) {
    // Naming them is help for a person, no part of the verdict.
    deps.log.warn({ canary: `${request.name}.${request.namespace}`, err: error }, "callers could not be looked at");
    return [];
  }
}

/** The shortest window of the canary's metrics: what status shows is never older than what a metric judges. */
function shownWindow(metrics: readonly MetricSpec[]): number {
  const windows = metrics.flatMap((spec) => windowSeconds(spec.interval) ?? []);
  return windows.length === 0 ? defaultWindowSeconds : Math.min(...windows);
}

function policyOf({ name, namespace, canary, minRequests }: EvidenceRequest): JudgePolicy {
  return { canary: name, namespace, workload: canary, minRequests: minRequests ?? 1 };
}

function primaryTrack({ namespace, target, stableHash }: EvidenceRequest): MaybeTrack {
  return { namespace, deployment: target, podTemplateHash: stableHash };
}

function canaryTrack({ namespace, canary, canaryHash }: EvidenceRequest): MaybeTrack {
  return { namespace, deployment: canary, podTemplateHash: canaryHash };
}

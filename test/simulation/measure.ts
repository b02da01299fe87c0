/** What Prometheus says of a played run: of its users' requests, and of a query of the Canary's own. */
import { deciding } from "../../shared/core/analysis/deciding.ts";
import { isBuiltIn, judge, type Measurement } from "../../shared/core/analysis/verdict.ts";
import { noCounts } from "../../shared/core/analysis/track-counts.ts";
import type { MetricSpec } from "../../shared/core/objects/canary.ts";
import type { CountersSeen, MetricsSeen } from "../../shared/core/observation.ts";
import { windowSeconds as windowOf } from "../../shared/core/queries/queries.ts";
import type { Policy } from "../../shared/core/spec/policy.ts";
import type { CanaryState } from "../../shared/core/state.ts";
import { aTrack, start } from "../builders.ts";
import { buildOf, canaryEndpoints, shareOf, type World } from "./world.ts";

export function measure(world: World, state: CanaryState, policy: Policy): MetricsSeen {
  const askedAt = world.now;
  if (world.prometheus === "down")
    return { ok: false, askedAt, error: "http://prometheus:9090 did not answer within 5s", code: "timeout" };
  const isUnjudged = policy.countsRequests && deciding(policy.metrics).length === 0;
  const all = isUnjudged ? [counted(world, policy, requestsTo(world))] : [];
  const measured = [...policy.metrics.map((metric) => measurementOf(world, metric, { state, policy })), ...all];
  const checks = judge(policy.metrics, measured, {
    ...{ canary: "podinfo", namespace: "test", workload: "podinfo-canary", minRequests: 1 },
    ...(policy.countsRequests ? {} : { isUncounted: true }),
  });
  const early = measured.some(({ tooYoung }) => tooYoung !== undefined) ? { isEarly: true } : {};
  const tracks = policy.countsRequests ? tracksOf(world) : uncounted(world);
  return { ok: true, askedAt, checks, ...tracks, ...early };
}

/** How long the canary's pods are still warming up, where what they answer meanwhile is left out. */
export function countersIn(world: World, { warmupMs }: Policy): CountersSeen | undefined {
  const { firstAnswerAt, now, scrapeMs } = world;
  if (warmupMs === 0 || world.prometheus === "down") return undefined;
  const pods = isCold(world, warmupMs) ? canaryEndpoints(world).ready : 0;
  const evidence = firstAnswerAt === undefined ? {} : { evidenceAt: firstAnswerAt + warmupMs + 3 * scrapeMs };
  const warmup = { canary: noCounts, primary: noCounts, pods, ...evidence };
  return { epoch: start, at: now, canary: noCounts, primary: noCounts, warmup };
}

// --- internal ---

const windowSeconds = 10;

type Tracks = Pick<
  Extract<MetricsSeen, { ok: true }>,
  "sampledAt" | "windowSeconds" | "primary" | "canary" | "staleCallers"
>;

function tracksOf(world: World): Tracks {
  const requests = requestsTo(world);
  const all = world.requestsPerSecond * windowSeconds + loadTested(world);
  const { latencyMs, successPercent } = builtIn(world);
  return {
    sampledAt: sampledAt(world),
    windowSeconds,
    primary: aTrack({ requests: all - requests, requestsPerSecond: (all - requests) / windowSeconds }),
    canary: aTrack({
      requests,
      failures: Math.round((requests * (100 - successPercent)) / 100),
      requestsPerSecond: requests / windowSeconds,
      latencyMs: { p50: latencyMs / 2, p95: latencyMs, p99: latencyMs },
    }),
    staleCallers: world.obeyed ? [] : [{ pod: "test/load-6b4c8f7d5-x2x7p" }],
  };
}

function uncounted(world: World): Tracks {
  const none = aTrack({ requests: 0, requestsPerSecond: 0 });
  return { sampledAt: world.now, windowSeconds: 0, primary: none, canary: none, staleCallers: [] };
}

const builtIn = (world: World): ReturnType<typeof buildOf> => buildOf(world, world.canary?.tag ?? world.target.tag);

const loadTested = (world: World): number =>
  canaryEndpoints(world).ready > 0 ? world.loadTestPerSecond * windowSeconds : 0;

function requestsTo(world: World): number {
  const share = canaryEndpoints(world).ready > 0 ? shareOf(world) : 0;
  return Math.round((world.requestsPerSecond * windowSeconds * share) / 100) + loadTested(world);
}

interface Judged {
  state: CanaryState;
  policy: Policy;
}

function measurementOf(world: World, metric: MetricSpec, { state, policy }: Judged): Measurement {
  const { latencyMs, successPercent } = builtIn(world);
  if (isBuiltIn(metric)) return counted(world, policy, metric.name === "request-duration" ? latencyMs : successPercent);
  const window = windowOf(metric.interval) ?? windowSeconds;
  const since = Math.max(state.run?.startedAt ?? 0, isWarmed(world, policy) ? warmAt(world, policy) : 0);
  const missing = Math.ceil(window - (world.now - since) / 1_000);
  return {
    ...counted(world, policy, 100 - successPercent),
    windowSeconds: window,
    ...(state.weight === 0 ? { isBeforeUsers: true } : {}),
    ...(missing > 0 ? { tooYoung: `its window of ${window}s is too young; wait ${missing}s` } : {}),
  };
}

/** A value that rests on users' requests. */
function counted(world: World, { warmupMs }: Policy, value: number): Measurement {
  const at = new Date(world.now).toISOString();
  const one = { windowSeconds, query: "rate(response_total[10s])", at, answer: { values: [value] } };
  const requests = requestsTo(world);
  if (requests === 0 || !isCold(world, warmupMs)) return { ...one, requests };
  return { ...one, requests: 0, leftOut: { code: "warming-up", why: "podinfo-canary warms up" } };
}

const isWarmed = (world: World, { warmupMs }: Policy): boolean => warmupMs > 0 && world.firstAnswerAt !== undefined;

const warmAt = ({ firstAnswerAt = 0 }: World, { warmupMs }: Policy): number => firstAnswerAt + warmupMs;

const isCold = ({ now, firstAnswerAt = now }: World, warmupMs: number): boolean => now < firstAnswerAt + warmupMs;

/** Probes are counted, so a pod has series from the first scrape on after it is ready. */
function sampledAt(world: World): number {
  const at = lastScrape(world);
  return world.canary?.pods.some((pod) => pod.readyAt <= at && pod.tag === world.canary?.tag) ? at : 0;
}

function lastScrape(world: World): number {
  return start + Math.floor((world.now - start) / world.scrapeMs) * world.scrapeMs;
}

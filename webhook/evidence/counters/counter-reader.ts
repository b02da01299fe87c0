/** Reads the counters for each canary from look to look: what both tracks got, and whether the share follows the weight. */
import { slowLimitOf } from "../../../shared/core/analysis/slow-limit.ts";
import { believedScrapes } from "../../../shared/core/analysis/traffic-share.ts";
import type { CountersSeen, ShareSeen } from "../../../shared/core/observation.ts";
import { optional } from "../../../shared/core/format/compact.ts";
import type { StaleCaller } from "../../../shared/core/format/restart-command.ts";
import type { BatchAnswer } from "../batches/query-batch.ts";
import { askedApex, type QueryBatches } from "../batches/query-batches.ts";
import type { Sent } from "./callers-growth.ts";
import { recentSeconds } from "../windows.ts";
import type { Caller, EvidenceDeps, EvidenceRequest, Warmth } from "../types.ts";
import { createCounterGrowth, type CounterGrowth } from "./counter-growth.ts";
import { createShareWatch, type ShareFinding, type ShareWatch } from "./share-watch.ts";
import { canaryTrack, newestSampleIn, primaryTrack } from "../track-rows.ts";

interface Watch {
  growth: CounterGrowth;
  split: ShareWatch;
  /** Which of the callers that do not obey are too old to. Asked again when others do not obey. */
  stale?: { of: string; callers: StaleCaller[] };
  usedAt: number;
}

export interface CounterReader {
  /** Undefined only where `isUrgent` is false and the next reading's turn has not come. */
  read(request: EvidenceRequest, isUrgent: boolean): Promise<CountersSeen | undefined>;
  /** How warm the canary's pods are by an answer of the counters; undefined where no warm-up is left out. */
  warmth(request: EvidenceRequest, answer: BatchAnswer): Warmth | undefined;
}

/** After a pod is warm, its first evidence takes the scrape that is left out besides, and two that bring something. */
const scrapesToEvidence = 3;

const unusedMs = 10 * 60_000;

export function createCounterReader(deps: EvidenceDeps, batches: QueryBatches): CounterReader {
  const watches = new Map<string, Watch>();

  function watchOf(request: EvidenceRequest): Watch {
    const now = deps.now();
    for (const [key, { usedAt }] of watches) if (now - usedAt > unusedMs) watches.delete(key);
    const { namespace, name, canaryHash, stableHash, runStartedAt, warmupMs } = request;
    const key = JSON.stringify([namespace, name, canaryHash, stableHash, runStartedAt, warmupMs]);
    const watch = watches.get(key) ?? startWatch(request, deps);
    watch.usedAt = now;
    watches.set(key, watch);
    return watch;
  }

  /** An answer that was taken in before changes nothing. */
  function advance(request: EvidenceRequest, answer: BatchAnswer): Watch {
    const watch = watchOf(request);
    watch.split.weigh(request.weight ?? 0, request.notBefore);
    const increment = watch.growth.read(answer);
    if (increment) watch.split.see(increment);
    return watch;
  }

  return {
    warmth: (request, answer) => ((request.warmupMs ?? 0) > 0 ? advance(request, answer).growth.warmth() : undefined),
    async read(request, isUrgent) {
      const answer = await (isUrgent ? batches.counters(request) : batches.countersAtOnce(request));
      if (!answer) return undefined;
      const watch = advance(request, answer);
      const { growth, split } = watch;
      const finding = split.finding();
      const share = finding && (await shareSeen(finding, { request, deps, watch }));
      const sampledAt = newestSampleIn(answer, canaryTrack(request));
      const deniedBy = growth.deniedBy();
      const { warmup, ...total } = growth.total();
      return {
        ...total,
        at: answer.askedAt,
        ...optional("sampledAt", sampledAt),
        ...optional("share", share),
        ...optional("deniedBy", deniedBy),
        ...optional("canaryOrigin", growth.canaryOrigin()),
        ...optional("warmup", warmup && { ...warmup, ...warmupOf(growth.warmth(), deps.scrapeIntervalMs) }),
      };
    },
  };
}

// --- internal ---

function warmupOf(
  { pods, firstAt }: Warmth,
  scrapeIntervalMs: number,
): Pick<NonNullable<CountersSeen["warmup"]>, "pods" | "evidenceAt"> {
  return { pods, ...optional("evidenceAt", firstAt && Math.round(firstAt + scrapesToEvidence * scrapeIntervalMs)) };
}

function startWatch(request: EvidenceRequest, deps: EvidenceDeps): Watch {
  const growth = createCounterGrowth({
    canary: canaryTrack(request),
    primary: primaryTrack(request),
    apex: askedApex(request),
    recentMs: 1_000 * recentSeconds(deps),
    ...optional("boundMs", slowLimitOf(request.metrics)?.boundMs),
    ...optional("warmupMs", request.warmupMs),
    ...optional("isResumed", request.isResumed),
  });
  return { growth, split: createShareWatch(deps.scrapeIntervalMs), usedAt: 0 };
}

interface Looking {
  request: EvidenceRequest;
  deps: EvidenceDeps;
  watch: Watch;
}

async function shareSeen(finding: ShareFinding, looking: Looking): Promise<ShareSeen> {
  const { source, canary, all, low, high, scrapes, disobeying } = finding;
  const seen = { source, canary, all, low, high, scrapes };
  const { request, deps } = looking;
  const callers = disobeying.map((one) => callerOf(one, request));
  try {
    const stale = sharesOf(await staleAmong(callers, looking), finding);
    if (finding.deviation === undefined || scrapes < believedScrapes) return { ...seen, staleCallers: [], ...stale };
    const { staleCallers, cause } = await deps.whyNotObeyed(callers, request);
    return { ...seen, staleCallers, ...stale, ...optional("cause", cause) };
  } catch (error: unknown) {
    // The cause is help for a person; that the share is wrong is known without it.
    deps.log.warn({ canary: `${request.name}.${request.namespace}`, err: error }, "callers could not be looked at");
    return { ...seen, staleCallers: [] };
  }
}

function callerOf({ namespace, pod, deployment, canary, direct }: Sent, { apex }: EvidenceRequest): Caller {
  return { namespace, pod, deployment, dstService: canary === 0 && direct > 0 ? apex.name : "" };
}

/** Who ignores the route until it is restarted is named at once, however little it sends. */
async function staleAmong(callers: readonly Caller[], { request, deps, watch }: Looking): Promise<StaleCaller[]> {
  const of = JSON.stringify(callers.map(({ namespace, pod, dstService }) => [namespace, pod, dstService]).sort());
  if (watch.stale?.of !== of) {
    const found = callers.length === 0 ? [] : await deps.podsOlderThanRoute(callers, request);
    watch.stale = { of, callers: found };
  }
  return watch.stale.callers;
}

function sharesOf(stale: readonly StaleCaller[], { disobeying, all }: ShareFinding): Pick<ShareSeen, "stale"> {
  const shares = stale.map((caller) => {
    const sent = disobeying.find(({ namespace, pod }) => `${namespace}/${pod}` === caller.pod);
    return { ...caller, percent: all > 0 ? (100 * (sent?.all ?? 0)) / all : 0 };
  });
  return shares.length === 0 ? {} : { stale: shares };
}

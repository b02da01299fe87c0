/** Reads the ledger for each canary from look to look: what both tracks got, and whether the share follows the weight. */
import { canaryName } from "../../shared/core/objects/names.ts";
import { believedScrapes } from "../../shared/core/analysis/traffic-share.ts";
import type { CountersSeen, ShareSeen } from "../../shared/core/observation.ts";
import { optional } from "../../shared/core/format/compact.ts";
import type { BatchAnswer } from "./query-batch.ts";
import { apexOf, isSentTo, type QueryBatches } from "./query-batches.ts";
import type { EvidenceDeps, EvidenceRequest, Warmth } from "./types.ts";
import { createCounterGrowth, type CounterGrowth } from "./counter-growth.ts";
import { createShareWatch, type ShareFinding, type ShareWatch } from "./share-watch.ts";
import { canaryTrack, newestSampleIn, primaryTrack } from "./track-rows.ts";

interface Watch {
  meter: CounterGrowth;
  split: ShareWatch;
  usedAt: number;
}

export interface CounterReader {
  /** Undefined only where `isUrgent` is false and the next reading's turn has not come. */
  read(request: EvidenceRequest, isUrgent: boolean): Promise<CountersSeen | undefined>;
  /** Where the canary's pods stand by an answer of the ledger; undefined where no warm-up is left out. */
  warmth(request: EvidenceRequest, answer: BatchAnswer): Warmth | undefined;
}

/** After a pod is warm, its first evidence takes the scrape that is left out besides, and two that bring something. */
const scrapesToEvidence = 3;

const unusedMs = 10 * 60_000;

export function createCounterReader(deps: EvidenceDeps, board: QueryBatches): CounterReader {
  const watches = new Map<string, Watch>();

  function watchOf(request: EvidenceRequest): Watch {
    const now = deps.now();
    for (const [key, { usedAt }] of watches) if (now - usedAt > unusedMs) watches.delete(key);
    const { namespace, name, canaryHash, stableHash, runStartedAt, warmupMs } = request;
    const key = JSON.stringify([namespace, name, canaryHash, stableHash, runStartedAt, warmupMs]);
    const watch = watches.get(key) ?? startWatch(request, deps.scrapeIntervalMs);
    watch.usedAt = now;
    watches.set(key, watch);
    return watch;
  }

  /** An answer that was taken in before changes nothing. */
  function advance(request: EvidenceRequest, answer: BatchAnswer): Watch {
    const watch = watchOf(request);
    watch.split.weigh(request.weight ?? 0, request.notBefore);
    const increment = watch.meter.read(answer);
    if (increment) watch.split.see(increment);
    return watch;
  }

  return {
    warmth: (request, answer) => ((request.warmupMs ?? 0) > 0 ? advance(request, answer).meter.warmth() : undefined),
    async read(request, isUrgent) {
      const answer = await (isUrgent ? board.ledger(request) : board.ledgerAtOnce(request));
      if (!answer) return undefined;
      const { meter, split } = advance(request, answer);
      const finding = split.finding();
      const share = finding && (await shareSeen(finding, request, deps));
      const sampledAt = newestSampleIn(answer, canaryTrack(request));
      const { warmup, ...total } = meter.total();
      return {
        ...total,
        at: answer.askedAt,
        ...optional("sampledAt", sampledAt),
        ...optional("share", share),
        ...optional("warmup", warmup && { ...warmup, ...warmupOf(meter.warmth(), deps.scrapeIntervalMs) }),
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

function startWatch(request: EvidenceRequest, scrapeIntervalMs: number): Watch {
  const apex = apexOf(request);
  const meter = createCounterGrowth({
    canary: canaryTrack(request),
    primary: primaryTrack(request),
    isToApex: (labels) => isSentTo(labels, apex),
    leaf: canaryName(request.apex.name),
    ...optional("warmupMs", request.warmupMs),
  });
  return { meter, split: createShareWatch(scrapeIntervalMs), usedAt: 0 };
}

async function shareSeen(finding: ShareFinding, request: EvidenceRequest, deps: EvidenceDeps): Promise<ShareSeen> {
  const { source, canary, all, low, high, scrapes, disobeying } = finding;
  const seen = { source, canary, all, low, high, scrapes };
  if (finding.deviation === undefined || scrapes < believedScrapes) return { ...seen, scrapes, staleCallers: [] };
  const callers = disobeying.map(({ namespace, pod, deployment, canary: reached }) => {
    return { namespace, pod, deployment, dstService: reached > 0 ? "" : request.apex.name };
  });
  try {
    const { staleCallers, cause } = await deps.whyNotObeyed(callers, request);
    return { ...seen, staleCallers, ...(cause === undefined ? {} : { cause }) };
  } catch (error: unknown) {
    // The cause is help for a person; that the share is wrong is known without it.
    deps.log.warn({ canary: `${request.name}.${request.namespace}`, err: error }, "callers could not be looked at");
    return { ...seen, staleCallers: [] };
  }
}

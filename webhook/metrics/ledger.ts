/** Reads the ledger for each canary from look to look: what both tracks got, and whether the share follows the weight. */
import { canaryName } from "../../shared/core/names.ts";
import { believedScrapes } from "../../shared/core/share.ts";
import type { LedgerSeen, ShareSeen } from "../../shared/core/state.ts";
import { optional } from "../../shared/optional.ts";
import { apexOf, isSentTo, type Board } from "./board.ts";
import type { EvidenceDeps, EvidenceRequest } from "./evidence.ts";
import { createMeter, type Meter } from "./meter.ts";
import { createSplitWatch, type ShareFinding, type SplitWatch } from "./split.ts";
import { canaryTrack, newestSampleIn, primaryTrack } from "./tracks.ts";

interface Watch {
  meter: Meter;
  split: SplitWatch;
  usedAt: number;
}

export interface LedgerReader {
  read(request: EvidenceRequest): Promise<LedgerSeen>;
}

const unusedMs = 10 * 60_000;

export function createLedgerReader(deps: EvidenceDeps, board: Board): LedgerReader {
  const watches = new Map<string, Watch>();

  function watchOf(request: EvidenceRequest): Watch {
    const now = deps.now();
    for (const [key, { usedAt }] of watches) if (now - usedAt > unusedMs) watches.delete(key);
    const { namespace, name, canaryHash, stableHash, runStartedAt } = request;
    const key = JSON.stringify([namespace, name, canaryHash, stableHash, runStartedAt]);
    const watch = watches.get(key) ?? startWatch(request, deps.scrapeIntervalMs);
    watch.usedAt = now;
    watches.set(key, watch);
    return watch;
  }

  return {
    async read(request) {
      const answer = await board.ledger(request);
      const { meter, split } = watchOf(request);
      split.weigh(request.weight ?? 0, request.notBefore);
      const increment = meter.read(answer);
      if (increment) split.see(increment);
      const finding = split.finding();
      const share = finding && (await shareSeen(finding, request, deps));
      const sampledAt = newestSampleIn(answer, canaryTrack(request));
      return { ...meter.total(), at: answer.askedAt, ...optional("sampledAt", sampledAt), ...optional("share", share) };
    },
  };
}

// --- internal ---

function startWatch(request: EvidenceRequest, scrapeIntervalMs: number): Watch {
  const apex = apexOf(request);
  const meter = createMeter({
    canary: canaryTrack(request),
    primary: primaryTrack(request),
    isToApex: (labels) => isSentTo(labels, apex),
    leaf: canaryName(request.apex.name),
  });
  return { meter, split: createSplitWatch(scrapeIntervalMs), usedAt: 0 };
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

/** The comparison in a run: takes the canary back as soon as the evidence suffices, between checks too, and never promotes it. */
import { fullName, type RunTurn, type Draft } from "../turn/turn.ts";
import { event } from "../turn/event-messages.ts";
import type { ComparisonPolicy, JudgingPolicy } from "../spec/analysis-settings.ts";
import {
  absorb,
  convicts,
  evidence,
  noBlocks,
  rateOf,
  type Block,
  type Counts,
  type SequentialState,
} from "../analysis/sequential-test.ts";
import type { CanaryState, Comparison, Run } from "../state.ts";
import type { CountersSeen, Observation } from "../observation.ts";
import { reject } from "../lifecycle/end.ts";

/** The turn with what the ledger shows counted in, or the step that ends the run by it. */
export function compare(turn: RunTurn): RunTurn | Draft {
  const { run: before, seen, policy } = turn;
  if (!seen.ledger || !isCompared(turn)) return turn;
  const comparison = counted(before, seen.ledger, policy.comparison);
  if (comparison === before.comparison) return turn;
  const run: Run = { ...before, comparison };
  const informed: RunTurn = { ...turn, run, state: { ...turn.state, run } };
  const found = convictionOf(comparison, policy);
  if (!found) return informed;
  const cause = convictionWords(found, policy.comparison);
  return reject(informed, cause, event.rollingBack(fullName(seen), cause));
}

/**
 * While users are on the canary and it is compared, no look is later than half a scrape from now, and one comes as soon as the canary's
 * next sample is due: what a scrape has brought does not wait.
 */
export function lookingAgain(step: Draft, turn: RunTurn): Draft {
  const { run } = step.next;
  if (run === undefined || !isLookedAt(step.next) || !isCompared({ ...turn, run, state: step.next })) return step;
  const lookMs = lookAgainMs(turn.seen);
  return { ...step, requeueAfterMs: Math.min(step.requeueAfterMs ?? lookMs, lookMs) };
}

/** The ledger as it now stands takes the canary back, so that nothing else need be asked before. */
export function isConvicting(state: CanaryState, ledger: CountersSeen, policy: Judged): boolean {
  const { run } = state;
  if (!run || !isLookedAt(state) || !isOn(policy.comparison)) return false;
  return convictionOf(counted(run, ledger, policy.comparison), policy) !== undefined;
}

/** Users are on the canary, so the ledger is worth a look. */
export function isLookedAt({ run, weight }: CanaryState): boolean {
  return weight > 0 && (run?.stage === "analysing" || run?.stage === "scaling");
}

// --- internal ---

type Judged = Pick<JudgingPolicy, "comparison" | "minRequests">;

/** A sample is there a moment after its scrape began. */
const scrapeTakesMs = 150;

function lookAgainMs({ now, ledger, scrapeIntervalMs }: Observation): number {
  const half = scrapeIntervalMs / 2;
  if (ledger?.sampledAt === undefined) return half;
  const untilNext = ledger.sampledAt + scrapeIntervalMs + scrapeTakesMs - now;
  // One that is late may come at any moment.
  return Math.min(half, untilNext > 0 ? untilNext : scrapeIntervalMs / 4);
}

/** Who is convicted by what, and what that is called. */
interface Conviction {
  by: SequentialState;
  marginPercent: number;
  /** Of requests that it is about. */
  what: string;
}

/** Percent: warming up excuses much, but not that a pod which says it is ready fails most of what it gets. */
const warmupMarginPercent = 50;

/** The evidence suffices; by all requests of the run a canary that keeps its own limit stays, unless the Canary asks for more. */
function convictionOf({ warmup, ...warm }: Comparison, { comparison, minRequests }: Judged): Conviction | undefined {
  const { mode, alpha, marginPercent = 0 } = comparison;
  const found: Conviction[] = [{ by: warm, marginPercent, what: "" }];
  const excused = Math.max(warmupMarginPercent, marginPercent);
  if (warmup) found.push({ by: warmup, marginPercent: excused, what: " while its pods warm up" });
  // Whoever wants so many requests for a verdict wants them for this one too.
  const enough = found.filter(({ by }) => by.canary.requests >= minRequests);
  return enough.find(({ by, marginPercent: margin }) => {
    const keepsItsLimit = mode === "withinLimits" && 100 * rateOf(by.canary) <= margin;
    return convicts(by, alpha) && !keepsItsLimit;
  });
}

function isOn({ mode, marginPercent }: ComparisonPolicy): boolean {
  return mode !== "off" && marginPercent !== undefined;
}

function isCompared({ state, policy }: RunTurn): boolean {
  return isOn(policy.comparison) && state.weight > 0;
}

/**
 * Totals of one epoch may be subtracted; the first of a new one (this controller has just taken over) is where counting begins
 * anew, and what was learnt before is kept.
 */
function counted(run: Run, ledger: CountersSeen, policy: ComparisonPolicy): Comparison {
  const before = run.comparison;
  const { epoch } = ledger;
  const totals: Comparison["read"] = {
    epoch,
    ...blockOf(ledger),
    ...warmupOf(ledger.warmup && blockOf(ledger.warmup)),
  };
  if (before?.read.epoch !== epoch) return { ...(before ?? noBlocks()), read: totals };
  return countedApart(countedWarm(before, totals, policy), totals, policy);
}

function countedWarm(before: Comparison, totals: Block, { marginPercent = 0 }: ComparisonPolicy): Comparison {
  const more = absorbed({ state: before, read: before.read }, totals, marginPercent / 100);
  return more ? { ...before, ...more.state, read: { ...before.read, ...more.read } } : before;
}

function countedApart(
  before: Comparison,
  { warmup: totals }: Comparison["read"],
  { marginPercent = 0 }: ComparisonPolicy,
): Comparison {
  const { warmup: state = noBlocks() } = before;
  const { warmup: read = nothing } = before.read;
  const more = totals && absorbed({ state, read }, totals, Math.max(warmupMarginPercent, marginPercent) / 100);
  return more ? { ...before, warmup: more.state, read: { ...before.read, warmup: more.read } } : before;
}

function warmupOf<T>(warmup: T | undefined): { warmup?: T } {
  return warmup === undefined ? {} : { warmup };
}

const nothing: Block = { canary: { requests: 0, failures: 0 }, primary: { requests: 0, failures: 0 } };

function blockOf({ canary, primary }: Block): Block {
  return { canary, primary };
}

/** Undefined until both tracks have come: their pods are scraped at different moments, and a block is complete when both were. */
function absorbed(
  { state, read }: { state: SequentialState; read: Block },
  totals: Block,
  margin: number,
): { state: SequentialState; read: Block } | undefined {
  const block = { canary: since(read.canary, totals.canary), primary: since(read.primary, totals.primary) };
  if (block.canary.requests <= 0 || block.primary.requests <= 0) return undefined;
  const { logEvidence, canary, primary } = state;
  return { state: absorb({ logEvidence, canary, primary }, block, margin), read: blockOf(totals) };
}

function since(before: Counts, now: Counts): Counts {
  return { requests: now.requests - before.requests, failures: now.failures - before.failures };
}

function convictionWords({ by, marginPercent, what }: Conviction, { alpha }: ComparisonPolicy): string {
  const more = marginPercent > 0 ? ` by more than the margin of ${marginPercent}%` : "";
  const found = Math.min(evidence(by), 1e6);
  return `the canary fails more than the primary${what}${more}: ${words(by.canary)} against ${words(by.primary)} (evidence ${found.toFixed(0)}, ${1 / alpha} needed for alpha ${alpha})`;
}

function words(counts: Counts): string {
  return `${counts.failures} of ${counts.requests} requests (${(100 * rateOf(counts)).toFixed(2)}%)`;
}

/** The comparison in a run: takes the canary back as soon as the evidence suffices, between checks too, and never promotes it. */
import { fullName, type RunTurn, type Step } from "./decision.ts";
import { event } from "./events.ts";
import type { ComparisonPolicy, JudgingPolicy } from "./judging.ts";
import { absorb, convicts, evidence, noBlocks, rateOf, type Counts } from "./sequential.ts";
import type { CanaryState, Comparison, LedgerSeen, Observation, Run } from "./state.ts";
import { reject } from "./unwind.ts";

/** The turn with what the ledger shows counted in, or the step that ends the run by it. */
export function compare(turn: RunTurn): RunTurn | Step {
  const { run: before, seen, policy } = turn;
  if (!seen.ledger || !isCompared(turn)) return turn;
  const comparison = counted(before, seen.ledger, policy.comparison);
  if (comparison === before.comparison) return turn;
  const run: Run = { ...before, comparison };
  const informed: RunTurn = { ...turn, run, state: { ...turn.state, run } };
  if (!isOver(comparison, policy)) return informed;
  const cause = convictionWords(comparison, turn);
  return reject(informed, cause, event.rollingBack(fullName(seen), cause));
}

/**
 * While users are on the canary and it is compared, no look is later than half a scrape from now, and one comes as soon as the canary's
 * next sample is due: what a scrape has brought does not wait.
 */
export function lookingAgain(step: Step, turn: RunTurn): Step {
  const { run } = step.next;
  if (run === undefined || !isLookedAt(step.next) || !isCompared({ ...turn, run, state: step.next })) return step;
  const lookMs = lookAgainMs(turn.seen);
  return { ...step, requeueAfterMs: Math.min(step.requeueAfterMs ?? lookMs, lookMs) };
}

/** The ledger as it now stands takes the canary back, so that nothing else need be asked before. */
export function isConvicting(state: CanaryState, ledger: LedgerSeen, policy: Judged): boolean {
  const { run } = state;
  if (!run || !isLookedAt(state) || !isOn(policy.comparison)) return false;
  return isOver(counted(run, ledger, policy.comparison), policy);
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

/** The evidence suffices; by all requests of the run a canary that keeps its own limit stays, unless the Canary asks for more. */
function isOver(comparison: Comparison, { comparison: policy, minRequests }: Judged): boolean {
  const { mode, alpha, marginPercent = 0 } = policy;
  // Whoever wants so many requests for a verdict wants them for this one too.
  if (comparison.canary.requests < minRequests) return false;
  const keepsItsLimit = mode === "withinLimits" && 100 * rateOf(comparison.canary) <= marginPercent;
  return convicts(comparison, alpha) && !keepsItsLimit;
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
function counted(run: Run, { epoch, canary, primary }: LedgerSeen, policy: ComparisonPolicy): Comparison {
  const read = { epoch, canary, primary };
  const before = run.comparison;
  if (before?.read.epoch !== epoch) return { ...(before ?? noBlocks()), read };
  const block = { canary: since(before.read.canary, canary), primary: since(before.read.primary, primary) };
  // The tracks' pods are scraped at different moments: a block is complete when both have come.
  if (block.canary.requests <= 0 || block.primary.requests <= 0) return before;
  return { ...absorb(before, block, (policy.marginPercent ?? 0) / 100), read };
}

function since(before: Counts, now: Counts): Counts {
  return { requests: now.requests - before.requests, failures: now.failures - before.failures };
}

function convictionWords(comparison: Comparison, { policy }: RunTurn): string {
  const { canary, primary } = comparison;
  const { alpha, marginPercent = 0 } = policy.comparison;
  const more = marginPercent > 0 ? ` by more than the margin of ${marginPercent}%` : "";
  const found = Math.min(evidence(comparison), 1e6);
  return `the canary fails more than the primary${more}: ${words(canary)} against ${words(primary)} (evidence ${found.toFixed(0)}, ${1 / alpha} needed for alpha ${alpha})`;
}

function words(counts: Counts): string {
  return `${counts.failures} of ${counts.requests} requests (${(100 * rateOf(counts)).toFixed(2)}%)`;
}

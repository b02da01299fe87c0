/**
 * The comparison in a run: takes the canary back, or holds it for a person, as soon as the evidence of one of its tests suffices, between
 * checks too; it never promotes.
 */
import { fullName, draft, withoutWait, type RunTurn, type Draft } from "../turn/turn.ts";
import { event } from "../turn/event-messages.ts";
import type { JudgingPolicy } from "../spec/analysis-settings.ts";
import { absorb, convicts, noBlocks, rateOf, type Block, type SequentialState } from "../analysis/sequential-test.ts";
import { countsFor, testKinds, testsOf, type RunTest } from "../spec/run-tests.ts";
import { countsSince, noCounts } from "../analysis/track-counts.ts";
import type { CanaryState, Comparison, Run, Totals } from "../state.ts";
import type { CountersSeen } from "../observation.ts";
import { nextSampleMs } from "../turn/next-sample.ts";
import { reject } from "../lifecycle/end.ts";
import { clientErrorsWait } from "./client-errors.ts";
import { convictionWords } from "./comparison-words.ts";

/** The turn with what the counters show counted in, or the step by which a test holds or ends the run. */
export function compare(turn: RunTurn): RunTurn | Draft {
  const { run: before, seen, policy } = turn;
  if (!seen.counters || turn.state.weight === 0) return turn;
  const comparison = counted(before, seen.counters, policy);
  if (comparison === before.comparison) return turn;
  const run: Run = { ...before, comparison };
  const informed: RunTurn = { ...turn, run, state: { ...turn.state, run } };
  const found = convictionOf(run, comparison, policy);
  if (!found) return informed;
  const { deniedBy, canaryOrigin: origin } = seen.counters;
  const cause = convictionWords(found, { comparison, policy: policy.comparison, deniedBy, origin });
  return found.action === "hold"
    ? holdForPerson(informed, cause)
    : reject(informed, cause, event.rollingBack(fullName(seen), cause));
}

/**
 * While users are on the canary, no look is later than half a scrape from now, and one comes as soon as the canary's
 * next sample is due: what a scrape has brought does not wait.
 */
export function lookingAgain(step: Draft, turn: RunTurn): Draft {
  const { run } = step.state;
  if (run === undefined || !isLookedAt(step.state)) return step;
  const lookMs = nextSampleMs(turn.seen);
  return { ...step, requeueAfterMs: Math.min(step.requeueAfterMs ?? lookMs, lookMs) };
}

/** The counters as they are now take the canary back, so that nothing else need be asked before. */
export function isConvicting(state: CanaryState, counters: CountersSeen, policy: Judged): boolean {
  const { run } = state;
  if (!run || !isLookedAt(state)) return false;
  return convictionOf(run, counted(run, counters, policy), policy)?.action === "rollback";
}

/** Users are on the canary, so the counters are worth a look. */
export function isLookedAt({ run, weight }: CanaryState): boolean {
  return weight > 0 && (run?.stage === "analysing" || run?.stage === "scaling");
}

// --- internal ---

type Judged = Pick<JudgingPolicy, "comparison" | "minRequests" | "warmupMs">;

/** The test whose evidence suffices; a canary that keeps its own limit stays, unless the Canary asks for more. */
function convictionOf(run: Run, comparison: Comparison, policy: Judged): RunTest | undefined {
  const { mode } = policy.comparison;
  const convicting = testsOf(policy).filter((test) => {
    const { kind, alpha, marginPercent, action } = test;
    const of = stateOf(comparison, test);
    // What a person is asked about already, or has accepted, is nothing new.
    if (!of || (action === "hold" && run.clientErrors)) return false;
    // The minimum of requests for a verdict holds for this one too. What policy refuses is no matter of chance, and needs none.
    const isEnough = kind === "denied" || of.canary.requests >= policy.minRequests;
    const keepsItsLimit = mode === "withinLimits" && 100 * rateOf(of.canary) <= marginPercent;
    return isEnough && !keepsItsLimit && convicts(of, alpha);
  });
  return testKinds.flatMap((kind) => convicting.filter((test) => test.kind === kind))[0];
}

function holdForPerson(turn: RunTurn, cause: string): Draft {
  const { seen } = turn;
  const run: Run = { ...withoutWait(turn.run), clientErrors: { cause }, wait: "client-errors", waitSince: seen.now };
  const { reason, next } = clientErrorsWait({ cause }, seen);
  const events = [event.warning(`Halt ${fullName(seen)} advancement: ${reason}`)];
  return draft(turn, { run, reason, next }, { events, requeueAfterMs: 0 });
}

/** Of a test that is on: undefined before its first block. */
function stateOf(comparison: Comparison, { kind }: RunTest): SequentialState | undefined {
  return kind === "failures" ? comparison : comparison[kind];
}

/**
 * Totals of one epoch may be subtracted; the first of a new one (this controller has just taken over) is where counting begins
 * anew, and what was learnt before is kept.
 */
function counted(run: Run, counters: CountersSeen, policy: Judged): Comparison {
  const before = run.comparison;
  const { epoch, canary, primary, warmup } = counters;
  const cold = warmup && { canary: warmup.canary, primary: warmup.primary };
  if (before?.read.epoch !== epoch)
    return { ...(before ?? noBlocks()), read: { epoch, canary, primary, ...(cold && { warmup: cold }) } };
  const tests = testsOf(policy);
  const warm = { canary, primary };
  const counting = { policy, tests: tests.filter(({ kind }) => kind !== "warmup") };
  const after = taken(before, blockSince(before.read, warm), counting);
  const counted = after === before ? before : { ...after, read: { ...before.read, ...warm } };
  return cold ? countedApart(counted, cold, { policy, tests }) : counted;
}

/** Of pods that warm up, only who fails most of it and what policy refuses is looked at. */
function countedApart(before: Comparison, totals: Totals, { policy, tests }: Counting): Comparison {
  const apart = tests.filter(({ kind }) => kind === "warmup" || kind === "denied");
  const block = blockSince(before.read.warmup ?? nothing, totals);
  const after = taken(before, block, { policy, tests: apart });
  return after === before ? before : { ...after, read: { ...before.read, warmup: totals } };
}

const nothing: Totals = { canary: noCounts, primary: noCounts };

interface Counting {
  tests: readonly RunTest[];
  policy: Judged;
}

function blockSince(read: Totals, totals: Totals): Totals {
  return { canary: countsSince(read.canary, totals.canary), primary: countsSince(read.primary, totals.primary) };
}

/** Nothing is, until both tracks have come: their pods are scraped at different moments, and a block is complete when both were. */
function taken(before: Comparison, block: Totals, { tests, policy }: Counting): Comparison {
  if (block.canary.requests <= 0 || block.primary.requests <= 0) return before;
  return tests.reduce<Comparison>((comparison, test) => {
    const { kind, marginPercent } = test;
    const { logEvidence, canary, primary } = begun(comparison, test, policy);
    const after = absorb({ logEvidence, canary, primary }, about(kind, block), marginPercent / 100);
    if (kind === "failures") return { ...comparison, ...after };
    return { ...comparison, [kind]: kind === "slow" ? { ...after, boundMs: boundOf(policy) } : after };
  }, before);
}

function about(kind: RunTest["kind"], { canary, primary }: Totals): Block {
  return { canary: countsFor(kind, canary), primary: countsFor(kind, primary) };
}

/** Where a test stands: at its beginning where it is new, or where what is slow has become something else. */
function begun(comparison: Comparison, test: RunTest, policy: Judged): SequentialState {
  const isOther = test.kind === "slow" && comparison.slow?.boundMs !== boundOf(policy);
  return (isOther ? undefined : stateOf(comparison, test)) ?? noBlocks();
}

function boundOf({ comparison }: Judged): number {
  return comparison.slow?.boundMs ?? 0;
}

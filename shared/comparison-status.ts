/** The comparison of a run on the wire (`status.run.comparison`) to and from the core's state. */
import { optional } from "./core/format/compact.ts";
import type { ComparisonStatus, TestStatus } from "./core/objects/canary-status.ts";
import { evidence, noBlocks, type Counts, type SequentialState } from "./core/analysis/sequential-test.ts";
import { noCounts } from "./core/analysis/track-counts.ts";
import type { Comparison, Totals } from "./core/state.ts";

/** Evidence of another version's alternatives cannot be continued: that test begins anew. */
export function parseComparison(status: ComparisonStatus): Comparison {
  const { canary, primary, logEvidence, read, warmup, clientErrors, slow, denied } = status;
  const cold = read.warmup && parseTotals(read.warmup);
  return {
    ...known({ canary, primary, logEvidence }),
    read: { epoch: read.epoch, ...parseTotals(read), ...optional("warmup", cold) },
    ...optional("warmup", warmup && known(warmup)),
    ...optional("clientErrors", clientErrors && parseTest("clientErrors", clientErrors)),
    ...optional("slow", slow && { ...parseTest("slow", slow), boundMs: slow.boundMs }),
    ...optional("denied", denied && parseTest("denied", denied)),
  };
}

export function printComparison(comparison: Comparison): ComparisonStatus {
  const { clientErrors, slow, denied, ...same } = comparison;
  return {
    evidence: shownEvidence(comparison),
    ...same,
    ...optional("clientErrors", clientErrors && printTest("clientErrors", clientErrors)),
    ...optional("slow", slow && { ...printTest("slow", slow), boundMs: slow.boundMs }),
    ...optional("denied", denied && printTest("denied", denied)),
  };
}

// --- internal ---

type TestName = "clientErrors" | "slow" | "denied";
type CountsOf<K extends TestName> = Record<"requests" | K, number>;

/** JSON knows no infinity, and beyond this nobody doubts. */
const mostEvidence = 1e6;

function shownEvidence(state: SequentialState): number {
  return Math.min(evidence(state), mostEvidence);
}

function known(state: SequentialState): SequentialState {
  const fresh = noBlocks();
  return state.logEvidence.length === fresh.logEvidence.length ? state : fresh;
}

/** A reading of an earlier version counted failures alone. */
function parseTotals({ canary, primary }: Pick<ComparisonStatus["read"], "canary" | "primary">): Totals {
  return { canary: { ...noCounts, ...canary }, primary: { ...noCounts, ...primary } };
}

function parseTest<K extends TestName>(name: K, { canary, primary, logEvidence }: TestStatus<K>): SequentialState {
  const counts = (of: CountsOf<K>): Counts => ({ requests: of.requests, failures: of[name] });
  return known({ canary: counts(canary), primary: counts(primary), logEvidence });
}

function printTest<K extends TestName>(name: K, state: SequentialState): TestStatus<K> {
  const counts = ({ requests, failures }: Counts): CountsOf<K> =>
    ({ requests, [name]: failures }) as unknown as CountsOf<K>;
  return {
    evidence: shownEvidence(state),
    canary: counts(state.canary),
    primary: counts(state.primary),
    logEvidence: state.logEvidence,
  };
}

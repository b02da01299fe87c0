/** What a test of the comparison has found, with the numbers that it rests on. */
import type { ComparisonPolicy } from "../spec/analysis-settings.ts";
import { evidence, noBlocks, rateOf, type Counts } from "../analysis/sequential-test.ts";
import { slowWords } from "../analysis/slow-limit.ts";
import { sideWords } from "../analysis/user-requests.ts";
import type { CountOrigin, DeniedBy } from "../analysis/track-counts.ts";
import type { RunTest, TestKind } from "../spec/run-tests.ts";
import type { Comparison } from "../state.ts";

export interface Found {
  comparison: Comparison;
  policy: ComparisonPolicy;
  deniedBy: DeniedBy | undefined;
  origin: CountOrigin | undefined;
}

/** `the canary fails more than the primary by more than the margin of 1%: 6 of 6 requests (100.00%) against ...`, without a full stop. */
export function convictionWords({ kind, marginPercent, alpha }: RunTest, found: Found): string {
  const by = (kind === "failures" ? found.comparison : found.comparison[kind]) ?? noBlocks();
  const more = marginPercent > 0 ? ` by more than the margin of ${marginPercent}%` : "";
  const numbers = `${words(by.canary, neverWords(kind, found))} against ${words(by.primary)}`;
  const part = `${share(alpha, found.policy)} of alpha ${found.policy.alpha}`;
  const grounds = `evidence ${Math.min(evidence(by), 1e6).toFixed(0)}, ${neededEvidence(alpha)} needed for ${part}`;
  return `${claims[kind]}${more}: ${numbers}${details(kind, found)} (${grounds})`;
}

/** The evidence that takes a canary back, or holds it. */
export function neededEvidence(alpha: number): number {
  return Number((1 / alpha).toPrecision(4));
}

// --- internal ---

const claims: Record<TestKind, string> = {
  failures: "the canary fails more than the primary",
  warmup: "the canary fails more than the primary while its pods warm up",
  slow: "the canary is slow more often than the primary",
  clientErrors: "the canary answers with 4xx more often than the primary",
  denied: "policy refuses users' requests to the canary more often than to the primary",
};

/** What users got of it, and who counted that; what policy refuses only the pods' proxies can tell. */
function details(kind: TestKind, { policy, deniedBy, origin }: Found): string {
  if (kind === "denied") return ` got 403${deniedWords(deniedBy)}`;
  const slow = kind === "slow" && policy.slow ? ` ${slowWords(policy.slow)}` : "";
  return `${slow}${origin ? `, counted ${sideWords(origin.side)}` : ""}`;
}

/** How many of the failures got no answer: the others were answered, and badly. */
function neverWords(kind: TestKind, { comparison, origin }: Found): string {
  const never = kind === "failures" ? Math.min(Math.round(origin?.unanswered ?? 0), comparison.canary.failures) : 0;
  return never > 0 ? `, ${never} never answered` : "";
}

/** What refused them, and what would let them in. */
function deniedWords(by: DeniedBy | undefined): string {
  const see = "see the Servers and AuthorizationPolicies of the namespace";
  if (!by) return `: ${see}`;
  const { server, stableServer, authorizationPolicy, label } = by;
  const refusing = server.startsWith(byDefault)
    ? `the default policy (${server.slice(byDefault.length)})`
    : `Server ${server}`;
  if (stableServer === undefined) return ` by ${refusing}: ${see}`;
  const admitting =
    authorizationPolicy === undefined
      ? `Server ${stableServer} lets`
      : `Server ${stableServer} and ${authorizationPolicy} let`;
  const cure =
    label === undefined
      ? ""
      : `; that Server selects by ${label}, which the canary's pods do not carry: select by a label that both have`;
  return ` by ${refusing}; at stable's pods ${admitting} callers in${cure}`;
}

/** How `DeniedBy` names a default policy. */
const byDefault = "default:";

function share(alpha: number, policy: ComparisonPolicy): string {
  return `${Number(((100 * alpha) / policy.alpha).toPrecision(3))}%`;
}

function words(counts: Counts, more = ""): string {
  return `${counts.failures} of ${counts.requests} requests (${(100 * rateOf(counts)).toFixed(2)}%${more})`;
}

/** When a run may end: at the earliest, and if its steps go on taking as long as they did. Pure. */
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { RunStatus } from "../../shared/core/objects/canary-status.ts";
import { isWaitCause, waitCauses } from "../../shared/core/objects/wait-causes.ts";
import { isPausePassed } from "../../shared/core/gates/answers.ts";
import { leastStepsMs } from "../../shared/core/spec/hooks.ts";
import { parsePolicy, type Policy } from "../../shared/core/spec/policy.ts";

/** Of the last step's check, by which the promotion begins; RFC 3339. */
export interface EtaView {
  earliestAt: string;
  /** Later than `earliestAt`; null where no step is over yet, or where they have taken no longer than they must. */
  atThisRateAt: string | null;
}

/** Null where nobody can know: no run, one that ends, one that waits for a person. */
export function viewEta({ spec, status = {} }: Canary, now: number): EtaView | null {
  const { run } = status;
  const parsed = run && parsePolicy(spec);
  if (!run || !parsed?.ok || !goesOn(run)) return null;
  const earliest = earliestOf(run, parsed.policy, now);
  const usual = atThisRate(run, now);
  const isLater = usual !== undefined && usual - earliest > parsed.policy.intervalMs / 2;
  return { earliestAt: iso(earliest), atThisRateAt: isLater ? iso(usual) : null };
}

// --- internal ---

const iso = (at: number): string => new Date(at).toISOString();

function goesOn({ stage, ending, paused, hold, ceiling }: RunStatus): boolean {
  const wait = hold !== undefined && isWaitCause(hold) ? { goesOn: false, ...waitCauses[hold] } : undefined;
  const awaitsPerson = wait?.kind === "person" && !wait.goesOn;
  return (stage === "scaling" || stage === "analysing") && !ending && !paused && !awaitsPerson && ceiling === undefined;
}

/** The end of the present step, and the shortest time of each that follows. */
function earliestOf(run: RunStatus, policy: Policy, now: number): number {
  if (policy.skipAnalysis) return now;
  const [present = policy.intervalMs, ...ahead] = leastStepsMs(policy, policy.weights.slice(run.step, run.steps));
  const isPassed = isPausePassed(run, policy.weights[run.step] ?? 0);
  const end = presentEnd(run, policy, { now, leastMs: isPassed ? policy.intervalMs : present });
  return ahead.reduce((at, leastMs) => at + leastMs, end);
}

function presentEnd(
  run: RunStatus,
  { intervalMs }: Policy,
  { now, leastMs }: { now: number; leastMs: number },
): number {
  // A pause before the first users has its end in the gate.
  const from = Math.max(now, run.gate?.until ? Date.parse(run.gate.until) : 0);
  if (run.stage !== "analysing") return from + leastMs;
  const due = run.checkAt ? Date.parse(run.checkAt) : now + intervalMs;
  return Math.max(from, due, leastMs > intervalMs ? Date.parse(run.stageAt) + leastMs : 0);
}

/** By the steps that are over, the pods' start among them. */
function atThisRate(run: RunStatus, now: number): number | undefined {
  if (run.step === 0) return undefined;
  const [startedAt, stageAt] = [Date.parse(run.startedAt), Date.parse(run.stageAt)];
  const perStep = (stageAt - startedAt) / run.step;
  const presentEnds = Math.max(now, stageAt + perStep);
  return presentEnds + (run.steps - run.step - 1) * perStep;
}

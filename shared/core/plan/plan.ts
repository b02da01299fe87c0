/**
 * What a release by this Canary would take, and what a bad version would cost: runs in simulation, by the very decisions of a
 * controller. The same input gives the same plan.
 */
import { deciding } from "../analysis/deciding.ts";
import { builtIn, isBuiltIn } from "../analysis/verdict.ts";
import { optional } from "../format/compact.ts";
import { leastStepsMs } from "../spec/hooks.ts";
import type { Policy } from "../spec/policy.ts";
import { unwise } from "./remarks.ts";
import type { SimulatedRun } from "./simulated-run.ts";
import { spreadOf, type Spread } from "./statistics.ts";
import type { Plan, PlanInput, StepPlan } from "./types.ts";
import { runsOf, versionPlan, type Effort, type Fault, type VersionPlan } from "./versions.ts";

export const usualEffort: Effort = { looks: 16_000, runs: 400 };

/** Percent of requests. */
export const faultyPercents = [1, 5, 10, 100] as const;

export function releasePlan(input: PlanInput): Plan {
  const { policy, usual, seed, effort = usualEffort } = input;
  const played = runInputOf(input);
  const asked = { seed, effort };
  const good = runsOf(played, usual, { fault: "none", percent: 0, ...asked });
  const { goesBack, ...ofGood } = versionPlan(good, { fault: "none", percent: 0, ...asked });
  const versions = faultsOf(policy).flatMap((fault) =>
    faultyPercents.map((percent) => {
      const question = { fault, percent, ...asked };
      return inSteps(versionPlan(runsOf(played, usual, question), question), policy);
    }),
  );
  const promoted = good.filter(({ outcome }) => outcome === "promoted");
  const unusedMs = policy.intervalMs * unusedSteps(policy);
  const steps = stepsOf(good, policy);
  const plan = {
    steps,
    run: {
      leastSeconds: steps.reduce((sum, { leastSeconds }) => sum + leastSeconds, 0),
      seconds: spreadOf(promoted.map(({ ms }) => Math.round((ms + unusedMs) / 1_000))),
    },
    good: { runs: ofGood.runs, promoted: ofGood.promoted, stuck: ofGood.stuck, takenBack: goesBack },
    versions,
  };
  return { ...plan, remarks: unwise(input, plan) };
}

/** What people and webhooks will say is not known: they are taken to let the run through at once. Pauses that have a time take it. */
export function runInputOf({
  policy,
  rps,
  scrapeIntervalMs,
  matching,
}: PlanInput): Pick<PlanInput, "policy" | "rps" | "scrapeIntervalMs" | "matching"> {
  const { canaryReplicas: _everyPodIsReady, ...judged } = policy;
  const pauses = policy.pauses.filter(({ durationMs }) => durationMs !== undefined);
  const weights = policy.weights.slice(unusedSteps(policy));
  const alone = { ...judged, weights, hooks: [], pauses };
  return { policy: alone, rps, scrapeIntervalMs, ...optional("matching", matching) };
}

/** Steps before any user, which are not played: what is found in them cannot be known. */
export function unusedSteps({ weights, skipAnalysis }: Pick<Policy, "weights" | "skipAnalysis">): number {
  return skipAnalysis ? 0 : weights.filter((weight) => weight === 0).length;
}

/** Slowness is judged only by a limit. */
export function faultsOf({ metrics }: Policy): Fault[] {
  const limits = deciding(metrics).some((metric) => isBuiltIn(metric) && metric.name === builtIn.duration);
  return limits ? ["failures", "slow"] : ["failures"];
}

// --- internal ---

function stepsOf(runs: readonly SimulatedRun[], policy: Policy): StepPlan[] {
  const unused = unusedSteps(policy);
  const weights = policy.skipAnalysis ? [] : policy.weights;
  const leastMs = leastStepsMs(policy, weights);
  return weights.map((weightPercent, index) => {
    const leastSeconds = (leastMs[index] ?? 0) / 1_000;
    const known = { seconds: exactly(leastSeconds), canaryRequests: exactly(0) };
    const taken = index < unused ? known : takenIn(runs, index - unused);
    return { step: index + 1, weightPercent, leastSeconds, ...taken };
  });
}

const exactly = (value: number): Spread => ({ low: value, median: value, high: value });

/** Its steps as the Canary counts them. */
function inSteps(plan: VersionPlan, policy: Policy): VersionPlan {
  const unused = unusedSteps(policy);
  if (!plan.back || unused === 0) return plan;
  const { low, median, high } = plan.back.step;
  return { ...plan, back: { ...plan.back, step: { low: low + unused, median: median + unused, high: high + unused } } };
}

function takenIn(runs: readonly SimulatedRun[], index: number): Pick<StepPlan, "seconds" | "canaryRequests"> {
  // The last step of a run that went back was cut short.
  const there = runs.flatMap(({ steps, outcome }) =>
    steps[index] && (index < steps.length - 1 || outcome === "promoted") ? [steps[index]] : [],
  );
  return {
    seconds: spreadOf(there.map(({ ms }) => Math.round(ms / 1_000))),
    canaryRequests: spreadOf(there.map(({ requests }) => requests)),
  };
}

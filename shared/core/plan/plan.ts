/**
 * What a release by this Canary would take, and what a bad version would cost: runs in simulation, by the very decisions of a
 * controller. The same input gives the same plan.
 */
import { builtIn, isBuiltIn } from "../analysis/verdict.ts";
import type { Policy } from "../spec/policy.ts";
import { unwise } from "./remarks.ts";
import type { SimulatedRun } from "./simulated-run.ts";
import { spreadOf } from "./statistics.ts";
import type { Plan, PlanInput, StepPlan } from "./types.ts";
import { runsOf, versionPlan, type Effort, type Fault } from "./versions.ts";

export const usualEffort: Effort = { looks: 16_000, runs: 400 };

/** Percent of requests. */
export const faultyPercents = [1, 5, 10, 100] as const;

export function releasePlan(input: PlanInput): Plan {
  const { policy, usual, seed, effort = usualEffort } = input;
  const scene = sceneOf(input);
  const asked = { seed, effort };
  const good = runsOf(scene, usual, { fault: "none", percent: 0, ...asked });
  const { goesBack, ...ofGood } = versionPlan(good, { fault: "none", percent: 0, ...asked });
  const versions = faultsOf(policy).flatMap((fault) =>
    faultyPercents.map((percent) => {
      const question = { fault, percent, ...asked };
      return versionPlan(runsOf(scene, usual, question), question);
    }),
  );
  const promoted = good.filter(({ outcome }) => outcome === "promoted");
  const weights = policy.skipAnalysis ? [] : policy.weights;
  const steps = weights.map((weight, index) => stepOf(good, { weight, index, leastSeconds: leastOf(policy, weight) }));
  const plan = {
    steps,
    run: {
      leastSeconds: steps.reduce((sum, { leastSeconds }) => sum + leastSeconds, 0),
      seconds: spreadOf(promoted.map(secondsOf)),
    },
    good: { runs: ofGood.runs, promoted: ofGood.promoted, stuck: ofGood.stuck, takenBack: goesBack },
    versions,
  };
  return { ...plan, remarks: unwise(input, plan) };
}

/** What people and webhooks will say is not known: they are taken to let the run through at once. Pauses that have a time take it. */
export function sceneOf({
  policy,
  rps,
  scrapeIntervalMs,
}: PlanInput): Pick<PlanInput, "policy" | "rps" | "scrapeIntervalMs"> {
  const { canaryReplicas: _everyPodIsReady, ...judged } = policy;
  const pauses = policy.pauses.filter(({ durationMs }) => durationMs !== undefined);
  return { policy: { ...judged, hooks: [], pauses }, rps, scrapeIntervalMs };
}

/** Slowness is judged only by a limit. */
export function faultsOf({ metrics }: Policy): Fault[] {
  const limits = metrics.some((metric) => isBuiltIn(metric) && metric.name === builtIn.duration);
  return limits ? ["failures", "slow"] : ["failures"];
}

// --- internal ---

const secondsOf = ({ ms }: SimulatedRun): number => Math.round(ms / 1_000);

/** A pause that has a time takes it, checks included. */
function leastOf({ intervalMs, pauses }: Policy, weight: number): number {
  const pauseMs = pauses.find((pause) => pause.weight === weight)?.durationMs ?? 0;
  return Math.max(intervalMs, pauseMs) / 1_000;
}

function stepOf(
  runs: readonly SimulatedRun[],
  { weight, index, leastSeconds }: { weight: number; index: number; leastSeconds: number },
): StepPlan {
  // The last step of a run that went back was cut short.
  const there = runs.flatMap(({ steps, outcome }) =>
    steps[index] && (index < steps.length - 1 || outcome === "promoted") ? [steps[index]] : [],
  );
  return {
    step: index + 1,
    weightPercent: weight,
    leastSeconds,
    seconds: spreadOf(there.map(({ ms }) => Math.round(ms / 1_000))),
    canaryRequests: spreadOf(there.map(({ requests }) => requests)),
  };
}

/** The canary pods that a step needs, and with how many of them it may begin. */
import {
  carriedBy,
  enoughOf,
  onlyThisRun,
  podsFor,
  preparedWeight,
  readyCanaries,
  sharedReplicas,
} from "../turn/capacity.ts";
import type { RunTurn } from "../turn/turn.ts";

export interface StepPods {
  /** Of the step; 0 in an iteration before any user. */
  weight: number;
  /** Pods that carry it. */
  needed: number;
  ready: number;
  /** Replicas of which they have the weight's share. */
  full: number;
}

export function podsOf({ run, seen, state, policy }: RunTurn, weight: number): StepPods {
  const full = sharedReplicas(state, run, seen, policy);
  return { weight, needed: podsFor(preparedWeight(run, policy), full), ready: readyCanaries(run, seen), full };
}

/** All are ready, or as many as `canaryReadyThreshold` asks for and the others have had an interval to become so. */
export function isCarried(turn: RunTurn, pods: StepPods): boolean {
  const { run, seen } = turn;
  if (!onlyThisRun(run, seen)) return false;
  return pods.ready >= pods.needed || isEnough(turn, pods);
}

/** The step's weight, or where it begins without some of its pods, what the others can carry. */
export function weightCarried(turn: RunTurn, pods: StepPods): number {
  const isShort = pods.ready < pods.needed && isEnough(turn, pods);
  return isShort ? carriedWeight(pods) : pods.weight;
}

/** Said of a step that begins without some of its pods. */
export function readinessWords({ ready, needed, weight }: StepPods): string {
  return ready >= needed
    ? ""
    : `: ${ready} of the ${needed} pods for ${weight || 100}% are ready, and analysis.canaryReadyThreshold asks for no more`;
}

// --- internal ---

function isEnough(turn: RunTurn, pods: StepPods): boolean {
  const { run, seen, policy } = turn;
  const patienceMs = Math.min(policy.intervalMs, policy.progressDeadlineMs);
  const isPatienceOver = seen.now - run.stageAt >= patienceMs;
  const areAskedFor = (seen.workload?.replicas ?? 0) >= pods.needed;
  return (
    isPatienceOver &&
    areAskedFor &&
    pods.ready >= enoughOf(pods.needed, policy.canaryReadyPercent) &&
    (pods.weight === 0 || carriedWeight(pods) > 0)
  );
}

function carriedWeight({ ready, weight, full }: StepPods): number {
  return Math.min(weight, carriedBy(ready, full));
}

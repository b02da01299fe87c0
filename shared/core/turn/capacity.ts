/** Who can carry how much: the arithmetic behind invariants I1 and I2. */
import { canaryLeaf } from "../objects/names.ts";
import type { Policy } from "../spec/policy.ts";
import type { CanaryState, Run } from "../state.ts";
import type { Observation, Target } from "../observation.ts";

/** Of a share of replicas that is itself a quotient. */
const roundingError = 1e-9;

/** Weight of the run's present step; the last one where the spec was shortened under it. */
export function stepWeight({ step }: Run, { weights }: Policy): number {
  return weights[Math.min(step, weights.length - 1)] ?? 100;
}

/**
 * Replicas that all traffic needs: what the target had when the run began, or has been asked for since. What an autoscaler has made
 * of it since then, by stable's share alone, is too few.
 */
export function fullReplicas({ floor }: CanaryState, { target }: Observation): number {
  if (!target) return floor?.replicas ?? 1;
  return target.replicas === 0 ? 0 : Math.max(target.replicas, floor?.replicas ?? 0);
}

/** The same, unrounded where the load tells: of few replicas a whole one is much. */
function loadReplicas(state: CanaryState, seen: Observation): number {
  const full = fullReplicas(state, seen);
  return state.floor?.replicas === full ? (state.floor.load ?? full) : full;
}

/** The weight that the run's pods are started for. In Blue/Green what is checked is what takes over: all of it, from the beginning. */
export function preparedWeight(run: Run, policy: Policy): number {
  return policy.strategy.kind === "blue-green" ? 100 : stepWeight(run, policy);
}

/** It is checked before any user is on it: nothing but webhooks, load tests and queries of its own can say how it is. */
export function isIterating({ weight, run }: CanaryState, policy: Policy): boolean {
  return run?.stage === "analysing" && weight === 0 && run.ceiling === undefined && stepWeight(run, policy) === 0;
}

/**
 * Replicas of which the canary has its weight's share: what all traffic needs, or where `canaryReplicas` says how many it has, so many that
 * its step's share comes to them.
 */
export function sharedReplicas(state: CanaryState, run: Run, seen: Observation, policy: Policy): number {
  const full = fullReplicas(state, seen);
  const { canaryReplicas: given } = policy;
  if (given === undefined || full === 0) return full;
  const count = given.unit === "percent" ? podsFor(given.value, full) : given.value;
  return (100 * count) / (preparedWeight(run, policy) || 100);
}

/** Canary pods that must be ready before `weight` percent of what `replicas` carry may reach them. */
export function podsFor(weight: number, replicas: number): number {
  return weight <= 0 ? 0 : Math.max(1, Math.ceil((replicas * weight) / 100 - roundingError));
}

/** How many of `needed` pods are enough where `percent` of them are; of none, none. */
export function enoughOf(needed: number, percent: number): number {
  return needed <= 0 ? 0 : Math.max(1, Math.ceil((needed * percent) / 100));
}

/** The highest weight that `ready` canary pods can carry, beside a target of `replicas`. */
export function carriedBy(ready: number, replicas: number): number {
  return replicas <= 0 ? 100 : Math.min(100, Math.floor((100 * ready) / replicas + roundingError));
}

/** Someone else has written the canary Deployment's template since it was stored for this run: nobody asked for what it runs. */
export function isEdited(run: Run, { workload }: Observation): boolean {
  if (run.canaryTemplate === undefined || !workload) return false;
  return workload.intent !== run.intent || workload.template !== run.canaryTemplate;
}

/** Ready canary pods of this run's template behind the canary leaf; pods of another template do not count. */
export function readyCanaries(run: Run, seen: Observation): number {
  const { workload, endpoints } = seen;
  if (isEdited(run, seen)) return 0;
  if (!workload || workload.intent !== run.intent || workload.podTemplateHash === undefined) return 0;
  return endpoints.canary.byRevision[workload.podTemplateHash] ?? 0;
}

/** No pod of an earlier template is left behind the canary leaf. */
export function onlyThisRun(run: Run, seen: Observation): boolean {
  return readyCanaries(run, seen) === seen.endpoints.canary.ready;
}

/**
 * The canary has a share and nobody behind it, or nobody for long, for its Deployment is gone; the primary has someone. Its
 * share would fail.
 */
export function hasNoReadyPods(state: CanaryState, seen: Observation): boolean {
  const { primary, canary } = seen.endpoints;
  return state.weight > 0 && primary.ready > 0 && (canary.ready === 0 || !seen.workload);
}

/** Who is not there for the canary's share. */
export function noReadyPodsText({ seen }: { seen: Observation }): string {
  return seen.endpoints.canary.isGone
    ? `Service ${canaryLeaf(seen.apexName)} was deleted, and the canary has nobody behind it`
    : "The canary has no ready pod";
}

/** Its owner has switched the target off: neither track is meant to serve. */
export function isScaledToZero({ target }: Observation): boolean {
  return target?.replicas === 0;
}

type Enough = Pick<Policy, "primaryReadyPercent">;

/** As many ready endpoints as the target's own replicas, or as the Canary says are enough. */
export function primaryIsWhole(seen: Observation, { primaryReadyPercent }: Enough): boolean {
  const { target, endpoints } = seen;
  // A target that was scaled to nothing has nobody to wait for.
  return target !== undefined && endpoints.primary.ready >= enoughOf(target.replicas, primaryReadyPercent);
}

/** An autoscaler lets a tenth too much pass: pods that are to become more are given a quarter more than they are for. */
const seenByAutoscaler = 1.25;
const toleratedByAutoscaler = 0.9;

/**
 * The lowest weight of the canary at which the primary's ready pods carry the rest: where as many as the Canary says are enough, none.
 * Where stable has fewer replicas than all traffic needs, it gets what makes its autoscaler ask for more.
 */
export function lowestWeight(state: CanaryState, seen: Observation, { primaryReadyPercent }: Enough): number {
  const { ready } = seen.endpoints.primary;
  const full = fullReplicas(state, seen);
  if (ready >= enoughOf(full, primaryReadyPercent)) return 0;
  if (!isShrunk(state, seen)) return 100 - carriedBy(ready, full);
  return 100 - carriedBy(ready * seenByAutoscaler, loadReplicas(state, seen));
}

/** The target's autoscaler, given all of the load, would ask for more pods than are ready. */
export function isGrowing(state: CanaryState, seen: Observation): boolean {
  const isMeasured = seen.autoscaler?.load !== undefined;
  return isMeasured && seen.endpoints.primary.ready < toleratedByAutoscaler * loadReplicas(state, seen);
}

/** Somebody has scaled the target down during the run: what all traffic needs does not come by waiting. */
export function isShrunk(state: CanaryState, seen: Observation): boolean {
  return seen.target !== undefined && seen.target.replicas < fullReplicas(state, seen);
}

/** Every ready endpoint of the primary runs `podTemplateHash`, and there are enough of them. */
export function primaryRunsOnly(podTemplateHash: string, seen: Observation, policy: Enough): boolean {
  const { ready, byRevision } = seen.endpoints.primary;
  return primaryIsWhole(seen, policy) && (byRevision[podTemplateHash] ?? 0) === ready;
}

/** No pod of an older template is left of the target, and enough of the new ones are available. */
export function isRolledOut(target: Target, { primaryReadyPercent }: Enough): boolean {
  const { rolledOut, available = 0, replicas } = target;
  return rolledOut || (available > 0 && available >= enoughOf(replicas, primaryReadyPercent));
}

/** The route gives the canary what the state means it to have. */
export function isInEffect(state: CanaryState, seen: Observation): boolean {
  return (seen.route?.weight ?? 0) >= state.weight;
}

/** Someone else set the canary's weight below ours since our own last write: it is theirs to raise again. */
export function loweredByOthers(state: CanaryState, seen: Observation): boolean {
  const { route } = seen;
  return route !== undefined && route.weight !== route.ownWeight && route.weight < state.weight;
}

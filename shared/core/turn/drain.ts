/**
 * After a promotion: every user is on stable's pods, so the run is over. What is still open at the canary comes to its end before the
 * canary's pods go. Other runs are over only after that: somebody waits for what follows them.
 */
import type { Observation } from "../observation.ts";
import type { Policy } from "../spec/policy.ts";
import type { CanaryState } from "../state.ts";
import type { Turn } from "./turn.ts";

/** How long the canary's pods still stay, ms; undefined where none are left, or nothing is open any more. */
export function drainLeftMs(
  state: Pick<CanaryState, "history">,
  seen: Observation,
  { drainMs }: Pick<Policy, "drainMs">,
): number | undefined {
  const promoted = leftByPromotion(state, seen);
  if (!promoted) return undefined;
  const leftMs = promoted.endedAt + drainMs - seen.now;
  return leftMs > 0 ? leftMs : undefined;
}

/** The canary's pods are not another version's before those of the promoted run have been told to go. */
export function isDraining({ state, seen }: Turn): boolean {
  return leftByPromotion(state, seen) !== undefined;
}

/** Pods of this run, which is over, have not been told to go. */
export function isLeftBy(run: string, workload: Observation["workload"]): boolean {
  return workload !== undefined && workload.replicas > 0 && workload.over !== run;
}

// --- internal ---

/** The last run, where it was promoted and its canary's pods have not been told to go. */
function leftByPromotion(
  { history: [last] }: Pick<CanaryState, "history">,
  { workload }: Observation,
): CanaryState["history"][number] | undefined {
  return last?.outcome === "promoted" && isLeftBy(last.run, workload) ? last : undefined;
}

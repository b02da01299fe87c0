/**
 * The floor: as many replicas as all traffic needs. An autoscaler sees what stable's share of the traffic asks of it, and would take
 * away what the canary carries: neither track could take all of it then.
 */
import { optional } from "../format/compact.ts";
import type { Observation } from "../observation.ts";
import type { CanaryState, Floor } from "../state.ts";

/**
 * How long it is held after a run. What an autoscaler goes by is older than the weight, and stable looks idle in it; its own
 * scale-down window is as long by default.
 */
export const floorKeptMs = 300_000;

/** `next`, decided from `before`, with its floor: what the target had when the run began, or has been asked for since. */
export function withFloor(next: CanaryState, before: CanaryState, seen: Observation): CanaryState {
  const { floor: _past, ...rest } = next;
  return { ...rest, ...optional("floor", floorAfter(next, before, seen)) };
}

/** How long it is still held after a run. */
export function floorDueMs(floor: Floor | undefined, now: number): number | undefined {
  return floor?.until === undefined ? undefined : floor.until - now;
}

// --- internal ---

function floorAfter({ run, floor }: CanaryState, before: CanaryState, seen: Observation): Floor | undefined {
  // Its owner has switched it off.
  if (seen.target?.replicas === 0) return undefined;
  if (run) return floorOfRun(run.id === before.run?.id ? floor : undefined, seen);
  if (before.run && floor) return { replicas: floor.replicas, until: seen.now + floorKeptMs };
  return (floorDueMs(floor, seen.now) ?? 0) > 0 ? floor : undefined;
}

function floorOfRun(held: Floor | undefined, { target }: Observation): Floor | undefined {
  const replicas = Math.max(held?.replicas ?? 0, target?.replicas ?? 0);
  return replicas > 0 ? { replicas } : undefined;
}

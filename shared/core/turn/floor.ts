/**
 * The floor: as many replicas as all traffic needs. An autoscaler sees what stable's share of the traffic asks of it, and would take
 * away what the canary carries: neither track could take all of it then.
 */
import { optional } from "../format/compact.ts";
import { formatDuration } from "../format/duration.ts";
import type { Observation } from "../observation.ts";
import type { CanaryState, Floor } from "../state.ts";
import { baselineOf, grownReplicas } from "./load-growth.ts";
import type { Turn } from "./turn.ts";

/**
 * How long it is held after a run. What an autoscaler goes by is older than the weight, and stable looks idle in it; its own
 * scale-down window is as long by default.
 */
export const floorKeptMs = 300_000;

/** An autoscaler asks for no more where a tenth is missing, and neither do we. */
const tolerated = 1.1;

/** `next`, decided from `before`, with its floor: what the target had when the run began, was asked for since, or needs by its load. */
export function withFloor(next: CanaryState, { state: before, seen, policy }: Turn): CanaryState {
  const { floor: _past, ...rest } = next;
  const floor = floorAfter(next, before, seen);
  if (!floor) return rest;
  const autoscaler = policy.autoscaler ?? seen.autoscaler?.name ?? floor.autoscaler;
  return {
    ...rest,
    floor: { ...floor, ...optional("autoscaler", autoscaler), message: said(floor, autoscaler, seen) },
  };
}

/** How long it is still held after a run. */
export function floorDueMs(floor: Floor | undefined, now: number): number | undefined {
  return floor?.until === undefined ? undefined : floor.until - now;
}

// --- internal ---

type Held = Omit<Floor, "message">;

function floorAfter({ run, floor }: CanaryState, before: CanaryState, seen: Observation): Held | undefined {
  // Its owner has switched it off.
  if (seen.target?.replicas === 0) return undefined;
  if (run) return floorOfRun(run.id === before.run?.id ? floor : undefined, before.weight, seen);
  if (before.run && floor) return { ...floor, until: seen.now + floorKeptMs };
  return (floorDueMs(floor, seen.now) ?? 0) > 0 ? floor : undefined;
}

function floorOfRun(held: Held | undefined, weight: number, seen: Observation): Held | undefined {
  const asked = Math.max(held?.replicas ?? 0, seen.target?.replicas ?? 0);
  const baseline = held?.baseline ?? baselineOf(seen.metrics, asked);
  const grown = grownReplicas(baseline, weight, seen);
  const replicas = grown > asked * tolerated ? Math.ceil(grown) : asked;
  if (replicas === 0) return undefined;
  return {
    replicas,
    ...optional("load", loadBehind(replicas, grown, held)),
    ...optional("autoscaler", held?.autoscaler),
    ...optional("baseline", baseline),
  };
}

/** What the load asks for, where it is the load that made `replicas` so many. */
function loadBehind(replicas: number, grown: number, held: Held | undefined): number | undefined {
  if (held?.replicas !== replicas) return Math.ceil(grown) === replicas ? inTenths(grown) : undefined;
  return held.load === undefined ? undefined : Math.max(held.load, Math.min(inTenths(grown), replicas));
}

/** Chance moves what is measured from look to look, and each change of it is a write. */
const inTenths = (pods: number): number => Math.ceil(pods * 10) / 10;

function said({ replicas, until }: Held, autoscaler: string | undefined, { targetName }: Observation): string {
  const what = replicas === 1 ? "1 replica" : `${replicas} replicas`;
  const when = until === undefined ? "while the run is under way" : `for ${formatDuration(floorKeptMs)} after it`;
  return `All traffic needs ${what}: ${autoscaler ?? "an autoscaler"} may give Deployment ${targetName} more, and no fewer ${when}.`;
}

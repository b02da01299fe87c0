/** Fields of a Canary's status that say since when something lasts, or until when, and are gone with it. */
import type { CanaryStatus } from "./core/objects/canary-status.ts";
import type { CanaryState, Floor } from "./core/state.ts";

const fields = ["targetMissingSince", "leafEmptySince", "keptUntil"] as const;
type Field = (typeof fields)[number];

/** `ms` throws for what is no time. */
export function parseSince(
  status: CanaryStatus,
  ms: (text: string, field: string) => number,
): Pick<CanaryState, Field | "floor"> {
  const since = fields.flatMap((field) => {
    const text = status[field];
    return text ? [[field, ms(text, field)]] : [];
  });
  return { ...(Object.fromEntries(since) as Pick<CanaryState, Field>), ...parseFloor(status.floor, ms) };
}

export function printSince(state: CanaryState, iso: (at: number) => string): Pick<CanaryStatus, Field | "floor"> {
  const since = fields.flatMap((field) => {
    const at = state[field];
    return at === undefined ? [] : [[field, iso(at)]];
  });
  return { ...(Object.fromEntries(since) as Pick<CanaryStatus, Field>), ...printFloor(state.floor, iso) };
}

export function withoutSince<T extends Partial<Record<Field | "floor", unknown>>>(state: T): Omit<T, Field | "floor"> {
  const { targetMissingSince: _gone, leafEmptySince: _empty, keptUntil: _kept, floor: _floor, ...rest } = state;
  return rest;
}

/** Of a status that nobody decides on: in how many ms its floor is over, 0 where that is so; undefined where none will be. */
export function floorLeftMs({ floor, run }: CanaryStatus, now: number): number | undefined {
  const until = Date.parse(floor?.until ?? "");
  return run || Number.isNaN(until) ? undefined : Math.max(0, until - now);
}

// --- internal ---

/** One that cannot be read holds nothing: the next look of a run finds it anew. */
function parseFloor(floor: CanaryStatus["floor"], ms: (text: string, field: string) => number): { floor?: Floor } {
  if (!floor || !Number.isSafeInteger(floor.replicas) || floor.replicas < 1) return {};
  const { until, message = "", ...rest } = floor;
  return { floor: { ...rest, message, ...(until ? { until: ms(until, "floor.until") } : {}) } };
}

function printFloor(floor: Floor | undefined, iso: (at: number) => string): Pick<CanaryStatus, "floor"> {
  if (!floor) return {};
  const { until, ...rest } = floor;
  return { floor: { ...rest, ...(until === undefined ? {} : { until: iso(until) }) } };
}

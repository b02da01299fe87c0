/** Fields of a Canary's status that say since when something lasts, and are gone with it. */
import type { CanaryStatus } from "./core/objects/canary-status.ts";
import type { CanaryState } from "./core/state.ts";

const fields = ["targetMissingSince", "leafEmptySince"] as const;
type Field = (typeof fields)[number];

/** `ms` throws for what is no time. */
export function parseSince(
  status: CanaryStatus,
  ms: (text: string, field: string) => number,
): Pick<CanaryState, Field> {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const text = status[field];
      return text ? [[field, ms(text, field)]] : [];
    }),
  );
}

export function printSince(state: CanaryState, iso: (at: number) => string): Pick<CanaryStatus, Field> {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const at = state[field];
      return at === undefined ? [] : [[field, iso(at)]];
    }),
  );
}

export function withoutSince<T extends Partial<Record<Field, number>>>(state: T): Omit<T, Field> {
  const { targetMissingSince: _gone, leafEmptySince: _empty, ...rest } = state;
  return rest;
}

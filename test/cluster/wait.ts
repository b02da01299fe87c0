// Waiting for a condition with a deadline. The error says what was seen last, so that a failure explains itself.
import { setTimeout as delay } from "node:timers/promises";

/** What a condition returns while it is not met: a few words on what it saw. */
export class Unmet {
  readonly saw: string;
  constructor(saw: string) {
    this.saw = saw;
  }
}

export const unmet = (saw: string): Unmet => new Unmet(saw);

/**
 * Looks until `condition` returns something other than `Unmet`, and returns that. A condition that throws counts as
 * not met. Throws after `deadlineMs` with what was seen last.
 */
export async function waitFor<T>(
  condition: () => Promise<T | Unmet> | T | Unmet,
  deadlineMs: number,
  what: string,
  everyMs = 50,
): Promise<T> {
  const started = performance.now();
  let saw: string;
  for (;;) {
    try {
      const result = await condition();
      if (!(result instanceof Unmet)) return result;
      saw = result.saw;
    } catch (error) {
      saw = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() - started > deadlineMs) break;
    await delay(everyMs);
  }
  throw new Error(`Waited ${deadlineMs / 1000} s for ${what}; last seen: ${saw}`);
}

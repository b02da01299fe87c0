/**
 * Work that waits for nothing would follow upon itself without a break when much of it comes at once, and whatever comes in meanwhile, a
 * review say, would wait for all of it.
 */
import type { Timers } from "../../shared/kube/clock.ts";

/** Calls `work` in the order in which it is asked for, each call in a turn of the event loop of its own. */
export function oneATurn<A, T>(
  timers: Pick<Timers, "after">,
  work: (about: A) => Promise<T>,
): (about: A) => Promise<T> {
  let last: Promise<void> = Promise.resolve();
  return async (about) => {
    last = last.then(() => new Promise((resolve) => void timers.after(0, resolve)));
    await last;
    return work(about);
  };
}

/** Time as an argument, so that whatever waits can be tested without waiting. */

/** Takes back a callback that was asked for; harmless when it has already run. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds that never run backwards; only differences mean anything. */
  now(): number;
  /** Milliseconds since 1970, as this machine believes. */
  wall(): number;
  /** Runs a callback once, after `ms`. */
  after(ms: number, run: () => void): Cancel;
}

/** What `setTimeout` can hold; it runs anything longer at once. */
const longestMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), longestMs));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`, or as soon as the signal aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.after(ms, finish);
    signal.addEventListener("abort", finish, { once: true });
  });
}

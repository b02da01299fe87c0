/** Time as an argument, so that whatever waits can be tested without waiting. */

/** Takes back a callback that was asked for; harmless when it has already run. */
export type Cancel = () => void;

export interface Timers {
  /** Milliseconds that never run backwards; only differences mean anything. */
  now(): number;
  /** Runs a callback once, after `ms`. */
  after(ms: number, run: () => void): Cancel;
}

export interface Clock extends Timers {
  /** Milliseconds since 1970, as this machine believes. */
  wall(): number;
}

/** What `setTimeout` can hold; it runs anything longer at once. */
const longestMs = 2 ** 31 - 1;

/** Named by the two `main.ts` alone; everything else is handed its clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), longestMs));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`, or as soon as the signal aborts. */
export function pause(clock: Timers, ms: number, signal: AbortSignal): Promise<void> {
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

/** Aborts after `ms`, unless it is taken back before. */
export function deadline(clock: Timers, ms: number): { signal: AbortSignal; cancel: Cancel } {
  const controller = new AbortController();
  return { signal: controller.signal, cancel: clock.after(ms, () => controller.abort()) };
}

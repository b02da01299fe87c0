// When a proxy learns of a Service's endpoints. Linkerd's destination sends nothing for a Service that exists and is
// empty, so a proxy that asks for one gives up after a while and asks again after a back-off that grows: endpoints that
// come in between stay unknown. A stream that had an answer stays open, until it was idle for minutes. Pure: the clock
// is an argument, milliseconds of any origin.

export interface ResolutionClock {
  /** How long a proxy waits for a stream's first answer. */
  readonly initialMs: number;
  /** First pause after that; doubled each time up to `lastBackoffMs`. */
  readonly firstBackoffMs: number;
  readonly lastBackoffMs: number;
  /** A stream without an update for this long is closed and opened again. */
  readonly idleMs: number;
}

/** What is true of a Service now. */
export interface Actual<E> {
  readonly exists: boolean;
  readonly endpoints: readonly E[];
}

type Phase = "listening" | "pausing" | "open";

export class Resolution<E> {
  phase: Phase = "listening";
  /** What the proxy knows. */
  known: readonly E[] = [];
  readonly #clock: ResolutionClock;
  /** End of the phase. */
  #untilMs: number;
  #backoffMs: number;
  #actual: Actual<E>;

  constructor(clock: ResolutionClock, actual: Actual<E>, nowMs: number) {
    this.#clock = clock;
    this.#actual = actual;
    this.#untilMs = nowMs + clock.initialMs;
    this.#backoffMs = clock.firstBackoffMs;
    this.advance(nowMs);
  }

  /** The Service changed. */
  update(actual: Actual<E>, nowMs: number): void {
    this.advance(nowMs);
    const same = JSON.stringify(actual) === JSON.stringify(this.#actual);
    this.#actual = actual;
    if (!same && (this.phase === "open" || (this.phase === "listening" && this.#answers()))) this.#hear(nowMs);
  }

  /** Lets time pass until now. */
  advance(nowMs: number): void {
    while (this.#step(nowMs));
  }

  /** Milliseconds until something may change by itself. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#untilMs - nowMs);
  }

  #step(nowMs: number): boolean {
    if (this.phase === "listening" && this.#answers()) {
      this.#hear(this.#untilMs - this.#clock.initialMs);
      return true;
    }
    if (nowMs < this.#untilMs) return false;
    const { initialMs, lastBackoffMs } = this.#clock;
    if (this.phase === "listening") {
      this.phase = "pausing";
      this.#untilMs += this.#backoffMs;
      this.#backoffMs = Math.min(this.#backoffMs * 2, lastBackoffMs);
    } else {
      this.phase = "listening";
      this.#untilMs += initialMs;
    }
    return true;
  }

  #answers(): boolean {
    return !this.#actual.exists || this.#actual.endpoints.length > 0;
  }

  #hear(atMs: number): void {
    this.phase = "open";
    this.known = this.#actual.endpoints;
    this.#untilMs = atMs + this.#clock.idleMs;
    this.#backoffMs = this.#clock.firstBackoffMs;
  }
}

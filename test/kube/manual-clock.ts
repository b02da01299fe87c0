/** A clock that moves only when a test moves it. */
import type { Cancel, Clock } from "../../shared/kube/clock.ts";

interface Due {
  at: number;
  run: () => void;
}

export class ManualClock implements Clock {
  private steady = 0;
  private wallOffset = Date.UTC(2026, 0, 1);
  private readonly due = new Set<Due>();

  now(): number {
    return this.steady;
  }

  wall(): number {
    return this.steady + this.wallOffset;
  }

  after(ms: number, run: () => void): Cancel {
    const entry = { at: this.steady + ms, run };
    this.due.add(entry);
    return () => void this.due.delete(entry);
  }

  /** Waiting times of the pending timers, shortest first. */
  get timers(): number[] {
    return [...this.due].map(({ at }) => at - this.steady).sort((a, b) => a - b);
  }

  /** Lets time pass and runs what falls due, in order; what follows from each is settled before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.steady + ms;
    for (let next = this.earliest(end); next !== undefined; next = this.earliest(end)) {
      this.due.delete(next);
      this.steady = Math.max(this.steady, next.at);
      next.run();
      await settled();
    }
    this.steady = end;
    await settled();
  }

  /** Lets time pass as for a process that is stopped: no timer runs until `advance`. */
  freeze(ms: number): void {
    this.steady += ms;
  }

  /** Sets the wall clock forward (or back) without time passing. */
  setWall(byMs: number): void {
    this.wallOffset += byMs;
  }

  private earliest(end: number): Due | undefined {
    return [...this.due].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }
}

/** Resolves when every promise that could settle by itself has. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

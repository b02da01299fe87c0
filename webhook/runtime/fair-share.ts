/**
 * Queries of tenants' own are asked a few at a time for each Canary and each namespace: one tenant's slow server, or many metrics, must
 * hold up nobody else's.
 */
import type { Timers } from "../../shared/kube/clock.ts";

export interface Share {
  /** Whoever takes part. */
  key: string;
  /** How many of its questions are asked at once. */
  most: number;
}

/** How long a question may wait for its turn, ms: what waits longer could not be asked in time for any check. */
const patienceMs = 10_000;

export class FairShare {
  private readonly under = new Map<string, number>();
  private readonly waiting: { shares: readonly Share[]; go: () => void }[] = [];
  private readonly timers: Timers;
  private readonly patienceMs: number;

  constructor(options: { timers: Timers; patienceMs?: number }) {
    this.timers = options.timers;
    this.patienceMs = options.patienceMs ?? patienceMs;
  }

  /** Asks once every share has room. Rejects where that takes too long, with a sentence that names the fullest of them. */
  async ask<T>(shares: readonly Share[], question: () => Promise<T>): Promise<T> {
    if (!this.enter(shares)) await this.turn(shares);
    try {
      return await question();
    } finally {
      for (const { key } of shares) this.count(key, -1);
      this.next();
    }
  }

  private turn(shares: readonly Share[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const one = { shares, go: resolve };
      const cancel = this.timers.after(this.patienceMs, () => {
        this.waiting.splice(this.waiting.indexOf(one), 1);
        const full = shares.find(({ key, most }) => (this.under.get(key) ?? 0) >= most) ?? shares[0];
        const message = `it waited ${this.patienceMs / 1_000}s for its turn: ${full?.most} queries of ${full?.key} are asked at once; use fewer or faster ones`;
        reject(new Error(message));
      });
      one.go = (): void => {
        cancel();
        resolve();
      };
      this.waiting.push(one);
    });
  }

  /** Those that wait longest first; one that has no room yet holds up no other. */
  private next(): void {
    for (const one of [...this.waiting]) {
      if (!this.enter(one.shares)) continue;
      this.waiting.splice(this.waiting.indexOf(one), 1);
      one.go();
    }
  }

  private enter(shares: readonly Share[]): boolean {
    if (shares.some(({ key, most }) => (this.under.get(key) ?? 0) >= most)) return false;
    for (const { key } of shares) this.count(key, 1);
    return true;
  }

  private count(key: string, more: 1 | -1): void {
    const now = (this.under.get(key) ?? 0) + more;
    if (now > 0) this.under.set(key, now);
    else this.under.delete(key);
  }
}

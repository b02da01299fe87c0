/**
 * How often one key may be looked at: a burst at once, then a steady rate. Otherwise two writers that undo each other's work would keep
 * the API server as busy as it lets them.
 */
import type { Clock } from "../../shared/kube/clock.ts";

export interface RateLimits {
  burst: number;
  perSecond: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

export class RateLimit {
  private readonly clock: Clock;
  private readonly limits: RateLimits;
  private readonly buckets = new Map<string, Bucket>();

  constructor(clock: Clock, limits: RateLimits) {
    this.clock = clock;
    this.limits = limits;
  }

  /** 0: `key` may be looked at now, which is counted; else in how many ms it may. */
  waitMs(key: string): number {
    const { burst, perSecond } = this.limits;
    const now = this.clock.now();
    const { tokens, at } = this.buckets.get(key) ?? { tokens: burst, at: now };
    const available = Math.min(burst, tokens + ((now - at) * perSecond) / 1_000);
    const isFree = available >= 1;
    this.buckets.set(key, { tokens: isFree ? available - 1 : available, at: now });
    return isFree ? 0 : Math.ceil(((1 - available) * 1_000) / perSecond);
  }

  forget(key: string): void {
    this.buckets.delete(key);
  }
}

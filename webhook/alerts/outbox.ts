/**
 * Sends beside the loop, so that a receiver that is slow or down delays nobody: in order for each Canary and receiver, a few at a time for
 * each receiver and namespace, again with patience, and not for ever. What waits is bounded by the statuses that it comes from.
 */
import { backoffMs } from "../../shared/kube/backoff.ts";
import { pause, type Clock } from "../../shared/kube/clock.ts";
import { FairShare } from "../runtime/fair-share.ts";
import { SendError } from "../outbound/send-error.ts";

export interface Parcel {
  /** Parcels of one lane are sent in order. */
  lane: string;
  /** Who gets it; what it fails by, others are spared. */
  receiver: string;
  namespace: string;
  /** One attempt; rejects with a SendError. */
  send(): Promise<void>;
  /** Told once: `failure` where it was given up. */
  done(failure?: SendError): void;
}

const patience = { firstMs: 1_000, capMs: 60_000 };
/** About three minutes. */
const attempts = 8;
/** Of a receiver that let the last parcel down. */
const attemptsWhenDown = 2;
/** At once. */
const most = { receiver: 4, namespace: 8, all: 64 };
/** How long one attempt may wait for its turn. */
const turnMs = 120_000;

export class Outbox {
  private readonly clock: Clock;
  private readonly random: () => number;
  private readonly lanes = new Map<string, Promise<void>>();
  private readonly down = new Set<string>();
  private readonly shares: FairShare;
  private stopped = new AbortController();

  constructor({ clock, random }: { clock: Clock; random: () => number }) {
    this.clock = clock;
    this.random = random;
    this.shares = new FairShare({ timers: clock, patienceMs: turnMs });
  }

  add(parcel: Parcel): void {
    const { lane } = parcel;
    const { signal } = this.stopped;
    const after = (this.lanes.get(lane) ?? Promise.resolve()).then(() => this.work(parcel, signal));
    this.lanes.set(lane, after);
    void after.then(() => {
      if (this.lanes.get(lane) === after) this.lanes.delete(lane);
    });
  }

  /** Nothing that waits is sent any more, and nobody is told of it. */
  clear(): void {
    this.stopped.abort();
    this.stopped = new AbortController();
    this.lanes.clear();
    this.down.clear();
  }

  private async work(parcel: Parcel, signal: AbortSignal): Promise<void> {
    const { receiver } = parcel;
    const allowed = this.down.has(receiver) ? attemptsWhenDown : attempts;
    for (let attempt = 1; !signal.aborted; attempt++) {
      const failure = await this.attempt(parcel);
      if (signal.aborted) return;
      if (!failure) {
        this.down.delete(receiver);
        return parcel.done();
      }
      if (!failure.mayRetry || attempt >= allowed) {
        this.down.add(receiver);
        return parcel.done(failure);
      }
      await pause(this.clock, backoffMs(patience, attempt, this.random), signal);
    }
  }

  private async attempt(parcel: Parcel): Promise<SendError | undefined> {
    const { receiver, namespace } = parcel;
    const shares = [
      { key: `receiver ${receiver}`, most: most.receiver },
      { key: `namespace ${namespace}`, most: most.namespace },
      { key: "all", most: most.all },
    ];
    try {
      await this.shares.ask(shares, () => parcel.send());
      return undefined;
    } catch (error: unknown) {
      if (error instanceof SendError) return error;
      // Also where its turn did not come: receivers before it hang.
      return new SendError("timeout", "it could not be tried", { cause: error });
    }
  }
}

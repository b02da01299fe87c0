/**
 * Leader election on a Lease, by client-go's rules: whoever holds it renews it; whoever does not waits until it has not
 * changed for its duration, by the waiter's own clock. A holder stops leading well before others may take over, and
 * `isLeader` measures that itself: a process that was frozen knows on its first question that its time is over.
 */
import { pause, type Cancel, type Clock } from "../../shared/kube/clock.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { CanaryError, hasCode, type ErrorCode } from "../../shared/kube/errors.ts";
import { resource } from "../../shared/kube/resources.ts";
import { claimed, durationMs, emptyLease, holderOf, released, type Lease } from "./lease.ts";

export interface ElectionDeps {
  /** Its request timeout must be well below `renewDeadlineMs` (a third, say), or one lost packet costs the lead. */
  cluster: Cluster;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  /** The term's signal aborts when the lead is lost or given up. */
  onStartedLeading: (term: AbortSignal) => void;
  /** Awaited before the Lease is released, so that the next leader finds no work of ours under way. */
  onStoppedLeading: (reason: string) => void | Promise<void>;
  onError?: (error: unknown) => void;
  /** Annotations of the Lease, asked for at each renewal. */
  notes?: () => Record<string, string>;
}

export interface ElectionOptions {
  namespace: string;
  name: string;
  /** Unique to this process: the pod's name. */
  identity: string;
  /** Default 15 s. In the Lease it is rounded up to whole seconds. */
  leaseDurationMs?: number;
  /** Default 10 s. */
  renewDeadlineMs?: number;
  /** Default 2 s. Those who wait ask a little more often, so that a released Lease is taken within this time. */
  retryPeriodMs?: number;
}

/** A moment on both clocks: the steady one may stand still while a machine sleeps, the wall clock may be set back. */
interface Moment {
  steady: number;
  wall: number;
}

interface Term {
  renewedAt: Moment;
  ending: AbortController;
  cancelDeadline: Cancel;
}

export class Election {
  private readonly deps: ElectionDeps;
  private readonly options: Required<ElectionOptions>;
  private readonly ending = new AbortController();
  private running: Promise<void> | undefined;
  private term: Term | undefined;
  /** The end of the last term, which the next one waits for. */
  private farewell: Promise<void> = Promise.resolve();
  /** The Lease as last read or written; undefined when it is not there, or when a write left us in doubt. */
  private lease: Lease | undefined;
  private lastSeen: Lease | undefined;
  /** When, by our steady clock, the content of the Lease was last seen to change. */
  private changedAt = 0;

  constructor(deps: ElectionDeps, options: ElectionOptions) {
    this.deps = deps;
    this.options = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000, ...options };
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.options;
    if (leaseDurationMs <= renewDeadlineMs || renewDeadlineMs <= retryPeriodMs) {
      const given = `${leaseDurationMs}, ${renewDeadlineMs}, ${retryPeriodMs}`;
      throw new CanaryError("Usage", `Lease duration > renew deadline > retry period must hold; given (ms): ${given}.`);
    }
  }

  start(): void {
    this.running ??= this.run();
  }

  /** True only while our last renewal is younger than the renew deadline. Ask right before each write. */
  isLeader(): boolean {
    return this.term !== undefined && this.age(this.term.renewedAt) < this.options.renewDeadlineMs;
  }

  /** The Lease's holder when it was last read; empty if there was none. */
  leader(): string {
    return holderOf(this.lastSeen);
  }

  /** Gives up the lead, if it is ours, and releases the Lease for the next in line. Final. */
  async stop(): Promise<void> {
    this.ending.abort();
    const led = this.term !== undefined;
    this.lose("the process is stopping");
    await Promise.all([this.running, this.farewell]);
    if (led || this.leader() === this.options.identity)
      await this.release().catch((error: unknown) => this.report(error));
  }

  private async run(): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      // A term whose deadline passed while we were frozen ends before anything is renewed: what follows is a new term.
      this.expire();
      await this.farewell;
      await this.attempt().catch((error: unknown) => this.report(error));
      await pause(this.deps.clock, this.untilNextAttempt(), signal);
    }
  }

  private untilNextAttempt(): number {
    const { retryPeriodMs, renewDeadlineMs } = this.options;
    if (this.term === undefined) return retryPeriodMs * (0.5 + this.deps.random() / 4);
    return Math.min(retryPeriodMs, Math.max(0, renewDeadlineMs - this.age(this.term.renewedAt)));
  }

  private async attempt(): Promise<void> {
    if (this.ending.signal.aborted) return;
    // As long as we lead, the Lease in hand is the one we wrote; a Conflict tells when it is not.
    if (this.term === undefined || this.lease === undefined) await this.look();
    const lease = this.lease ?? emptyLease(this.options.namespace, this.options.name);
    const holder = holderOf(lease);
    if (holder !== "" && holder !== this.options.identity) {
      this.lose(`"${holder}" holds the Lease`);
      const unchangedMs = this.deps.clock.now() - this.changedAt;
      if (unchangedMs < durationMs(lease, this.options.leaseDurationMs)) return;
    }
    await this.claim(lease);
  }

  /** Reads the Lease, and notes by our own clock when its content was last seen to change. */
  private async look(): Promise<void> {
    const { name, namespace } = this.options;
    this.lease = await this.deps.cluster
      .get<Lease>(resource.leases, { name, namespace })
      .catch((error: unknown) => ifCode(error, undefined, "NotFound"));
    if (!sameSpec(this.lease, this.lastSeen)) this.changedAt = this.deps.clock.now();
    this.lastSeen = this.lease;
  }

  private async claim(lease: Lease): Promise<void> {
    // Read before the request is sent: others count from when they see it, which is later.
    const askedAt = this.moment();
    const { identity, leaseDurationMs } = this.options;
    const notes = this.deps.notes?.() ?? {};
    const wanted = claimed(lease, { identity, leaseDurationMs, wall: askedAt.wall, notes });
    const { cluster } = this.deps;
    const created = this.lease === undefined;
    this.lease = undefined;
    try {
      this.lease = await (created ? cluster.create(resource.leases, wanted) : cluster.replace(resource.leases, wanted));
    } catch (error) {
      // Another candidate was quicker: that is the election at work.
      return ifCode(error, undefined, "Conflict", "AlreadyExists", "NotFound");
    }
    this.lastSeen = this.lease;
    this.changedAt = askedAt.steady;
    if (this.term === undefined) await this.lead(askedAt);
    else this.renew(this.term, askedAt);
  }

  private async lead(renewedAt: Moment): Promise<void> {
    await this.farewell;
    const spent = this.age(renewedAt) >= this.options.renewDeadlineMs;
    if (spent || this.ending.signal.aborted) return;
    this.term = { renewedAt, ending: new AbortController(), cancelDeadline: () => undefined };
    this.renew(this.term, renewedAt);
    this.deps.onStartedLeading(this.term.ending.signal);
  }

  private renew(term: Term, renewedAt: Moment): void {
    term.renewedAt = renewedAt;
    term.cancelDeadline();
    const leftMs = this.options.renewDeadlineMs - this.age(renewedAt);
    // Also while a renewal hangs: work under way must hear of the end when it comes.
    term.cancelDeadline = this.deps.clock.after(leftMs, () => this.expire());
  }

  private expire(): void {
    if (this.term === undefined || this.isLeader()) return;
    this.lose(`the Lease was not renewed within ${this.options.renewDeadlineMs} ms`);
  }

  private lose(reason: string): void {
    const term = this.term;
    if (term === undefined) return;
    this.term = undefined;
    term.cancelDeadline();
    term.ending.abort();
    this.farewell = Promise.resolve(this.deps.onStoppedLeading(reason)).catch((error: unknown) => this.report(error));
  }

  private async release(): Promise<void> {
    if (this.lease === undefined) await this.look();
    if (this.lease === undefined || holderOf(this.lease) !== this.options.identity) return;
    this.lastSeen = await this.deps.cluster.replace(resource.leases, released(this.lease, this.deps.clock.wall()));
  }

  private report(error: unknown): void {
    this.deps.onError?.(error);
  }

  private moment(): Moment {
    return { steady: this.deps.clock.now(), wall: this.deps.clock.wall() };
  }

  /** Time gone by on whichever clock says more; for the end of our own lead, where too early is safe. */
  private age(then: Moment): number {
    const now = this.moment();
    return Math.max(now.steady - then.steady, now.wall - then.wall);
  }
}

function ifCode<T>(error: unknown, value: T, ...codes: ErrorCode[]): T {
  if (hasCode(error, ...codes)) return value;
  throw error;
}

const sameSpec = (a: Lease | undefined, b: Lease | undefined): boolean =>
  JSON.stringify(a?.spec) === JSON.stringify(b?.spec);

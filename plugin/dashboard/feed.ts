/** All Canaries of the dashboard, as they change: by one watch, with the rights of whoever started it. */
import type { Canary } from "../../shared/core/objects/canary.ts";
import { CanaryError } from "../../shared/kube/errors.ts";
import type { Selection } from "../../shared/kube/cluster.ts";
import type { Reflector } from "../../shared/kube/reflector.ts";
import { resource } from "../../shared/kube/resources.ts";
import { Trigger } from "../cluster/change-watcher.ts";
import type { Deps, Scope } from "../context.ts";
import { readLease, timeFor } from "../read/read-canary.ts";
import { viewCanary } from "../view/canary-view.ts";
import { type SeenLease, viewController } from "../view/controller-health.ts";
import type { CanaryView } from "../view/types.ts";
import { keyOfView, type Recorder } from "./recorder.ts";
import type { OverviewChange } from "./types.ts";

/** What nothing tells us of is read this often. */
const leaseMs = 5_000;
/** For what changes with time alone, such as a controller that falls silent. */
const tickMs = 1_000;
/** Changes that come in quick succession go out together; the first of them at once. */
const gatherMs = 250;

export class Feed {
  private readonly deps: Deps;
  private readonly scope: Scope;
  private readonly recorder: Recorder;
  private readonly listeners = new Set<(change: OverviewChange) => void>();
  private readonly sent = new Map<string, { canary: Canary; view: CanaryView; text: string }>();
  private lookedAt = -Infinity;
  private allLookedAt = -Infinity;
  private away: OverviewChange["away"] = null;
  private lease: SeenLease;
  private leaseAt = -Infinity;
  private leaseFailure: CanaryError | undefined;

  constructor(deps: Deps, scope: Scope, recorder: Recorder) {
    this.deps = deps;
    this.scope = scope;
    this.recorder = recorder;
  }

  /** Throws at once what would never come right: Canaries that may not be listed, or are not known there. Ends with `deps.signal`. */
  async run(selection: Selection, whenReady: () => Promise<void>): Promise<void> {
    for await (const _ of this.deps.cluster.pages<Canary>(resource.canaries, { ...selection, limit: 1 })) break;
    const trigger = new Trigger(this.deps);
    try {
      const canaries = trigger.follow<Canary>(resource.canaries, selection);
      await Promise.race([canaries.whenSynced(), whenAborted(this.deps.signal)]);
      await this.look(canaries);
      await whenReady();
      while (!this.deps.signal.aborted) {
        const isChange = (await trigger.next(tickMs)) === "changed";
        if (isChange) await trigger.restUntil(this.lookedAt + gatherMs);
        if (!this.deps.signal.aborted) await this.look(canaries);
      }
    } finally {
      await trigger.stop();
    }
  }

  /** Told all that is there at once, and then each change, until the returned function is called. */
  subscribe(listener: (change: OverviewChange) => void): () => void {
    this.listeners.add(listener);
    listener({ all: [...this.sent.values()].map(({ view }) => view), changed: [], gone: [], away: this.away });
    return () => void this.listeners.delete(listener);
  }

  private async look(canaries: Reflector<Canary>): Promise<void> {
    const before = this.away;
    this.lookedAt = this.deps.timers.now();
    const isOfAll = this.lookedAt - this.allLookedAt >= tickMs;
    if (isOfAll) this.allLookedAt = this.lookedAt;
    const now = steadied(isOfAll ? await this.time() : this.deps.now(), this.lease);
    this.away = this.awayBy(this.leaseFailure ?? canaries.listFailure);
    const { changed, gone } = this.changesOf(canaries.list(), { now, isOfAll });
    if (changed.length === 0 && gone.length === 0 && this.away === before) return;
    for (const listener of this.listeners) listener({ changed, gone, away: this.away });
  }

  /** Not `isOfAll`: only Canaries that are other objects than before. To look at hundreds takes a while, and a change is not to wait for it. */
  private changesOf(
    canaries: readonly Canary[],
    { now, isOfAll }: { now: number; isOfAll: boolean },
  ): Pick<OverviewChange, "changed" | "gone"> {
    const gone = new Set(this.sent.keys());
    const changed: CanaryView[] = [];
    for (const canary of canaries) {
      const key = keyOfCanary(canary);
      gone.delete(key);
      const view = isOfAll || this.sent.get(key)?.canary !== canary ? this.newsOf(canary, now) : undefined;
      if (view) changed.push(view);
    }
    for (const key of gone) {
      this.sent.delete(key);
      this.recorder.forget(key);
    }
    return { changed, gone: [...gone] };
  }

  /** Undefined where its view is the one that was sent. */
  private newsOf(canary: Canary, now: number): CanaryView | undefined {
    const own = { ...this.scope, namespace: canary.metadata.namespace ?? this.scope.namespace };
    const view = viewCanary({ canary, lease: this.lease, callers: [], unread: [] }, own, now);
    this.recorder.note(view, now);
    const text = tellingOf(view);
    const known = this.sent.get(keyOfCanary(canary));
    const isKnown = known?.text === text;
    this.sent.set(keyOfCanary(canary), isKnown ? { ...known, canary } : { canary, view, text });
    return isKnown ? undefined : view;
  }

  /** Reads the Lease from time to time, and with it learns whether the API server answers. */
  private async time(): Promise<number> {
    const { deps } = this;
    if (deps.timers.now() - this.leaseAt < leaseMs) return deps.now();
    this.leaseAt = deps.timers.now();
    try {
      this.lease = await readLease(deps.cluster, this.scope.controllerNamespace);
      const now = await timeFor(this.lease, deps);
      this.leaseFailure = undefined;
      return now;
    } catch (error) {
      // All of it was readable when the page was opened: what has come since, such as another network, may pass.
      if (!(error instanceof CanaryError)) throw error;
      this.leaseFailure = error;
      return deps.now();
    }
  }

  /** The same object as before where there is no news. */
  private awayBy(failure: CanaryError | undefined): OverviewChange["away"] {
    if (failure === undefined || failure.message === this.away?.words) return failure ? this.away : null;
    return { since: this.away?.since ?? new Date(this.deps.now()).toISOString(), words: failure.message };
  }
}

/** Of two equal ones the second is not sent: a Lease is renewed every few seconds, which is no news of any Canary. */
export function tellingOf({ controller, ...view }: CanaryView): string {
  return JSON.stringify({ ...view, controller: { ...controller, renewedAt: null } });
}

// --- internal ---

const keyOfCanary = ({ metadata: { namespace = "", name = "" } }: Canary): string => keyOfView({ namespace, name });

const silentStepMs = 10_000;

/** Each view of all says for how long a controller has been silent: that goes on by tens of seconds. */
function steadied(now: number, lease: SeenLease): number {
  return viewController(lease, now).state === "silent" ? now - (now % silentStepMs) : now;
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

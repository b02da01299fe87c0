/** Says when something that is watched may have changed: list and watch, resumed where they break. */
import { hasCode } from "../../shared/kube/errors.ts";
import { pause } from "../../shared/kube/clock.ts";
import type { Selection } from "../../shared/kube/cluster.ts";
import { Reflector } from "../../shared/kube/reflector.ts";
import type { Resource } from "../../shared/kube/resources.ts";
import type { Stored } from "../../shared/kube/store.ts";
import type { Deps } from "../context.ts";

/** One person is watching, so retries need no spreading and may follow soon after the API server is back. */
const backoff = { firstMs: 200, capMs: 3_000 };

export class Trigger {
  private readonly deps: Deps;
  private readonly reflectors: Reflector<Stored>[] = [];
  private wake: () => void = () => undefined;
  private pending = false;

  constructor(deps: Deps) {
    this.deps = deps;
  }

  /** Watches objects from now on. Where they may be listed and not watched, they are listed every few seconds. */
  follow<T extends Stored>(resource: Resource, selection: Selection): Reflector<T> {
    const reflector: Reflector<T> = new Reflector<T>(
      { cluster: this.deps.cluster, clock: this.deps.timers, random: () => 0.5 },
      {
        ...selection,
        resource,
        backoff,
        missingIsEmpty: true,
        onChange: () => this.fire(),
        onError: (error) => {
          // Whoever follows reads by itself from time to time, and says there what is not permitted.
          if (hasCode(error, "Forbidden")) return reflector.hasSynced ? undefined : void reflector.stop();
          this.fire();
        },
      },
    );
    this.reflectors.push(reflector as unknown as Reflector<Stored>);
    reflector.start();
    return reflector;
  }

  /** Resolves when something has changed since the last call, after `ms` at the latest, or when interrupted. */
  async next(ms: number): Promise<"changed" | "passed"> {
    if (!this.pending) {
      const stop = new AbortController();
      this.wake = () => stop.abort();
      await pause(this.deps.timers, ms, AbortSignal.any([stop.signal, this.deps.signal]));
    }
    const changed = this.pending;
    this.pending = false;
    return changed ? "changed" : "passed";
  }

  /** Lets changes gather until `at`, by the timers' clock. */
  restUntil(at: number): Promise<void> {
    return pause(this.deps.timers, Math.max(0, at - this.deps.timers.now()), this.deps.signal);
  }

  async stop(): Promise<void> {
    await Promise.all(this.reflectors.map((reflector) => reflector.stop()));
  }

  private fire(): void {
    this.pending = true;
    this.wake();
  }
}

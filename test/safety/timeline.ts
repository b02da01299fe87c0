/**
 * What each object of a namespace was at each moment, by the API server's own count of writes: that count is one for all kinds
 * of objects, so that what one object was when another was written is a fact, whatever the watches' delays.
 */
import { systemClock } from "../../shared/kube/clock.ts";
import type { Cluster, Selection } from "../../shared/kube/cluster.ts";
import { Reflector } from "../../shared/kube/reflector.ts";
import type { Resource } from "../../shared/kube/resources.ts";
import { keyOf, type Stored } from "../../shared/kube/store.ts";

export interface Moment<T> {
  version: bigint;
  /** By this machine's clock, when the watch told of it; later than it happened by the watch's delay. */
  at: number;
  old: T | undefined;
  now: T;
}

/** One kind of objects in one namespace. Objects that go are remembered as they were last. */
export class Timeline<T extends Stored> {
  private readonly moments = new Map<string, Moment<T>[]>();
  private readonly reflector: Reflector<T>;

  constructor(cluster: Cluster, of: Resource, selection: Selection, onChange: (moment: Moment<T>) => void) {
    this.reflector = new Reflector<T>(
      { cluster, clock: systemClock, random: () => 0.5 },
      {
        ...selection,
        resource: of,
        onChange: (old, now) => {
          if (!now) return;
          const moment = { version: versionOf(now), at: Date.now(), old, now };
          const key = keyOf(now);
          this.moments.set(key, [...(this.moments.get(key) ?? []), moment]);
          onChange(moment);
        },
      },
    );
  }

  async start(): Promise<void> {
    this.reflector.start();
    await this.reflector.whenSynced();
  }

  stop(): Promise<void> {
    return this.reflector.stop();
  }

  /** The object as it was when the API server made its write `version`. */
  when(key: string, version: bigint): T | undefined {
    return this.moments.get(key)?.findLast((moment) => moment.version <= version)?.now;
  }

  /** Everything that the object was between `version` and `ms` before it. */
  lately(key: string, version: bigint, ms: number): T[] {
    const until = (this.moments.get(key) ?? []).filter((moment) => moment.version <= version);
    const end = until.at(-1)?.at ?? 0;
    const first = until.findLastIndex((moment) => moment.at <= end - ms);
    return until.slice(Math.max(0, first)).map(({ now }) => now);
  }

  keys(): string[] {
    return [...this.moments.keys()];
  }
}

export const versionOf = ({ metadata }: Stored): bigint => BigInt(metadata?.resourceVersion ?? "0");

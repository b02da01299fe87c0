/** How often each canary's status is written while users are on it and its analysis goes on, as every watcher of Canaries sees it. */
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import { keyOf } from "../../shared/kube/store.ts";

export interface Written {
  /** All writes, and those of them that say that it begins to wait, for pods or for anything else, or goes on. */
  all: number;
  news: number;
  /** Time between the first and the last, ms. */
  lastedMs: number;
}

/** Status writes a check of each canary, without the news. */
export function writesPerCheck(written: readonly Written[], intervalMs: number): { mean: number; most: number } {
  const perCheck = written.map(({ all, news, lastedMs }) => (all - news - 1) / (lastedMs / intervalMs));
  const mean = perCheck.reduce((sum, one) => sum + one, 0) / perCheck.length;
  return { mean, most: Math.max(...perCheck) };
}

export class StatusWrites {
  /** By `namespace/name`. */
  readonly counts = new Map<string, Written>();
  private readonly cluster: Cluster;
  private readonly over = new AbortController();
  private readonly last = new Map<string, string>();
  private readonly since = new Map<string, { at: number; standing: string }>();
  private watching: Promise<void> = Promise.resolve();

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  static async start(cluster: Cluster): Promise<StatusWrites> {
    const counting = new StatusWrites(cluster);
    const { items, resourceVersion } = await cluster.list<Canary>(resource.canaries);
    for (const canary of items) counting.last.set(keyOf(canary), statusOf(canary));
    counting.watching = counting.watch(resourceVersion);
    return counting;
  }

  /** Rejects where the watch broke off: then nothing is known. */
  async stop(): Promise<void> {
    this.over.abort();
    await this.watching;
  }

  private async watch(resourceVersion: string): Promise<void> {
    const { signal } = this.over;
    for await (const { type, object } of this.cluster.watch<Canary>(resource.canaries, { resourceVersion }, signal))
      if (type === "MODIFIED") this.see(object);
    if (!signal.aborted) throw new Error("The watch of Canaries ended early.");
  }

  private see(canary: Canary): void {
    const key = keyOf(canary);
    const status = statusOf(canary);
    const isWritten = this.last.get(key) !== status;
    this.last.set(key, status);
    const standing = standingOf(canary);
    if (!isWritten || standing === undefined) return;
    const now = Date.now();
    const { at, standing: before } = this.since.get(key) ?? { at: now, standing };
    this.since.set(key, { at, standing });
    const { all, news } = this.counts.get(key) ?? { all: 0, news: 0 };
    this.counts.set(key, { all: all + 1, news: news + (standing === before ? 0 : 1), lastedMs: now - at });
  }
}

// --- internal ---

/** Of a run that is judged while users are on it. */
function standingOf({ status }: Canary): string | undefined {
  const { canaryWeight = 0, run } = { ...status };
  const isJudged = canaryWeight > 0 && (run?.stage === "scaling" || run?.stage === "analysing");
  return isJudged ? `${run.stage} ${run.hold ?? ""}` : undefined;
}

const statusOf = ({ status }: Canary): string => JSON.stringify(status ?? {});

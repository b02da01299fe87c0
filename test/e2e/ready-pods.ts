/** Ready pods of podinfo's two tracks in one namespace, as the API server tells of each change of a pod. */
import type { V1Pod } from "@kubernetes/client-node";
import { resource } from "../../shared/kube/resources.ts";
import { keyOf } from "../../shared/kube/store.ts";
import { administrator } from "../cluster/administrator.ts";
import { Timeline } from "../safety/timeline.ts";

export interface Ready {
  /** By this machine's clock. */
  at: number;
  stable: number;
  canary: number;
}

export class ReadyPods {
  readonly seen: Ready[] = [];
  readonly #pods = new Map<string, V1Pod>();
  #timeline: Timeline<V1Pod> | undefined;

  private constructor() {}

  static async watch(namespace: string): Promise<ReadyPods> {
    const ready = new ReadyPods();
    const timeline = new Timeline<V1Pod>(await administrator(), resource.pods, { namespace }, ({ now }) =>
      ready.#note(now),
    );
    ready.#timeline = timeline;
    await timeline.start();
    ready.forget();
    return ready;
  }

  /** Counts from now on. */
  forget(): void {
    this.seen.splice(0, this.seen.length, this.now());
  }

  now(): Ready {
    const of = (app: string): number => [...this.#pods.values()].filter((pod) => isReady(pod, app)).length;
    return { at: Date.now(), stable: of("podinfo"), canary: of("podinfo-canary") };
  }

  /** The fewest of stable, and of both together, since they were last forgotten. */
  least(): { stable: number; both: number } {
    const stable = Math.min(...this.seen.map((one) => one.stable));
    return { stable, both: Math.min(...this.seen.map((one) => one.stable + one.canary)) };
  }

  async stop(): Promise<void> {
    await this.#timeline?.stop();
  }

  #note(pod: V1Pod): void {
    this.#pods.set(keyOf(pod), pod);
    this.seen.push(this.now());
  }
}

// --- internal ---

/** One that is going takes no more requests. */
function isReady({ metadata, status }: V1Pod, app: string): boolean {
  if (metadata?.labels?.["app"] !== app || metadata.deletionTimestamp) return false;
  return status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false;
}

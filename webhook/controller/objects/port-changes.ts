/** Since when an apex has other ports than stable's leaf. Lost with the lead, which only makes the leaf follow later. */
import { portsDiffer, settleMs } from "../../../shared/core/objects/made/stable-ports.ts";
import type { V1Service, V1ServicePort } from "@kubernetes/client-node";

export class PortChanges {
  private readonly seen = new Map<string, { ports: string; at: number }>();

  /** In how many milliseconds the ports count as settled; undefined where they do. `key`: of the Canary. */
  settleInMs(
    key: string,
    { ports, leaf }: { ports: readonly V1ServicePort[]; leaf: V1Service | undefined },
    now: number,
  ): number | undefined {
    if (!portsDiffer(ports, leaf)) {
      this.seen.delete(key);
      return undefined;
    }
    const text = JSON.stringify(ports);
    const known = this.seen.get(key);
    const at = known?.ports === text ? known.at : now;
    this.seen.set(key, { ports: text, at });
    const leftMs = at + settleMs - now;
    return leftMs > 0 ? leftMs : undefined;
  }

  forget(key: string): void {
    this.seen.delete(key);
  }
}

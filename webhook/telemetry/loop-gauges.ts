/** What a scrape sees of this replica's loop. */
import { Gauge, type Registry } from "prom-client";

export interface LoopState {
  /** Its caches hold the cluster. */
  isReady: boolean;
  /** It holds the Lease. */
  isLeader: boolean;
  /** How many Canaries wait to be looked at. */
  waiting: number;
}

export function loopGauges(registers: Registry[]): (state: LoopState) => void {
  const queue = new Gauge({ name: "kubectl_canary_queue_depth", help: "Canaries waiting to be looked at", registers });
  const ready = new Gauge({
    name: "kubectl_canary_loop_ready",
    help: "1 where this replica's caches hold the cluster, so that it can lead; admission does not depend on it",
    registers,
  });
  const leader = new Gauge({
    name: "kubectl_canary_leader",
    help: "1 in the replica that holds the Lease and moves traffic, 0 in the others",
    registers,
  });
  return ({ isReady, isLeader, waiting }) => {
    ready.set(isReady ? 1 : 0);
    leader.set(isLeader ? 1 : 0);
    queue.set(waiting);
  };
}

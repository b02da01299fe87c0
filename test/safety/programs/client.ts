/** What these programs ask the API server with. */
import { KubeConfig } from "@kubernetes/client-node";
import { connect, type Cluster } from "../../../shared/kube/cluster.ts";
import { systemClock } from "../../../shared/kube/clock.ts";

/** `text`: of a kubeconfig. */
export function clusterOf(text: string): Cluster {
  const config = new KubeConfig();
  config.loadFromString(text);
  return connect(config, { timers: systemClock, timeoutMs: 10_000 });
}

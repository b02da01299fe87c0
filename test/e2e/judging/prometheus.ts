/** The cluster's Prometheus, away and back: whoever uses this is alone. */
import { mustKubectl, waitForRollout } from "../../cluster/client.ts";
import { vizNamespace } from "../../cluster/parts/prometheus.ts";

export async function takeAway(): Promise<void> {
  await mustKubectl(["-n", vizNamespace, "scale", "deploy", "prometheus", "--replicas=0"]);
  await mustKubectl(["-n", vizNamespace, "wait", "pod", "--for=delete", "-l", "app=prometheus", "--timeout=60s"]);
}

export async function bringBack(): Promise<void> {
  await mustKubectl(["-n", vizNamespace, "scale", "deploy", "prometheus", "--replicas=1"]);
  await waitForRollout(vizNamespace, "prometheus", 90_000);
}

/** The product's own client against the local cluster, as its administrator. */
import { readFile } from "node:fs/promises";
import { KubeConfig } from "@kubernetes/client-node";
import { connect, type Cluster } from "../../shared/kube/cluster.ts";
import { systemClock } from "../../shared/kube/clock.ts";

import { paths } from "./layout.ts";

export async function administrator(): Promise<Cluster> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(await readFile(paths.kubeconfig, "utf8"));
  return connect(kubeConfig, { timers: systemClock });
}

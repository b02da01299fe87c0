/** Kubernetes Events about a Canary, with Flagger's reason, so that `kubectl get ev` and dashboards find them. */
import type { CoreV1Event } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/canary.ts";
import type { EventText } from "../../shared/core/state.ts";
import { manager } from "../../shared/core/names.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import { metaOf } from "./views.ts";

/** Longest message that the API server takes. */
const longest = 1_024;

export interface EventDeps {
  cluster: Cluster;
  /** Name of this pod. */
  instance: string;
  now(): number;
}

/** One Event; two with the same `ordinal` in the same millisecond would share a name. */
export async function record(deps: EventDeps, canary: Canary, text: EventText, ordinal: number): Promise<void> {
  const { name, namespace, uid } = metaOf(canary);
  const at = deps.now();
  const time = new Date(at).toISOString();
  const stamp = `${at.toString(16)}.${ordinal.toString(16)}`;
  await deps.cluster.create(resource.coreEvents, {
    metadata: { name: `${name}.${stamp}`, namespace },
    involvedObject: {
      apiVersion: "flagger.app/v1beta1",
      kind: "Canary",
      name,
      namespace,
      uid,
      resourceVersion: canary.metadata.resourceVersion,
    },
    type: text.type,
    reason: "Synced",
    message: text.message.length > longest ? `${text.message.slice(0, longest - 1)}…` : text.message,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
    source: { component: manager, host: deps.instance },
  } as unknown as CoreV1Event);
}

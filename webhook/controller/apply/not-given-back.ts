/**
 * A Deployment that stays ours although its Canary is gone has no status to say so: an Event on it says why, and what to do. Its name is
 * made of what it says, so that it is said once as long as Kubernetes remembers it.
 */
import type { CoreV1Event, V1Deployment } from "@kubernetes/client-node";
import { checksum } from "../../../shared/core/format/checksum.ts";
import { cut } from "../../../shared/core/format/cut.ts";
import { shellQuoted } from "../../../shared/core/format/shell.ts";
import { label } from "../../../shared/core/objects/names.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { CanaryError, hasCode, messageOf } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import type { Logger } from "../../../shared/log.ts";
import { metaOf } from "../objects/from-objects.ts";
import { coreEvent } from "./core-event.ts";

/** Neither the ReplicaSet of stable nor what we kept of it is there: only a person knows what is to run. */
export class StableLost extends CanaryError {}

export type NotGivenBack = (target: V1Deployment, error: Error) => Promise<void>;

export interface NotGivenBackDeps {
  cluster: Cluster;
  /** Name of this pod. */
  instance: string;
  now(): number;
  log: Logger;
}

/** Never throws: that it cannot be said keeps nothing from being done. What may succeed by itself is no news. */
export function createNotGivenBack(deps: NotGivenBackDeps): NotGivenBack {
  const { cluster, instance, log } = deps;
  return async (target, error) => {
    if (!(error instanceof CanaryError) || error.retry) return;
    const event = eventOf(target, {
      message: sentenceOf(target, error),
      instance,
      at: new Date(deps.now()).toISOString(),
    });
    try {
      await cluster.create(resource.coreEvents, event);
    } catch (refused: unknown) {
      const { name, namespace } = metaOf(target);
      if (!hasCode(refused, "AlreadyExists"))
        log.warn({ target: `${name}.${namespace}`, reason: messageOf(refused) }, "an event could not be written");
    }
  };
}

// --- internal ---

function sentenceOf(target: V1Deployment, error: Error): string {
  const { name, namespace } = metaOf(target);
  const found = `The Canary of Deployment ${name} is gone, and it could not be given back: ${messageOf(error)}`;
  if (!(error instanceof StableLost)) return cut(`${found} It serves on as it is, and this is tried again.`);
  const kubectl = `kubectl -n ${shellQuoted(namespace)}`;
  return cut(
    `${found} Its pods serve on, and its rollout stays held. Say what is to run: ${kubectl} label deploy ${name} ${label.bypass}=stable-lost, ` +
      `then write that template, or let the held one go out: ${kubectl} rollout resume deploy ${name}`,
  );
}

function eventOf(
  target: V1Deployment,
  { message, instance, at }: { message: string; instance: string; at: string },
): CoreV1Event {
  const { name, namespace, uid } = metaOf(target);
  const about = { apiVersion: "apps/v1", kind: "Deployment", name, namespace, uid };
  const event = { name: `${name}.${checksum(`${uid}/${message}`)}`, about, at, instance };
  return coreEvent(event, { type: "Warning", reason: "NotGivenBack", message });
}

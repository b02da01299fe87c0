/**
 * Kubernetes Events about a Canary, with Flagger's reason, so that `kubectl get ev` and dashboards find them. What is to be
 * said is saved with the decision that it is about, and is said until it is heard: a controller that dies or is cut off in
 * between leaves the rest to its successor. Names are made of what is saved, so that nothing is said twice.
 */
import type { CoreV1Event } from "@kubernetes/client-node";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { SaidStatus } from "../../../shared/core/objects/canary-status.ts";
import { optional } from "../../../shared/core/format/compact.ts";
import { cut } from "../../../shared/core/format/cut.ts";
import type { EventText } from "../../../shared/core/action.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { CanaryError, hasCode } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { keyOf } from "../../../shared/kube/store.ts";
import { metaOf } from "../objects/from-objects.ts";
import { coreEvent } from "./core-event.ts";

/** Kubernetes forgets Events after an hour; one that was said before is not said again then. */
const freshMs = 50 * 60_000;
/** How many Events are kept to be said, those included that could not be said so far. */
const most = 10;

export interface EventDeps {
  cluster: Cluster;
  /** Name of this pod. */
  instance: string;
  now(): number;
  log: { warn(details: object, message: string): void };
  /** Told of each Event that this process has made. */
  tell(canary: Canary, said: SaidStatus): void;
}

export class EventWriter {
  private readonly deps: EventDeps;
  /** By Canary: the time of the last event that this process knows to be written. */
  private readonly heard = new Map<string, string>();

  constructor(deps: EventDeps) {
    this.deps = deps;
  }

  /** What a Canary's status holds of events once `events` are added: those that nobody has heard yet, and these. */
  withNew(canary: Canary, events: readonly EventText[]): SaidStatus[] {
    const before = canary.status?.said ?? [];
    if (events.length === 0) return before;
    // A time of its own for each: names are made of them, and their order is read from them.
    const last = before.at(-1)?.at;
    const from = Math.max(this.deps.now(), last === undefined ? 0 : Date.parse(last) + 1);
    const added = events.map(({ type, message }, index) => ({ at: iso(from + index), type, message: cut(message) }));
    return [...this.unheard(canary), ...added].slice(-most);
  }

  /** Writes what has not been heard of. False: some of it could not be written, and must be tried again. */
  async say(canary: Canary): Promise<boolean> {
    for (const said of this.unheard(canary)) {
      const isWritten = await this.write(canary, said);
      if (!isWritten) return false;
      this.heard.set(keyOf(canary), said.at);
    }
    return true;
  }

  forget(key: string): void {
    this.heard.delete(key);
  }

  private unheard(canary: Canary): SaidStatus[] {
    const heard = this.heard.get(keyOf(canary)) ?? iso(this.deps.now() - freshMs);
    return (canary.status?.said ?? []).filter(({ at }) => at > heard);
  }

  private async write(canary: Canary, said: SaidStatus): Promise<boolean> {
    try {
      await this.deps.cluster.create(resource.coreEvents, eventOf(canary, said, this.deps.instance));
      this.deps.tell(canary, said);
      return true;
    } catch (error: unknown) {
      if (hasCode(error, "AlreadyExists")) return true;
      // An Event that cannot be written must not keep traffic from moving: the status says the same.
      const { name, namespace } = metaOf(canary);
      this.deps.log.warn({ canary: `${name}.${namespace}`, err: error }, "an event could not be written");
      return !(error instanceof CanaryError && error.retry);
    }
  }
}

// --- internal ---

function eventOf(canary: Canary, { at, type, message }: SaidStatus, instance: string): CoreV1Event {
  const { name, namespace, uid } = metaOf(canary);
  const { resourceVersion } = canary.metadata;
  const about = {
    ...{ apiVersion: "flagger.app/v1beta1", kind: "Canary", name, namespace, uid },
    ...optional("resourceVersion", resourceVersion),
  };
  const event = { name: `${name}.${Date.parse(at).toString(16)}`, about, at, instance };
  return coreEvent(event, { type, reason: "Synced", message });
}

const iso = (time: number): string => new Date(time).toISOString();

/** The chart's event webhook: told of every Event of every Canary, in Flagger's form. Once at most, for an Event is no alert. */
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { SaidStatus } from "../../shared/core/objects/canary-status.ts";
import type { Clock } from "../../shared/kube/clock.ts";
import { keyOf } from "../../shared/kube/store.ts";
import type { Logger } from "../../shared/log.ts";
import { SendError } from "../outbound/send-error.ts";
import { textIn, type SecretReader } from "../outbound/secret-reader.ts";
import type { Recorder } from "../telemetry/recorder.ts";
import { postJson } from "./deliver.ts";
import { Outbox } from "./outbox.ts";

/** Where Events are posted: an address, or a Secret of the controller's namespace that has one. */
export interface EventWebhook {
  address?: string;
  secretName?: string;
}

export interface EventSenderDeps {
  clock: Clock;
  random: () => number;
  log: Pick<Logger, "warn">;
  recorder: Pick<Recorder, "alert">;
  secret: SecretReader;
  /** Of the controller. */
  namespace: string;
  webhook?: EventWebhook;
}

export interface EventSender {
  /** Does not wait. */
  tell(canary: Canary, said: SaidStatus): void;
  /** Another leads. */
  clear(): void;
}

/** Of one Canary; what comes while so many wait is left out, and counted as failed. */
const mostWaiting = 100;
const receiver = "the chart's event webhook";

export function createEventSender(deps: EventSenderDeps): EventSender {
  const { webhook } = deps;
  const outbox = new Outbox(deps);
  const waiting = new Map<string, number>();
  const count = (key: string, more: 1 | -1): void => {
    const now = (waiting.get(key) ?? 0) + more;
    if (now > 0) waiting.set(key, now);
    else waiting.delete(key);
  };
  const tell = (canary: Canary, said: SaidStatus): void => {
    const key = keyOf(canary);
    if (!webhook || hasItsOwn(canary)) return;
    if ((waiting.get(key) ?? 0) >= mostWaiting) return deps.recorder.alert("event", "failed");
    count(key, 1);
    outbox.add({
      lane: key,
      receiver,
      namespace: canary.metadata.namespace ?? "",
      send: async () =>
        void (await postJson({ timers: deps.clock }, await addressOf(deps, webhook), payloadOf(canary, said))),
      done: (failed) => {
        count(key, -1);
        deps.recorder.alert("event", failed ? "failed" : "sent");
        if (failed) deps.log.warn({ kind: failed.kind, reason: failed.message }, `an Event did not reach ${receiver}`);
      },
    });
  };
  return {
    tell,
    clear: () => {
      outbox.clear();
      waiting.clear();
    },
  };
}

// --- internal ---

async function addressOf(
  { secret, namespace }: EventSenderDeps,
  { address, secretName }: EventWebhook,
): Promise<string> {
  if (secretName === undefined) return address ?? "";
  const found = await secret({ namespace, name: secretName }).catch((error: unknown) => {
    throw new SendError("unreachable", error instanceof Error ? error.message : String(error), { cause: error });
  });
  return textIn(found, "address") ?? "";
}

/** A Canary that names who is told of its Events has said who is not, as in Flagger. */
function hasItsOwn({ spec }: Canary): boolean {
  return (spec.analysis.webhooks ?? []).some(({ type }) => type === "event");
}

/** As Flagger's receivers read it. */
function payloadOf({ metadata, status }: Canary, { at, type, message }: SaidStatus): object {
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    phase: status?.phase ?? "",
    checksum: status?.lastAppliedSpec ?? "",
    metadata: { eventMessage: message, eventType: type, timestamp: String(Date.parse(at)) },
  };
}

/** Alerts from the moment that they are saved to the moment that their receivers have them. */
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { AlertSeverity } from "../../shared/core/objects/alerts/alert-provider.ts";
import type { Delivery } from "../../shared/core/observation.ts";
import type { Alert } from "../../shared/core/state.ts";
import type { Clock } from "../../shared/kube/clock.ts";
import { keyOf } from "../../shared/kube/store.ts";
import type { Logger } from "../../shared/log.ts";
import type { SendError } from "../outbound/send-error.ts";
import type { Recorder } from "../telemetry/recorder.ts";
import { deliver } from "./deliver.ts";
import { Outbox } from "./outbox.ts";
import { receiverFor, receiverName, type ReceiverDeps } from "./receivers.ts";

export interface AlertSender {
  /** From which severity on the chart's own provider is told; undefined: there is none. */
  chartAlerts?: AlertSeverity;
  /** What has come to an end since `saved` was last told so. */
  deliveries(key: string): Delivery[];
  /** What does not arrive at present, in a sentence for each of these receivers. */
  trouble(key: string, receivers: readonly string[]): string[];
  /** The status says that these are on their way, and no other. */
  saved(key: string, pending: readonly Alert[]): void;
  /** Sends what is not being sent yet. Does not wait. */
  submit(canary: Canary, pending: readonly Alert[]): void;
  /** A Canary is no more. */
  forget(key: string): void;
  /** Another leads. */
  clear(): void;
}

export interface AlertSenderDeps extends ReceiverDeps {
  clock: Clock;
  random: () => number;
  log: Pick<Logger, "info" | "warn">;
  recorder: Pick<Recorder, "alert">;
  chartSeverity?: AlertSeverity;
  clusterName?: string;
  /** A Canary is to be looked at: something of it has arrived, or will not. */
  wake(key: string): void;
}

export function createAlertSender(deps: AlertSenderDeps): AlertSender {
  const outbox = new Outbox(deps);
  const underWay = new Map<string, Progress>();
  const progressOf = (key: string): Progress => {
    const progress = underWay.get(key) ?? {
      sending: new Set<string>(),
      done: new Map<string, Delivery>(),
      trouble: new Map(),
    };
    underWay.set(key, progress);
    return progress;
  };
  return {
    ...(deps.chart && deps.chartSeverity ? { chartAlerts: deps.chartSeverity } : {}),
    deliveries: (key) => [...(underWay.get(key)?.done.values() ?? [])],
    trouble: (key, receivers) => receivers.flatMap((to) => underWay.get(key)?.trouble.get(to) ?? []),
    saved: (key, pending) => {
      const left = new Set(pending.flatMap((alert) => alert.to.map((to) => idOf(alert, to))));
      const { done } = underWay.get(key) ?? {};
      for (const id of done?.keys() ?? []) if (!left.has(id)) done?.delete(id);
    },
    submit: (canary, pending) => {
      for (const alert of pending)
        for (const to of alert.to) send({ deps, outbox, progress: progressOf(keyOf(canary)) }, canary, { alert, to });
    },
    forget: (key) => void underWay.delete(key),
    clear: () => {
      outbox.clear();
      underWay.clear();
    },
  };
}

// --- internal ---

/** What is known of one Canary's alerts, by alert and receiver. */
interface Progress {
  sending: Set<string>;
  done: Map<string, Delivery>;
  /** By receiver. */
  trouble: Map<string, string>;
}

const idOf = ({ at }: Pick<Alert, "at">, to: string): string => `${at} ${to}`;

interface Sending {
  deps: AlertSenderDeps;
  outbox: Outbox;
  progress: Progress;
}

function send({ deps, outbox, progress }: Sending, canary: Canary, { alert, to }: { alert: Alert; to: string }): void {
  const id = idOf(alert, to);
  if (progress.sending.has(id) || progress.done.has(id)) return;
  progress.sending.add(id);
  const key = keyOf(canary);
  const { name = "", namespace = "" } = canary.metadata;
  const cluster = deps.clusterName ? [{ name: "Cluster", value: deps.clusterName }] : [];
  const notice = { ...alert, fields: [...cluster, ...alert.fields], name, namespace };
  let type = "unknown";
  outbox.add({
    lane: `${key} ${to}`,
    receiver: to,
    namespace,
    send: async () => {
      const receiver = await receiverFor(deps, to, namespace);
      type = receiver.spec.type;
      await deliver(receiver, notice, deps.clock);
    },
    done: (failed) => {
      const words = {
        canary: `${name}.${namespace}`,
        alert: alert.code,
        receiver: to,
        ...(failed ? { kind: failed.kind } : {}),
      };
      if (failed) deps.log.warn({ ...words, reason: failed.message }, "an alert did not arrive");
      else deps.log.info(words, "an alert arrived");
      deps.recorder.alert(type, failed ? "failed" : "sent");
      note(progress, { alert, to }, failed);
      deps.wake(key);
    },
  });
}

function note(progress: Progress, { alert, to }: { alert: Alert; to: string }, failed: SendError | undefined): void {
  const id = idOf(alert, to);
  progress.sending.delete(id);
  if (!failed) {
    progress.done.set(id, { at: alert.at, to });
    progress.trouble.delete(to);
    return;
  }
  const failure = `The alert ${alert.code} did not reach ${receiverName(to)}: ${failed.message}.`;
  progress.done.set(id, { at: alert.at, to, failure });
  progress.trouble.set(to, `Alerts do not reach ${receiverName(to)}: ${failed.message}.`);
}

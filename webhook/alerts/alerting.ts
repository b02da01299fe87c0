/** Alerts and the event webhook, put together from the chart's settings. */
import type { AlertProvider, AlertSeverity } from "../../shared/core/objects/alerts/alert-provider.ts";
import type { Clock } from "../../shared/kube/clock.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import type { Logger } from "../../shared/log.ts";
import { createSecretReader } from "../outbound/secret-reader.ts";
import type { Recorder } from "../telemetry/recorder.ts";
import { createAlertSender, type AlertSender } from "./alert-sender.ts";
import { createEventSender, type EventSender, type EventWebhook } from "./event-webhook.ts";
import type { ChartProvider } from "./receivers.ts";

export interface AlertSettings {
  /** Who is told of Canaries that name no AlertProvider, and from which severity on. */
  provider?: ChartProvider;
  severity?: AlertSeverity;
  /** Told of every Event. */
  eventWebhook?: EventWebhook;
  /** A field of every alert. */
  clusterName?: string;
  /** Hosts that an AlertProvider may name though they are not public, or not asked by https. */
  allowedAddresses: readonly string[];
  /** Namespaces whose AlertProviders every Canary may name. */
  providerNamespaces: readonly string[];
}

export interface AlertingDeps {
  cluster: Cluster;
  clock: Clock;
  random: () => number;
  log: Logger;
  recorder: Recorder;
  /** Of the controller. */
  namespace: string;
  settings: AlertSettings;
  /** IP addresses that a tenant's name must not lead to. */
  apiServers: readonly string[];
  provider(namespace: string, name: string): AlertProvider | undefined;
  wake(key: string): void;
}

export interface Alerting {
  alerts: AlertSender;
  eventWebhook: EventSender;
  /** Another leads: nothing that waits is sent. */
  clear(): void;
}

export function createAlerting({ settings, ...deps }: AlertingDeps): Alerting {
  const { provider: chart, severity, eventWebhook: webhook, clusterName, ...bounds } = settings;
  const reading = { cluster: deps.cluster, now: () => deps.clock.wall() };
  const words = { field: "spec.secretRef", value: "alerts.secretNamespaces" };
  const common = { ...deps, secret: createSecretReader(reading, words) };
  const alerts = createAlertSender({
    ...{ ...common, ...bounds },
    ...(chart ? { chart } : {}),
    ...(severity ? { chartSeverity: severity } : {}),
    ...(clusterName ? { clusterName } : {}),
  });
  const eventWebhook = createEventSender({ ...common, ...(webhook ? { webhook } : {}) });
  const clear = (): void => {
    alerts.clear();
    eventWebhook.clear();
  };
  return { alerts, eventWebhook, clear };
}

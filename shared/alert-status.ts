/** Alerts that are on their way, as a status has them. */
import type { AlertStatus } from "./core/objects/alerts/alert-status.ts";
import type { CanaryStatus } from "./core/objects/canary-status.ts";
import type { Alert } from "./core/state.ts";

/** Undefined where there are none. */
export function printAlerts(alerts: readonly Alert[]): AlertStatus[] | undefined {
  if (alerts.length === 0) return undefined;
  return alerts.map((alert) => ({ ...alert, at: new Date(alert.at).toISOString() }));
}

/** Those with a time that is one: an alert that nobody can tell from another is sent to nobody. */
export function readableAlerts({ alerts = [] }: Pick<CanaryStatus, "alerts">): Alert[] {
  return alerts.flatMap((alert) => {
    const at = Date.parse(alert.at);
    return Number.isNaN(at) ? [] : [{ ...alert, at }];
  });
}

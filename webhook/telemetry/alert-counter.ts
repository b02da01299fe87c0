/** How many alerts arrived and did not. */
import { Counter, type Registry } from "prom-client";
import { alertProviderTypes } from "../../shared/core/objects/alerts/alert-provider.ts";

const alertResults = ["sent", "failed"] as const;
export type AlertResult = (typeof alertResults)[number];

export function alertCounter(registers: Registry[]): (type: string, result: AlertResult) => void {
  const alerts = new Counter({
    name: "kubectl_canary_alerts_total",
    help: "Alerts by the type of their receiver, and Events to the event webhook, that were delivered or given up",
    labelNames: ["type", "result"] as const,
    registers,
  });
  // Present from the start, so that a first failure is seen as an increase.
  for (const type of [...alertProviderTypes, "event"])
    for (const result of alertResults) alerts.inc({ type, result }, 0);
  return (type, result) => alerts.inc({ type, result });
}

/** Who is told of what: `spec.analysis.alerts`. */
import type { AlertSpec, CanarySpec } from "../objects/canary.ts";
import { alertSeverities, type AlertSeverity } from "../objects/alerts/alert-provider.ts";
import { quoted } from "./references.ts";

export interface AlertRule {
  name: string;
  /** The least that is sent. */
  severity: AlertSeverity;
  /** Of the Canary's own namespace unless given. */
  provider: { name: string; namespace?: string };
}

/** Faults are named by `checkAlerts`. Flagger sends nothing where the severity is left off, and documents that it sends all. */
export function alertRulesOf(alerts: readonly AlertSpec[] = []): AlertRule[] {
  return alerts.map(({ name, severity, providerRef }) => ({
    name,
    severity: severity || "info",
    provider: providerRef,
  }));
}

export function checkAlerts(alerts: readonly AlertSpec[] = [], add: (path: string, message: string) => void): void {
  alerts.forEach(({ name, severity, providerRef }, index) => {
    const path = `spec.analysis.alerts[${index}]`;
    if (!name) add(`${path}.name`, "is required");
    if (!providerRef?.name) add(`${path}.providerRef.name`, "is required: which AlertProvider is told?");
    if (severity && !alertSeverities.includes(severity))
      add(`${path}.severity`, `${quoted(severity)} is none of ${alertSeverities.join(", ")}`);
  });
}

/** Of a spec that cannot be read as a whole: those of its rules that can. */
export function readableAlertRules(spec: CanarySpec): AlertRule[] {
  const alerts: unknown = (spec as Partial<CanarySpec> | undefined)?.analysis?.alerts;
  const isRule = (alert: AlertSpec | null | undefined): alert is AlertSpec =>
    typeof alert?.providerRef?.name === "string" &&
    ["", "undefined", ...alertSeverities].includes(String(alert.severity));
  return alertRulesOf(Array.isArray(alerts) ? (alerts as (AlertSpec | null)[]).filter(isRule) : []);
}

import type { AlertSeverity } from "./alert-provider.ts";

/** An alert as it was decided; its time is its own among a Canary's. */
export interface AlertStatus {
  at: string;
  /** What it is about, for programs: `rejected`, `waiting/paused` and the like. */
  code: string;
  severity: AlertSeverity;
  message: string;
  fields: { name: string; value: string }[];
  /** Who has not got it yet: AlertProviders as `namespace/name`, or the chart's own. */
  to: string[];
}

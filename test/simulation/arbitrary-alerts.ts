/** Alerts on their way, and what became of them. */
import fc from "fast-check";
import { alertSeverities } from "../../shared/core/objects/alerts/alert-provider.ts";
import type { Delivery } from "../../shared/core/observation.ts";
import type { Alert } from "../../shared/core/state.ts";
import { start } from "../builders.ts";

const alert: Alert = {
  ...{ at: start, code: "rejected", severity: "error", message: "it failed", fields: [] },
  to: ["test/on-call", "chart"],
};
export const anyAlerts = fc.constantFrom<Alert[]>([], [alert]);
export const anySeverity = fc.constantFrom(...alertSeverities);
export const anyDeliveries = fc.constantFrom<Delivery[]>(
  [{ at: start, to: "chart" }],
  [{ at: start, to: "chart", failure: "it is gone" }],
);

/** Counters of admission for Prometheus. Label sets are fixed and small: nothing here grows with the number of objects. */
import { Counter, Histogram } from "prom-client";
import type { Registry } from "prom-client";

export type Result = "unchanged" | "changed" | "denied" | "malformed" | "error";

export interface AdmissionMetrics {
  /** `seconds` from the request's body being complete to the answer. */
  observe(endpoint: string, result: Result, seconds: number): void;
}

export function admissionMetrics(registry: Registry): AdmissionMetrics {
  const requests = new Counter({
    name: "kubectl_canary_admission_requests_total",
    help: "Admission reviews answered, by endpoint and result.",
    labelNames: ["endpoint", "result"],
    registers: [registry],
  });
  const duration = new Histogram({
    name: "kubectl_canary_admission_duration_seconds",
    help: "Time to decide an admission review.",
    labelNames: ["endpoint"],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
    registers: [registry],
  });
  return {
    observe(endpoint, result, seconds) {
      requests.inc({ endpoint, result });
      duration.observe({ endpoint }, seconds);
    },
  };
}

// Evidence as the controller makes it, with defaults for what a test does not care about.
import { createPrometheus } from "../../shared/prometheus.ts";
import { createEvidence } from "../../webhook/evidence/evidence.ts";
import type { Evidence, EvidenceDeps, EvidenceRequest } from "../../webhook/evidence/types.ts";
import { aRequest as anyRequest } from "../evidence-requests.ts";
import { scrapeIntervalMs } from "./server.ts";
import type { MetricSpec } from "../../shared/core/objects/canary.ts";
import { systemClock } from "../../shared/kube/clock.ts";

export const tutorialMetrics: MetricSpec[] = [
  { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "2s" },
  { name: "request-duration", thresholdRange: { max: 500 }, interval: "2s" },
];

export function anEvidence(more: Partial<EvidenceDeps> = {}): Evidence {
  return createEvidence({
    prometheus: (server) => createPrometheus({ ...server, timers: systemClock }),
    metricTemplate: () => Promise.resolve(undefined),
    podsOlderThanRoute: (callers) =>
      Promise.resolve(callers.map(({ namespace, pod }) => ({ pod: `${namespace}/${pod}` }))),
    whyNotObeyed: (callers) =>
      Promise.resolve({ staleCallers: callers.map(({ namespace, pod }) => ({ pod: `${namespace}/${pod}` })) }),
    scrapeIntervalMs,
    credentials: () => Promise.reject(new Error("no Secret is there")),
    allowedAddresses: ["*", "127.0.0.1"],
    templateNamespaces: [],
    ownAddress: "",
    now: () => Date.now(),
    timers: systemClock,
    log: { warn: () => undefined },
    ...more,
  });
}

export const aRequest = (prometheus: string, more: Partial<EvidenceRequest> = {}): EvidenceRequest =>
  anyRequest({ prometheus, metrics: tutorialMetrics, notBefore: Date.now(), ...more });

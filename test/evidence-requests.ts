// A request for evidence and answers to it, with defaults for what a test does not care about.
import { callersKind, question } from "../shared/core/queries/queries.ts";
import type { Sample } from "../shared/prometheus.ts";
import type { BatchAnswer } from "../webhook/evidence/batches/query-batch.ts";
import type { EvidenceRequest } from "../webhook/evidence/types.ts";

export const start = 1_700_000_000_000;

export function aRequest(more: Partial<EvidenceRequest> = {}): EvidenceRequest {
  return {
    name: "podinfo",
    namespace: "test",
    target: "podinfo",
    canary: "podinfo-canary",
    apex: { name: "podinfo", port: 9898 },
    stableHash: "stable1",
    canaryHash: "canary1",
    prometheus: "http://prometheus",
    metrics: [],
    notBefore: start,
    weight: 10,
    ...more,
  };
}

/** What the canary's pods answered to meshed callers. */
export function answered(
  { requests, failures = 0 }: { requests: number; failures?: number },
  askedAt = start,
): BatchAnswer {
  const row = (classification: string, value: number): Sample => ({
    labels: { ...canaryPod, side: callersKind.meshed, question: question.answered, classification },
    value,
    atMs: askedAt,
  });
  return { askedAt, samples: [row("success", requests - failures), row("failure", failures)] };
}

/** Counters whose newest sample of the canary is so many seconds old; `down` are its pods that cannot be scraped. */
export function countersAged(seconds: number, askedAt = start, down: readonly string[] = []): BatchAnswer {
  const row = (labels: Record<string, string>, value: number): Sample => ({
    labels: { ...canaryPod, ...labels },
    value,
    atMs: askedAt,
  });
  const samples = [
    row({ question: question.age }, seconds),
    ...down.map((pod) => row({ question: question.down, pod }, 1)),
  ];
  return { askedAt, samples };
}

const canaryPod = { namespace: "test", deployment: "podinfo-canary", pod_template_hash: "canary1", pod: "canary-1" };

// Another leader takes a run over while a scrape is missing: what its predecessor has counted does not count again.
import { expect, it } from "vitest";
import type { Sample } from "../../../shared/prometheus.ts";
import { createCounterGrowth } from "./counter-growth.ts";

const both = { namespace: "test", service: "podinfo", deployments: ["podinfo", "podinfo-canary"] };
const canary = { ...both, deployment: "podinfo-canary", podTemplateHash: "new" };
const primary = { ...both, deployment: "podinfo", podTemplateHash: "old" };
const apex = { namespace: "test", service: "podinfo", port: 9898 };

const answered = (pod: string, value: number): Sample => ({
  labels: {
    ...{ namespace: "test", deployment: "podinfo-canary", pod_template_hash: "new", pod },
    ...{ side: "meshed", question: "answered", classification: "success" },
  },
  value,
  atMs: 0,
});

const sent = (pod: string, value: number): Sample => ({
  labels: {
    ...{ namespace: "shop", deployment: "load", pod, dst_namespace: "test", dst_deployment: "podinfo-canary" },
    ...{ dst_pod_template_hash: "new", dst_service: "podinfo-canary", port: "9898" },
    ...{ classification: "success", question: "sent" },
  },
  value,
  atMs: 0,
});

function requestsSeen(isResumed: boolean, ...readings: Sample[][]): number {
  const bounds = { recentMs: 2_000, ...(isResumed ? { isResumed: true as const } : {}) };
  const growth = createCounterGrowth({ canary, primary, apex, ...bounds });
  for (const [index, samples] of readings.entries()) growth.read({ askedAt: 1_000 * (index + 1), samples });
  return growth.total().canary.requests;
}

it.each([
  ["pods'", answered],
  ["callers'", sent],
])("by %s counters", (_whose, row) => {
  const gap = [[row("a", 500)], [row("a", 510), row("b", 800)], [row("a", 520), row("b", 815)]];
  expect(requestsSeen(true, ...gap)).toBe(10 + 10 + 15);
  // Who has counted from the beginning knows that a new pod is new.
  expect(requestsSeen(false, ...gap)).toBe(10 + 10 + 815);
});

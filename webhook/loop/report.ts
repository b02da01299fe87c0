/** What a decision means for the controller's own metrics. */
import type { Canary } from "../../shared/core/canary.ts";
import type { CanaryState, Decision } from "../../shared/core/state.ts";
import type { Recorder } from "../metrics/recorder.ts";

export function report(
  recorder: Recorder,
  canary: Canary,
  { before, decision }: { before: CanaryState; decision: Decision },
): void {
  const subject = { name: canary.spec.targetRef.name, namespace: canary.metadata.namespace ?? "" };
  const { next } = decision;
  recorder.status(subject, next.phase);
  recorder.weight(subject, next.weight);
  if (next.checks !== before.checks && next.checks.length > 0) recorder.checks(subject, next.checks);
  const [last] = next.history;
  if (!last || last.run === before.history[0]?.run) return;
  const ending = { strategy: "canary", analysis: canary.spec.skipAnalysis ? "skipped" : "completed" } as const;
  if (last.outcome === "promoted") recorder.succeeded(subject, ending);
  if (last.outcome === "rejected") recorder.failed(subject, ending);
}

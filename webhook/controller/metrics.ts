/** What decisions mean for the controller's own metrics. */
import type { Canary } from "../../shared/core/objects/canary.ts";
import { judgingOf } from "../../shared/core/spec/analysis-settings.ts";
import { testsOf } from "../../shared/core/spec/run-tests.ts";
import { evidence } from "../../shared/core/analysis/sequential-test.ts";
import type { CanaryState, RunOutcome } from "../../shared/core/state.ts";
import type { Decision } from "../../shared/core/action.ts";
import { keyOf } from "../../shared/kube/store.ts";
import type { Recorder, Subject } from "../telemetry/recorder.ts";

export interface ControllerMetrics {
  decided(canary: Canary, before: CanaryState, decision: Decision): void;
  /** Key of a Canary that is no more: its series go, so that they are as many as there are canaries. */
  gone(key: string): void;
}

export function createControllerMetrics(recorder: Recorder): ControllerMetrics {
  const subjects = new Map<string, Subject>();
  return {
    decided(canary, before, decision) {
      const subject = { name: canary.spec.targetRef.name, namespace: canary.metadata.namespace ?? "" };
      subjects.set(keyOf(canary), subject);
      report(recorder, { subject, canary }, { before, decision });
    },
    gone(key) {
      const subject = subjects.get(key);
      if (subject) recorder.forget(subject);
      subjects.delete(key);
    },
  };
}

// --- internal ---

function report(
  recorder: Recorder,
  { subject, canary }: { subject: Subject; canary: Canary },
  { before, decision }: { before: CanaryState; decision: Decision },
): void {
  const { state: next } = decision;
  recorder.status(subject, next.phase);
  recorder.weight(subject, next.weight);
  if (next.checks !== before.checks && next.checks.length > 0) recorder.checks(subject, next.checks);
  const judging = judgingOf(canary.spec.analysis);
  const failures = testsOf(judging).find(({ kind }) => kind === "failures");
  recorder.needs(subject, { requests: judging.minRequests, evidence: failures && 1 / failures.alpha });
  recorder.comparison(subject, next.run?.comparison && evidence(next.run.comparison));
  const [last] = next.history;
  if (last && last.run !== before.history[0]?.run) reportEnd(recorder, { subject, canary }, last.outcome);
}

function reportEnd(
  recorder: Recorder,
  { subject, canary }: { subject: Subject; canary: Canary },
  outcome: RunOutcome,
): void {
  const ending = { strategy: "canary", analysis: canary.spec.skipAnalysis ? "skipped" : "completed" } as const;
  if (outcome === "promoted") recorder.succeeded(subject, ending);
  if (outcome === "rejected") recorder.failed(subject, ending);
}

/** What decisions mean for the controller's own metrics. */
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { Policy } from "../../shared/core/spec/policy.ts";
import { testsOf } from "../../shared/core/spec/run-tests.ts";
import { evidence } from "../../shared/core/analysis/sequential-test.ts";
import type { CanaryState, RunOutcome } from "../../shared/core/state.ts";
import type { Decision } from "../../shared/core/action.ts";
import { keyOf } from "../../shared/kube/store.ts";
import { waitCauses } from "../../shared/core/objects/wait-causes.ts";
import type { Recorder, Subject } from "../telemetry/recorder.ts";
import type { Wait } from "../telemetry/standstills.ts";

/** One turn of a Canary: what was decided, by what policy, on what state. */
export interface Decided {
  canary: Canary;
  policy: Policy;
  before: CanaryState;
  decision: Decision;
}

export interface ControllerMetrics {
  decided(decided: Decided): void;
  /** Key of a Canary that is gone: its series are dropped, so that only those of present canaries are kept. */
  gone(key: string): void;
}

export function createControllerMetrics(recorder: Recorder): ControllerMetrics {
  const subjects = new Map<string, Subject>();
  return {
    decided(decided) {
      const { canary } = decided;
      const subject = { name: canary.spec.targetRef.name, namespace: canary.metadata.namespace ?? "" };
      subjects.set(keyOf(canary), subject);
      report(recorder, subject, decided);
    },
    gone(key) {
      const subject = subjects.get(key);
      if (subject) recorder.forget(subject);
      subjects.delete(key);
    },
  };
}

// --- internal ---

function report(recorder: Recorder, subject: Subject, { policy, before, decision }: Decided): void {
  const { state: next } = decision;
  recorder.status(subject, next.phase, policy.strategy.kind);
  recorder.weight(subject, next.weight);
  recorder.blocked(subject, codeOf(next));
  recorder.waiting(subject, waitOf(next));
  if (next.checks !== before.checks && next.checks.length > 0) recorder.checks(subject, next.checks);
  const failures = testsOf(policy).find(({ kind }) => kind === "failures");
  recorder.needs(subject, { requests: policy.minRequests, evidence: failures && 1 / failures.alpha });
  recorder.comparison(subject, next.run?.comparison && evidence(next.run.comparison));
  const [last] = next.history;
  if (last && last.run !== before.history[0]?.run) reportEnd(recorder, subject, last.outcome, policy);
}

/** An earlier version's has none. */
const codeOf = ({ blocked }: CanaryState): string | undefined => blocked?.code ?? blocked?.kind;

/** A pause that ends by itself is for nobody to end. */
function waitOf({ run }: CanaryState): Wait | undefined {
  if (!run?.wait || run.ending) return undefined;
  const { kind, goesOn } = waitCauses[run.wait];
  return { cause: run.wait, kind: kind === "person" && goesOn ? "time" : kind };
}

function reportEnd(
  recorder: Recorder,
  subject: Subject,
  outcome: RunOutcome,
  { strategy, skipAnalysis }: Pick<Policy, "strategy" | "skipAnalysis">,
): void {
  const ending = { strategy: strategy.kind, analysis: skipAnalysis ? "skipped" : "completed" } as const;
  if (outcome === "promoted") recorder.succeeded(subject, ending);
  if (outcome === "rejected") recorder.failed(subject, ending);
}

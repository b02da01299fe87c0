/** What `plan -o json` prints. */
import type { Plan } from "../../../shared/core/plan/types.ts";
import type { Suggestion } from "../../../shared/core/plan/suggest.ts";
import type { Policy } from "../../../shared/core/spec/policy.ts";
import type { MatchingView } from "./matching.ts";
import type { TrafficView } from "./traffic.ts";

export interface PlanView extends Plan {
  apiVersion: "kubectl-canary/v1";
  kind: "PlanView";
  name: string;
  namespace: string;
  strategy: Policy["strategy"]["kind"];
  traffic: TrafficView;
  /** Of an A/B test; null of any other. */
  matching: MatchingView | null;
  intervalSeconds: number;
  scrapeIntervalSeconds: number;
  /** The same one gives the same plan. */
  seed: number;
  /** Null where none was asked for, or none found. */
  suggestion: Suggestion | null;
  /** Whether one was asked for. */
  suggestionAsked: boolean;
}

export interface Planned {
  plan: Plan;
  policy: Policy;
  traffic: TrafficView;
  matching: MatchingView | null;
  scrapeIntervalMs: number;
  seed: number;
  suggestion?: Suggestion | undefined;
  suggestionAsked: boolean;
}

export function viewPlan({ name, namespace }: { name: string; namespace: string }, planned: Planned): PlanView {
  const { plan, policy, traffic, matching, scrapeIntervalMs, seed, suggestion, suggestionAsked } = planned;
  return {
    apiVersion: "kubectl-canary/v1",
    kind: "PlanView",
    name,
    namespace,
    strategy: policy.strategy.kind,
    traffic,
    matching,
    intervalSeconds: policy.intervalMs / 1_000,
    scrapeIntervalSeconds: scrapeIntervalMs / 1_000,
    seed,
    ...plan,
    suggestion: suggestion ?? null,
    suggestionAsked,
  };
}

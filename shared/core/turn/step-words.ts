/** What sentences and Events call a run's steps: by their weights, or as iterations. */
import type { Policy } from "../spec/policy.ts";

type Stepping = Pick<Policy, "strategy" | "weights">;

/** The iteration that a step is, 1-based, of how many; undefined where it is one by weight. */
export function iterationOf({ strategy, weights }: Stepping, step: number): { index: number; of: number } | undefined {
  if (strategy.kind === "canary") return undefined;
  const of = strategy.kind === "ab-testing" ? weights.length : weights.length - 1;
  return step < of ? { index: step + 1, of } : undefined;
}

/** As Flagger counts them, with the switch of Blue/Green; undefined where there is no run, or one by weight. */
export function iterationsBegun({ strategy, weights }: Stepping, step: number | undefined): number | undefined {
  return strategy.kind === "canary" || step === undefined ? undefined : Math.min(step + 1, weights.length);
}

/** Of a step that comes, in a clause. */
export function stepName(policy: Stepping, step: number): string {
  const iteration = iterationOf(policy, step);
  if (iteration) return `iteration ${iteration.index} of ${iteration.of}`;
  return `weight ${policy.weights[step] ?? policy.weights.at(-1) ?? 100}`;
}

/** All of them, short enough for a sentence. */
export function stepsList(policy: Stepping): string {
  const { strategy, weights } = policy;
  if (strategy.kind === "canary") return weights.join(", ");
  return strategy.kind === "ab-testing"
    ? `${weights.length} iterations`
    : `${weights.length - 1} iterations, then weight 100`;
}

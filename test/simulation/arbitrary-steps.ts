/** Any strategy, with steps that it may have. */
import fc from "fast-check";
import { strategyOf, type StrategyPolicy } from "../../shared/core/spec/strategy.ts";

export const anyStepping = fc.constantFrom<StrategyPolicy[]>(
  ...[[10, 50, 100], [1, 2, 10, 80], [50], [100]].map((weights) => ({
    strategy: { kind: "canary" as const },
    weights,
  })),
  strategyOf({ iterations: 2 }),
  strategyOf({ iterations: 2, match: [{ headers: { "x-canary": { exact: "yes" } } }] }),
  strategyOf({ stepWeights: [10, 50], preview: { header: { name: "x-canary", value: "yes" } } }),
  strategyOf({ stepWeights: [10, 50], sessionAffinity: { cookieName: "track" } }),
);

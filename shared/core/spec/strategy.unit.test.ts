import { describe, expect, it } from "vitest";
import { aSpec } from "../../../test/builders.ts";
import type { AnalysisSpec } from "../objects/canary.ts";
import { formatErrors, parsePolicy } from "./policy.ts";
import { strategyOf, weightsOf } from "./strategy.ts";

describe("weights", () => {
  it.each([
    [{ stepWeight: 20, maxWeight: 50 }, [20, 40, 50]],
    [{ stepWeight: 50 }, [50, 100]],
    [{ stepWeight: 100 }, [100]],
    [{ stepWeight: 60, maxWeight: 30 }, [30]],
    [{ stepWeights: [1, 2, 10, 80] }, [1, 2, 10, 80]],
  ])("of %j are %j: they rise and never pass the limit", (analysis, weights) =>
    expect(weightsOf(analysis)).toEqual(weights),
  );
});

const { stepWeight: _byWeight, maxWeight: _to, ...tutorial } = aSpec().analysis;

describe("iterations", () => {
  it("are as many checks before any user, and then all users at once", () => {
    expect(strategyOf({ iterations: 3 })).toEqual({ strategy: { kind: "blue-green" }, weights: [0, 0, 0, 100] });
    expect(parsePolicy({ ...aSpec(), analysis: { ...tutorial, iterations: 3 } }).ok).toBe(true);
  });

  it.each([0, -1, 2.5, 1_001, "3" as unknown as number])("that are %s are refused", (iterations) => {
    const analysis: AnalysisSpec = { ...tutorial, iterations };
    const parsed = parsePolicy({ ...aSpec(), analysis });
    expect(parsed.ok ? "" : formatErrors(parsed.errors)).toContain("is not a whole number of checks from 1 to 1000");
  });
});

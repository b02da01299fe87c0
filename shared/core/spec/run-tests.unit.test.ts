import { describe, expect, it } from "vitest";
import { aPolicy, someCounts } from "../../../test/builders.ts";
import { countsFor, testKinds, testsOf } from "./run-tests.ts";

const comparison = {
  mode: "withinLimits",
  alpha: 0.01,
  marginPercent: 1,
  clientErrors: { action: "hold", marginPercent: 5 },
  slow: { maxMs: 500, boundMs: 500 },
} as const;

describe("the tests of a run", () => {
  it.each([0, 30_000])("share its alpha, and together spend no more (warm-up %d ms)", (warmupMs) => {
    const tests = testsOf(aPolicy({ comparison, warmupMs }));
    expect(tests).toHaveLength(warmupMs > 0 ? 5 : 4);
    expect(tests.reduce((total, { alpha }) => total + alpha, 0)).toBeCloseTo(0.01, 10);
  });

  it("leave failures the greatest part, of which a warm-up takes half", () => {
    const alphaOf = (warmupMs: number) =>
      testsOf(aPolicy({ comparison, warmupMs })).find(({ kind }) => kind === "failures")?.alpha;
    expect(alphaOf(0)).toBeCloseTo(0.008, 10);
    expect(alphaOf(30_000)).toBeCloseTo(0.004, 10);
  });

  it.each([
    ["no margin for failures", { marginPercent: undefined }, ["denied", "slow", "clientErrors"]],
    ["client errors are off", { clientErrors: undefined }, ["denied", "failures", "slow"]],
    ["a limit above every bucket", { slow: { maxMs: 60_000 } }, ["denied", "failures", "clientErrors"]],
    ["no comparison", { mode: "off" }, ["denied"]],
  ])("are those that are on: %s", (_what, over, kinds) => {
    const given = Object.entries({ ...comparison, ...over }).filter(([, value]) => value !== undefined);
    const policy = aPolicy({ comparison: Object.fromEntries(given) as unknown as typeof comparison });
    expect(testsOf(policy).map(({ kind }) => kind)).toEqual(kinds);
  });

  it("each count what they are about", () => {
    const counts = someCounts({ requests: 9, failures: 1, clientErrors: 2, slow: 3, denied: 4 });
    const found = Object.fromEntries(testKinds.map((kind) => [kind, countsFor(kind, counts).failures]));
    expect(found).toEqual({ failures: 1, warmup: 1, clientErrors: 2, slow: 3, denied: 4 });
  });
});

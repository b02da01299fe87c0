import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { absorb, convicts, evidence, noBlocks, type Block, type SequentialState } from "./sequential-test.ts";

const block = (canary: [number, number], primary: [number, number]): Block => ({
  canary: { requests: canary[0], failures: canary[1] },
  primary: { requests: primary[0], failures: primary[1] },
});

const after = (blocks: readonly Block[], margin: number): SequentialState =>
  blocks.reduce<SequentialState>((state, next) => absorb(state, next, margin), noBlocks());

describe("the comparison of canary and primary", () => {
  it("knows nothing before the first block", () => expect(evidence(noBlocks())).toBeCloseTo(1));

  it.each([
    ["only the canary has traffic", block([100, 100], [0, 0])],
    ["only the primary has traffic", block([0, 0], [100, 0])],
    ["nobody has", block([0, 0], [0, 0])],
  ])("learns nothing where %s", (_what, one) => expect(evidence(after([one], 0))).toBeCloseTo(1));

  it("convicts a version that fails always by its first five requests, margin or not", () => {
    expect(convicts(after([block([5, 5], [45, 0])], 0), 0.01)).toBe(true);
    expect(convicts(after([block([5, 5], [45, 0])], 0.01), 0.01)).toBe(true);
  });

  it("convicts nobody by one failure, nor by two", () => {
    expect(convicts(after([block([5, 1], [45, 0])], 0), 0.01)).toBe(false);
    expect(convicts(after([block([5, 2], [45, 0])], 0), 0.01)).toBe(false);
  });

  it("blames no canary for an outage that strikes both, whatever the weights were before and after", () => {
    const calm = Array.from({ length: 20 }, () => block([10, 0], [90, 0]));
    const outage = Array.from({ length: 20 }, () => block([50, 20], [50, 20]));
    const state = after([...calm, ...outage], 0);
    // Pooled over all blocks the canary fails 33% and the primary 14%, which would look like guilt.
    expect(state.canary.failures / state.canary.requests).toBeGreaterThan(0.3);
    expect(state.primary.failures / state.primary.requests).toBeLessThan(0.15);
    expect(evidence(state)).toBeLessThan(1);
  });

  it("lets a canary fail as much more than the primary as the margin allows", () => {
    const blocks = Array.from({ length: 200 }, () => block([100, 3], [900, 9]));
    expect(convicts(after(blocks, 0), 0.01)).toBe(true);
    expect(convicts(after(blocks, 0.02), 0.01)).toBe(false);
  });

  it("grows with the canary's failures and shrinks with the primary's", () => {
    const given = (canary: number, primary: number): number =>
      evidence(after([block([20, canary], [180, primary])], 0));
    expect(given(3, 0)).toBeGreaterThan(given(2, 0));
    expect(given(3, 0)).toBeGreaterThan(given(3, 2));
  });

  it("stays a number however long it goes on, and survives JSON", () => {
    const long = after(
      Array.from({ length: 5_000 }, () => block([1_000, 1_000], [1_000, 0])),
      0.01,
    );
    expect(convicts(long, 0.01)).toBe(true);
    const innocent = after(
      Array.from({ length: 5_000 }, () => block([1_000, 0], [1_000, 500])),
      0.01,
    );
    expect(evidence(innocent)).toBe(0);
    expect(JSON.parse(JSON.stringify(innocent))).toEqual(innocent);
    expect(JSON.parse(JSON.stringify(long))).toEqual(long);
  });
});

describe("each block's evidence", () => {
  const small = fc.integer({ min: 1, max: 12 });
  const rate = fc.double({ min: 0.001, max: 0.999, noNaN: true });

  it("is expected to be at most 1 for every pair of rates that keeps within the margin", () => {
    fc.assert(
      fc.property(
        fc.record({ canary: small, primary: small, primaryRate: rate, part: rate, history: small }),
        fc.constantFrom(0, 0.01, 0.2),
        ({ canary, primary, primaryRate, part, history }, margin) => {
          const canaryRate = Math.min(1, (primaryRate + margin) * part);
          const before = after([block([history, history % 3], [history * 9, history % 2])], margin);
          const mean = expectation({ canary, primary }, { canaryRate, primaryRate }, (one) =>
            evidence(absorb({ ...before, logEvidence: noBlocks().logEvidence }, one, margin)),
          );
          expect(mean).toBeLessThanOrEqual(1 + 1e-9);
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });
});

/** Exactly: over every outcome that the block may have, by its probability. */
function expectation(
  sizes: { canary: number; primary: number },
  rates: { canaryRate: number; primaryRate: number },
  of: (block: Block) => number,
): number {
  let total = 0;
  for (let canary = 0; canary <= sizes.canary; canary++)
    for (let primary = 0; primary <= sizes.primary; primary++) {
      const chance =
        probability(sizes.canary, canary, rates.canaryRate) * probability(sizes.primary, primary, rates.primaryRate);
      total += chance * of(block([sizes.canary, canary], [sizes.primary, primary]));
    }
  return total;
}

function probability(trials: number, hits: number, rate: number): number {
  let ways = 1;
  for (let index = 0; index < hits; index++) ways = (ways * (trials - index)) / (index + 1);
  return ways * rate ** hits * (1 - rate) ** (trials - hits);
}

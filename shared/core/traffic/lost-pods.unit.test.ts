import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  aHeldTarget,
  aPolicy,
  aRunningState,
  aRunObservation,
  aWorkload,
  canaryRevision,
  endpoints,
  start,
} from "../../../test/builders.ts";
import { podsFor } from "../turn/capacity.ts";
import { decide } from "../decide.ts";
import type { Run } from "../state.ts";
import type { Decision } from "../action.ts";
import type { Observation } from "../observation.ts";

interface Pods {
  replicas: number;
  ready: number;
  primaryReady?: number;
}

function seenWith(weight: number, { replicas, ready, primaryReady = replicas }: Pods): Observation {
  return aRunObservation(weight, ready, {
    target: aHeldTarget("1.7.1", { replicas }),
    workload: aWorkload("1.7.1", podsFor(weight, replicas)),
    endpoints: {
      primary: endpoints({ "pod1.7.0": primaryReady }),
      canary: endpoints({ [canaryRevision("1.7.1")]: ready }),
    },
  });
}

const policy = aPolicy({ weights: [25, 50, 75] });
const analysing: Partial<Run> = { stage: "analysing", step: 2, stageAt: start - 1_000, checkAt: start + 9_000 };

function at(weight: number, pods: Pods, run: Partial<Run> = analysing): Decision {
  return decide(aRunningState(weight, run), seenWith(weight, pods), policy);
}

describe("a canary that loses some of its pods", () => {
  it("keeps what the others can carry, says so, and gets its step's weight again when they are back", () => {
    const { state: next, actions, events } = at(75, { replicas: 4, ready: 1 });
    expect(next).toMatchObject({ weight: 25, run: { stage: "scaling", step: 2, losses: 1 } });
    expect(actions).toContainEqual({ kind: "setWeight", weight: 25 });
    expect(next.reason).toBe(
      "The canary has 1 of the 3 ready pods that weight 75 needs: it gets 25% until they are back.",
    );
    expect(events.map(({ message }) => message)).toEqual([`Halt podinfo.test advancement: ${next.reason}`]);
    expect(next.next).toBe("weight 75 again when pods are ready");
  });

  it("keeps its weight while the primary has lost pods as well", () => {
    expect(at(75, { replicas: 4, ready: 1, primaryReady: 3 }).state).toMatchObject({ weight: 75 });
  });

  it("is not blamed for a leaf Service that someone deleted: no traffic until it is there again, however often", () => {
    const seen = seenWith(75, { replicas: 4, ready: 0 });
    seen.endpoints.canary.isGone = true;
    const { state: next, actions } = decide(
      aRunningState(75, { ...analysing, losses: 4 }),
      { ...seen, servicesReady: false },
      policy,
    );
    expect(next).toMatchObject({ weight: 0, run: { stage: "scaling", step: 2, losses: 4 } });
    expect(actions.map(({ kind }) => kind)).toEqual(["setWeight", "applyServices"]);
    expect(next.reason).toMatch(
      /^Service podinfo-canary was deleted, and the canary has nobody behind it at weight 75/,
    );
  });

  it("is given up when it happened as often as checks may fail", () => {
    const { state: next } = at(75, { replicas: 4, ready: 1 }, { ...analysing, losses: 4 });
    expect(next.run?.ending?.cause).toBe("the canary lost ready pods 5 times");
  });

  it("never has more weight than its ready pods can carry, whatever the numbers", () => {
    const numbers = fc.record({
      weight: fc.integer({ min: 1, max: 100 }),
      replicas: fc.integer({ min: 1, max: 12 }),
      ready: fc.integer({ min: 0, max: 12 }),
      stage: fc.constantFrom("scaling", "analysing"),
    });
    fc.assert(
      fc.property(numbers, ({ weight, replicas, ready, stage }) => {
        const { state: next } = at(weight, { replicas, ready }, { ...analysing, stage });
        expect(ready).toBeGreaterThanOrEqual(podsFor(next.weight, replicas));
      }),
    );
  });
});

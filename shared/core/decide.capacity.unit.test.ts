/** What all traffic needs is what stable had when the run began, or has been asked for since; never what an autoscaler made of its share. */
import { describe, expect, it } from "vitest";
import {
  aHeldTarget,
  aPolicy,
  aRunningState,
  aRunObservation,
  aState,
  aTarget,
  aTrack,
  aVersion,
  aWorkload,
  canaryRevision,
  endpoints,
  hashOf,
  someMetrics,
  start,
} from "../../test/builders.ts";
import { decide } from "./decide.ts";
import { optional } from "./format/compact.ts";
import type { Decision } from "./action.ts";
import type { Observation } from "./observation.ts";
import type { CanaryState, Run } from "./state.ts";

const floor = { replicas: 10, message: "All traffic needs 10 replicas." };
const ending = { outcome: "rejected", cause: "5 failed checks" } as const;
const policy = aPolicy({ weights: [10, 50, 90], progressDeadlineMs: 600_000 });

/** In a run that began with 10 replicas: the target is asked for `replicas` now, and the tracks have these ready pods. */
function look(
  at: { weight: number; run?: Partial<Run>; state?: Partial<CanaryState> },
  world: { replicas: number; primary: number; canary: number; over?: Partial<Observation> },
): Decision {
  const state = aRunningState(at.weight, at.run, { floor, ...at.state });
  const seen = aRunObservation(at.weight, world.canary, {
    target: aHeldTarget("1.7.1", { replicas: world.replicas }),
    workload: aWorkload("1.7.1", world.canary),
    endpoints: {
      primary: endpoints({ "pod1.7.0": world.primary }),
      canary: endpoints({ [canaryRevision("1.7.1")]: world.canary }),
    },
    ...world.over,
  });
  return decide(state, seen, policy);
}

const replicasOf = ({ actions }: Decision): number[] =>
  actions.flatMap((action) => (action.kind === "scaleCanary" ? [action.replicas] : []));

describe("the floor", () => {
  const seenAt = (replicas: number): Observation =>
    aRunObservation(0, 0, { target: aHeldTarget("1.7.1", { replicas }) });

  it("is what the target has when a run begins", () => {
    const { state: next } = decide(aState(), seenAt(7), policy);
    expect(next).toMatchObject({ run: { stage: "scaling" }, floor: { replicas: 7 } });
  });

  it("of an earlier run is not that of the next", () => {
    const { state: next } = decide(aState({ floor: { ...floor, until: start + 1 } }), seenAt(3), policy);
    expect(next.floor).toEqual({
      replicas: 3,
      message:
        "All traffic needs 3 replicas: an autoscaler may give Deployment podinfo more, and no fewer while the run is under way.",
    });
  });

  it.each([
    ["rises with what is asked for", 12, { replicas: 12 }],
    ["stays when less is asked for", 3, { replicas: 10 }],
    ["is gone when the target is switched off", 0, undefined],
  ])("%s", (_, replicas, expected) => {
    expect(look({ weight: 50 }, { replicas, primary: replicas, canary: 5 }).state.floor?.replicas).toBe(
      expected?.replicas,
    );
  });

  it.each([
    ["stays while nothing tells more of it", 10, 9.2],
    ["is no more what made them so many when more are asked for", 12, undefined],
  ])("and the load that it is for %s", (_, replicas, load) => {
    const state = { floor: { ...floor, load: 9.2 } };
    expect(look({ weight: 50, state }, { replicas, primary: replicas, canary: 5 }).state.floor?.load).toBe(load);
  });

  it("is found anew in a run that an earlier version of ours began", () => {
    const { state: next } = decide(aRunningState(0), seenAt(7), policy);
    expect(next.floor?.replicas).toBe(7);
  });

  it("is held for 5 minutes more, and looked at when they are over", () => {
    const over = { route: { weight: 0, ownWeight: 0, over: "cafe1710-1" } };
    const run: Partial<Run> = { stage: "draining", stageAt: start - 3_600_000, ending };
    const { state: next, requeueAfterMs } = look({ weight: 0, run }, { replicas: 10, primary: 10, canary: 0, over });
    expect(next.run).toBeUndefined();
    expect(next.floor).toMatchObject({ replicas: 10, until: start + 300_000 });
    expect(next.floor?.message).toMatch(/no fewer for 5m after it\.$/);
    expect(requeueAfterMs).toBe(300_000);
    const later = (ms: number): CanaryState["floor"] =>
      decide(aState({ floor: next.floor! }), { ...seenAt(4), target: aTarget(), now: start + ms }, policy).state.floor;
    expect(later(299_999)).toEqual(next.floor);
    expect(later(300_000)).toBeUndefined();
  });
});

describe("the canary's replicas", () => {
  it.each([
    ["follow the weight, whatever an autoscaler has left of stable", 2, 9],
    ["follow the load where more is asked for", 20, 18],
  ])("%s", (_, replicas, expected) => {
    const { state, ...decision } = look({ weight: 50, run: { step: 2 } }, { replicas, primary: replicas, canary: 5 });
    expect(replicasOf({ state, ...decision })).toEqual([expected]);
  });

  it("grow with the load where stable is still large enough for its share", () => {
    const autoscaler = { name: "HorizontalPodAutoscaler podinfo", maxReplicas: 40, load: 10 };
    const counted = { requests: 10_000, seconds: 10, replicas: 10 };
    const track = aTrack({ requests: 10_000 });
    const over = { autoscaler, metrics: someMetrics(start, { primary: track, canary: track }) };
    const at = {
      weight: 50,
      run: { stage: "analysing", checkAt: start },
      state: { floor: { ...floor, baseline: counted } },
    };
    const { state: next, ...decision } = look(at as Parameters<typeof look>[0], {
      replicas: 10,
      primary: 10,
      canary: 5,
      over,
    });
    const floored = { replicas: 20, load: 19.7, autoscaler: "HorizontalPodAutoscaler podinfo" };
    expect(next).toMatchObject({ weight: 50, floor: floored });
    expect(replicasOf({ state: next, ...decision })).toEqual([10]);
  });

  it.each([
    ["a number", { unit: "pods", value: 3 }, 90, 3],
    ["percent of what all traffic needs", { unit: "percent", value: 100 }, 10, 10],
  ] as const)("are %s where canaryReplicas says so", (...[, canaryReplicas, weight, replicas]) => {
    const given = aPolicy({ weights: [weight], canaryReplicas });
    const target = aHeldTarget("1.7.1", { replicas: 2 });
    const pods = (ready: number): Decision =>
      decide(
        aRunningState(0, {}, { floor }),
        { ...aRunObservation(0, ready), target, metrics: someMetrics(start) },
        given,
      );
    expect(replicasOf(pods(1))).toEqual([replicas]);
    expect(pods(replicas - 1).state.weight).toBe(0);
    expect(pods(replicas).state.weight).toBe(weight);
  });

  it("that canaryReplicas gives it carry its weight together, and each of them its part", () => {
    const given = aPolicy({ weights: [90], canaryReplicas: { unit: "pods", value: 3 } });
    const state = aRunningState(90, { stage: "analysing", checkAt: start + 1 }, { floor });
    const seen = aRunObservation(90, 2, { target: aHeldTarget("1.7.1", { replicas: 4 }) });
    expect(decide(state, seen, given).state.weight).toBe(60);
  });

  it("stay where what all traffic needs has grown by less than a tenth, as an autoscaler leaves it", () => {
    const autoscaler = { name: "HorizontalPodAutoscaler podinfo", maxReplicas: 40, load: 5.4 };
    const baseline = { requests: 100, seconds: 10, replicas: 10 };
    const track = aTrack({ requests: 10_000 });
    const over = { autoscaler, metrics: someMetrics(start, { primary: track, canary: track }) };
    const at = {
      weight: 50,
      run: { stage: "analysing", checkAt: start },
      state: { floor: { ...floor, baseline } },
    } as const;
    expect(look(at, { replicas: 10, primary: 10, canary: 5, over }).state.floor?.replicas).toBe(10);
  });

  it("that are not ready yet for more load are no lost ones", () => {
    const run = { stage: "analysing", givenFor: 10, checkAt: start + 1 } as const;
    const { state: next } = look({ weight: 50, run }, { replicas: 20, primary: 20, canary: 5 });
    expect([next.weight, next.run?.losses]).toEqual([50, undefined]);
    const lost = look({ weight: 50, run }, { replicas: 20, primary: 20, canary: 4 }).state;
    expect([lost.weight, lost.run?.losses]).toEqual([40, 1]);
  });

  it("must be ready before the weight is raised that needs them", () => {
    const metrics = { weight: 50, run: { step: 2 } };
    const { state: next } = look(metrics, { replicas: 2, primary: 2, canary: 8 });
    expect(next).toMatchObject({ weight: 50, reason: expect.stringContaining("9 ready canary pods") as string });
  });

  it("that are left of a weight's take what they can carry of all traffic", () => {
    const { state: next } = look({ weight: 90, run: { step: 2 } }, { replicas: 2, primary: 2, canary: 6 });
    expect(next.weight).toBe(60);
  });
});

describe("going back", () => {
  const back = (agoMs: number, world: { replicas: number; primary: number }): Decision =>
    look({ weight: 90, run: { stage: "draining", stageAt: start - agoMs, ending } }, { ...world, canary: 9 });

  it("happens at once where stable has the pods for all traffic", () => {
    expect(back(0, { replicas: 10, primary: 10 }).state.weight).toBe(0);
  });

  it("gives stable what its ready pods can carry, and says so", () => {
    const { state: next, actions } = back(0, { replicas: 10, primary: 4 });
    expect(next.weight).toBe(60);
    expect(next.reason).toBe(
      "Rolling back podinfo:1.7.1: 5 failed checks. The primary has 4 of the 10 ready pods that all traffic needs: weight 90 goes down to 60, and stays there until it has them.",
    );
    expect(actions).toEqual([{ kind: "setWeight", weight: 60 }]);
  });

  it("is not kept up for ever by pods that do not come", () => {
    expect(back(29_999, { replicas: 3, primary: 3 }).state.weight).toBe(63);
    expect(back(30_000, { replicas: 3, primary: 3 }).state.weight).toBe(0);
  });
});

describe("an autoscaler that is wrong", () => {
  const failure = "no pod can be made: exceeded quota: full";
  const asking = (agoMs: number, run: Partial<Run> = {}): Decision =>
    look(
      { weight: 50, run: { step: 2, stageAt: start - agoMs, ...run } },
      { replicas: 100, primary: 10, canary: 5, over: { workload: { ...aWorkload("1.7.1", 5), failure } } },
    );

  it("and asks for more than there is room for keeps a run waiting at its weight, with the pods' own words", () => {
    const { state, ...decision } = asking(0);
    expect(state.weight).toBe(50);
    expect(state.reason).toBe(
      "Waiting for 90 ready canary pods of podinfo:1.7.1: 5 so far (no pod can be made: exceeded quota: full).",
    );
    expect(replicasOf({ state, ...decision })).toEqual([90]);
  });

  it("ends it by its deadline, for that, and all traffic goes back though stable has not what it was asked for", () => {
    const { state } = asking(600_000);
    expect(state.run?.ending).toEqual({
      outcome: "rejected",
      cause: `canary pods were not ready within 10m (${failure})`,
    });
    const cause = { outcome: "rejected", cause: failure } as const;
    expect(asking(29_999, { stage: "draining", ending: cause }).state.weight).toBe(50);
    expect(asking(30_000, { stage: "draining", ending: cause }).state.weight).toBe(0);
  });

  it.each([
    ["nothing", undefined, 10],
    ["a load beyond all measure", 1e9, 10],
    ["none at all", 0, 10],
  ])("and has measured %s changes nothing that requests do not say", (_, load, replicas) => {
    const autoscaler = { name: "HorizontalPodAutoscaler podinfo", maxReplicas: 40, ...optional("load", load) };
    const track = aTrack({ requests: 500 });
    const over = { autoscaler, metrics: someMetrics(start, { primary: track, canary: track }) };
    const state = { floor: { ...floor, baseline: { requests: 1_000, seconds: 10, replicas: 10 } } };
    const run = { stage: "analysing", checkAt: start } as const;
    const { state: next } = look({ weight: 50, run, state }, { replicas: 10, primary: 10, canary: 5, over });
    expect(next.floor?.replicas).toBe(replicas);
  });
});

describe("the end of a promotion", () => {
  const promoted = (
    waitedMs: number,
    world: { replicas: number; ready: number; load?: number; autoscaler?: Observation["autoscaler"] },
    weight = 90,
  ): Decision =>
    look(
      {
        weight,
        run: { stage: "returning", checkAt: start - waitedMs },
        state: { phase: "Promoting", floor: { ...floor, ...optional("load", world.load) } },
      },
      {
        replicas: world.replicas,
        primary: 0,
        canary: 9,
        over: {
          target: aTarget({
            intent: hashOf("1.7.1"),
            promoting: "cafe1710-1",
            active: [aVersion("1.7.1")],
            replicas: world.replicas,
          }),
          ...optional("autoscaler", world.autoscaler),
          endpoints: {
            primary: endpoints({ "pod1.7.1": world.ready }),
            canary: endpoints({ [canaryRevision("1.7.1")]: 9 }),
          },
        },
      },
    );

  it("waits for the pods that all traffic needs", () => {
    expect(promoted(3_600_000, { replicas: 10, ready: 9 }).state).toMatchObject({ weight: 90, phase: "Promoting" });
    expect(promoted(0, { replicas: 10, ready: 10 }).state).toMatchObject({ weight: 0, phase: "Finalising" });
  });

  it("gives a target that is too small a quarter more than it can carry, so that its autoscaler sees it, and waits for that", () => {
    expect(promoted(0, { replicas: 4, ready: 4 }).state).toMatchObject({ weight: 50, run: { stage: "returning" } });
    expect(promoted(policy.progressDeadlineMs, { replicas: 4, ready: 4 }).state.phase).toBe("Finalising");
  });

  it.each([
    ["goes by the load itself, of which whole pods are more", 9.2, 4, 46],
    ["leaves the canary its pods while an autoscaler would ask for more of stable's", 9.2, 8, 1],
    ["is there where a tenth is missing, of which an autoscaler makes nothing", 9.2, 9, 0],
    ["goes by whole pods where the load has not grown", undefined, 9, 0],
  ])("%s", (_, load, ready, weight) => {
    const autoscaler = { name: "HorizontalPodAutoscaler podinfo", maxReplicas: 40, load: 1 };
    const given = { replicas: ready, ready, autoscaler, ...optional("load", load) };
    expect(promoted(0, given).state.weight).toBe(weight);
    expect(promoted(59_999, given).state.weight).toBe(weight);
    expect(promoted(policy.progressDeadlineMs, given).state.phase).toBe("Finalising");
  });

  it("gives a target a quarter more than it has where its autoscaler has asked for no more in a minute", () => {
    const autoscaler = { name: "HorizontalPodAutoscaler podinfo", maxReplicas: 40, load: 1 };
    const given = { replicas: 4, ready: 4, autoscaler };
    expect(promoted(59_999, given, 50)).toMatchObject({ state: { weight: 50 }, requeueAfterMs: 1 });
    expect(promoted(60_000, given, 50).state).toMatchObject({ weight: 37, run: { stage: "returning" } });
    expect(promoted(60_000, given, 1).state.phase).toBe("Finalising");
    const starting = { ...given, replicas: 5 };
    expect(promoted(60_000, starting, 50)).toMatchObject({ state: { weight: 50 }, requeueAfterMs: 540_000 });
    expect(promoted(60_000, { replicas: 4, ready: 4 }, 50).state.weight).toBe(50);
  });
});

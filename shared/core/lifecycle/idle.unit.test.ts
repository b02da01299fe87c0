import { describe, expect, it } from "vitest";
import {
  aHeldTarget,
  anObservation,
  aPolicy,
  aRunningState,
  aRunObservation,
  aState,
  aTarget,
  aVersion,
  hashOf,
  imagesAt,
  start,
  routeOver,
  unmet,
} from "../../../test/builders.ts";
import { decide, initialState } from "../decide.ts";
import type { TrackStatus } from "../objects/canary-status.ts";
import type { Decision } from "../action.ts";
import type { Observation, Target, Unmet } from "../observation.ts";

const kinds = (decision: Decision): string[] => decision.actions.map((action) => action.kind);

describe("a new Canary", () => {
  const fresh = (over: Partial<Observation>): Decision => decide(initialState(), anObservation(over), aPolicy());

  it("is initialized when Services, route and labels are there", () => {
    expect(fresh({}).state).toMatchObject({ phase: "Initialized", stable: aVersion("1.7.0") });
    expect(fresh({}).events).toContainEqual({ type: "Normal", message: "Initialization done! podinfo.test" });
  });

  it("first makes its Services and route", () => {
    const { route: _, ...bare } = anObservation({ servicesReady: false, target: aTarget({ optedIn: false }) });
    const decision = decide(initialState(), bare, aPolicy());
    expect(decision.state.phase).toBe("Initializing");
    expect(kinds(decision)).toEqual(["applyServices", "applyRoute"]);
  });

  it("is not initialized before the target is seen to be opted in", () => {
    const decision = fresh({ target: aTarget({ optedIn: false }) });
    expect(decision.state.phase).toBe("Initializing");
    expect(kinds(decision)).toEqual(["optIn"]);
  });

  it.each<[string, Partial<Observation>]>([
    ["something is missing", unmet("missing", "Service podinfo is headless.")],
    ["the target is unfit", unmet("unfit", "Deployment podinfo has strategy Recreate.")],
    ["something is in the way", unmet("obstacle", "Flagger is at work.")],
    ["the route is not obeyed", { route: { weight: 0, ownWeight: 0, problem: "BackendNotFound" } }],
  ])("holds nothing while %s, and says each change that goes out meanwhile once", (_, over) => {
    const first = fresh({ ...over, target: aTarget({ optedIn: false }) });
    expect(kinds(first)).not.toContain("optIn");
    const changed = { optedIn: false, intent: hashOf("1.7.1"), images: imagesAt("1.7.1"), active: [aVersion("1.7.1")] };
    const seen = anObservation({ ...over, target: aTarget(changed) });
    const next = decide(first.state, seen, aPolicy());
    expect(next.state.stable).toEqual(aVersion("1.7.1"));
    expect(next.events.map(({ message }) => message)).toEqual([
      "Deployment podinfo went from podinfo:1.7.0 to podinfo:1.7.1 without a canary: Canary podinfo.test is not initialized yet.",
    ]);
    expect(decide(next.state, seen, aPolicy()).events).toEqual([]);
  });

  it.each<[string, Partial<Observation>, RegExp]>([
    ["a MetricTemplate is missing", unmet("missing", "MetricTemplate test/latency is missing."), /is missing/],
    ["the target is unfit", unmet("unfit", "Deployment podinfo has strategy Recreate."), /Recreate/],
    ["the target has no replicas", { target: aTarget({ replicas: 0, active: [] }) }, /has 0 replicas: scale it up/],
    [
      "the target came back paused from a backup",
      { target: aTarget({ paused: true, rolledOut: false, active: [] }) },
      /is paused and has no pods.*rollout resume deploy podinfo/,
    ],
    [
      "the target is rolling",
      { target: aTarget({ rolledOut: false, active: [aVersion("1.7.0"), aVersion("1.7.1")] }) },
      /is rolling out/,
    ],
    ["the route is not obeyed", { route: { weight: 0, ownWeight: 0, problem: "BackendNotFound" } }, /BackendNotFound/],
  ])("waits, and says why, while %s", (_, over, why) => {
    expect(fresh(over).state).toMatchObject({ phase: "Initializing", reason: expect.stringMatching(why) as string });
  });

  it("takes a held target's pods for stable, not its template", () => {
    expect(fresh({ target: aHeldTarget("1.7.1") }).state.stable).toEqual(aVersion("1.7.0"));
  });

  it("waits for a target that does not exist", () => {
    const { target: _, ...without } = anObservation();
    expect(decide(initialState(), without, aPolicy()).state.reason).toMatch(/podinfo was not found in test/);
  });
});

describe("an intent", () => {
  const asked = (target: Partial<Target>, over: Partial<Observation> = {}, policy = aPolicy()): Decision =>
    decide(aState(), anObservation({ target: aHeldTarget("1.7.1", target), ...over }), policy);

  it("starts a run with a canary for the first weight", () => {
    const { state: next, actions } = asked({});
    expect(next).toMatchObject({
      phase: "Progressing",
      weight: 0,
      runs: 1,
      run: { id: "cafe1710-1", stage: "scaling" },
    });
    expect(actions).toEqual([{ kind: "runCanary", intent: hashOf("1.7.1"), replicas: 1 }]);
  });

  it.each<[string, Partial<Target>, Partial<Observation>, RegExp]>([
    ["its user paused the rollout", { pausedByUser: true }, {}, /was paused by its user: .* rollout resume/],
    ["the target has no replicas", { replicas: 0 }, {}, /has 0 replicas: the change waits/],
    ["pods of two versions run", { active: [aVersion("1.6.0"), aVersion("1.5.0")] }, {}, /is still rolling/],
    ["the target is unfit", {}, unmet("unfit", "Deployment podinfo has strategy Recreate."), /Recreate/],
    ["something it needs is missing", {}, unmet("missing", "MetricTemplate test/latency is missing."), /is missing/],
    ["the Services are not as they should", {}, { servicesReady: false }, /being restored/],
    [
      "the route is not obeyed",
      {},
      { route: { weight: 0, ownWeight: 0, problem: "BackendNotFound" } },
      /BackendNotFound/,
    ],
  ])("waits, and says why, while %s", (_, target, over, why) => {
    const { state: next, actions } = asked(target, over);
    expect(next.run).toBeUndefined();
    expect(next.reason).toMatch(why);
    expect(actions.some((action) => action.kind === "runCanary")).toBe(false);
  });

  it("waits in the same way when it supersedes another", () => {
    const ending = { outcome: "superseded", cause: "superseded by podinfo:1.7.1" } as const;
    const draining = aState({
      phase: "Progressing",
      run: { ...asked({}).state.run!, intent: hashOf("1.7.2"), stage: "draining", stageAt: start - 6_000, ending },
    });
    const route = { ...routeOver, over: draining.run!.id };
    const seen = anObservation({ target: aHeldTarget("1.7.1", { replicas: 0 }), route });
    const { state: next, events } = decide(draining, seen, aPolicy());
    expect(next).toMatchObject({ phase: "Initialized", reason: expect.stringMatching(/0 replicas/) as string });
    expect(next.run).toBeUndefined();
    expect(events).toEqual([{ type: "Normal", message: "podinfo:1.7.1 was superseded in podinfo.test" }]);
  });

  it.each<[string, Partial<Observation>, "missing" | "obstacle", string]>([
    [
      "a port is missing",
      unmet("missing", "Service podinfo has no port 9."),
      "missing",
      "Service podinfo has no port 9.",
    ],
    ["the target cannot be canaried", unmet("unfit", "Recreate."), "obstacle", "Recreate."],
  ])("says before any change that none can start while %s, and no more once that is mended", (_, over, kind, what) => {
    const { state: next } = decide(aState(), anObservation(over), aPolicy());
    expect(next).toMatchObject({
      phase: "Initialized",
      blocked: { kind, what },
      reason: `podinfo:1.7.0 is stable and gets all traffic. No canary can start: ${what}`,
      next: "",
    });
    const mended = decide(next, anObservation({}), aPolicy()).state;
    expect(mended.blocked).toBeUndefined();
    expect(mended.reason).toBe("podinfo:1.7.0 is stable and gets all traffic.");
  });

  it.each<[string, Partial<Observation>, "missing" | "obstacle"]>([
    ["a foreign object", unmet("obstacle", "Service podinfo-canary is not ours."), "obstacle"],
    ["a missing MetricTemplate", unmet("missing", "MetricTemplate latency is missing."), "missing"],
  ])("knows from the first look that %s blocks it", (_, over, kind) => {
    expect(decide(initialState(), anObservation(over), aPolicy()).state.blocked?.kind).toBe(kind);
  });

  it.each<Unmet["level"]>(["obstacle", "unfit", "missing"])("announces once that it is blocked (%s)", (level) => {
    const first = anObservation(unmet(level, "Podinfo lacks a port."));
    const one = decide(aState(), first, aPolicy());
    expect(one.events).toEqual([{ type: "Warning", message: "Podinfo lacks a port." }]);
    expect(decide(one.state, first, aPolicy()).events).toEqual([]);
    const other = anObservation({ unmet: [{ code: "another", level, what: "Podinfo lacks a Service." }] });
    const two = decide(one.state, other, aPolicy());
    expect(two.events).toEqual([{ type: "Warning", message: "Podinfo lacks a Service." }]);
    const mended = decide(two.state, anObservation({}), aPolicy());
    expect(mended.events).toEqual([]);
    expect(decide(mended.state, first, aPolicy()).events).toEqual(one.events);
  });

  it("announces no warning of what forbids nothing", () => {
    expect(decide(aState(), anObservation(unmet("warning", "Beware.")), aPolicy()).events).toEqual([]);
  });

  it("knows a target that is gone for missing", () => {
    const { target: _, ...bare } = anObservation(unmet("missing", "Deployment podinfo was not found."));
    expect(decide(aState(), bare, aPolicy()).state.blocked).toEqual({
      kind: "missing",
      code: "missing-code",
      what: "Deployment podinfo was not found.",
    });
  });

  it("tells a change of the template alone from stable, which has the same image", () => {
    const target = { ...aHeldTarget("1.7.1"), images: aVersion("1.7.0").images };
    const { state: next } = decide(aState(), anObservation({ target }), aPolicy());
    expect(next.reason).toMatch(/^New version podinfo:1\.7\.0 with a changed template asked for by /);
    const rejected = [{ hash: hashOf("1.7.1"), at: start, cause: "it failed" }];
    const again = decide(aState({ rejected }), anObservation({ target }), aPolicy()).state;
    expect(again.reason).toBe("podinfo:1.7.0 with a changed template was rejected: it failed. Stable goes on serving.");
  });

  it("starts nothing while the Canary is suspended, and nothing is put right", () => {
    const { state: next, actions } = asked({}, { servicesReady: false }, aPolicy({ suspend: true }));
    expect(next.run).toBeUndefined();
    expect(next.reason).toMatch(/^Suspended/);
    expect(actions).toEqual([]);
  });

  it("starts nothing, and touches nothing, while an obstacle is there", () => {
    const { state: next, actions, events } = asked({}, unmet("obstacle", "Flagger is at work in ns flagger-system."));
    expect(next.run).toBeUndefined();
    expect(actions).toEqual([]);
    expect(events).toEqual([{ type: "Warning", message: "Flagger is at work in ns flagger-system." }]);
  });

  it("has a phase from the first look on, for whoever reads it", () => {
    const { state: next } = decide(
      aState({ phase: "" }),
      anObservation(unmet("obstacle", "Flagger is at work.")),
      aPolicy(),
    );
    expect(next).toMatchObject({ phase: "Initializing", reason: "Flagger is at work." });
  });
});

describe("a target that is gone", () => {
  const { target: _target, ...rest } = anObservation();

  it("may come back for half a minute; then what was made for it goes, once", () => {
    const gone = decide(aState(), rest, aPolicy());
    expect([gone.actions, gone.requeueAfterMs]).toEqual([[], 30_000]);
    const later = { ...rest, now: start + 30_000 };
    expect(decide(gone.state, later, aPolicy()).actions).toEqual([{ kind: "removeOurs" }]);
    expect(decide(gone.state, { ...later, oursExist: false }, aPolicy()).actions).toEqual([]);
  });

  it("is as it was when it comes back", () => {
    const gone = decide(aState(), rest, aPolicy());
    const { state: next } = decide(gone.state, anObservation({ now: start + 60_000 }), aPolicy());
    expect(next).not.toHaveProperty("targetMissingSince");
    expect(next.reason).toBe("podinfo:1.7.0 is stable and gets all traffic.");
  });
});

describe("between runs", () => {
  it("stable's template is kept once, while its ReplicaSet has it", () => {
    const kept = (over: Partial<Target>): unknown =>
      decide(aState(), anObservation({ target: aTarget(over) }), aPolicy()).actions;
    expect(kept({ stableKept: false })).toEqual([{ kind: "keepStable", podTemplateHash: "pod1.7.0" }]);
    expect(kept({ stableKept: false, kept: [] })).toEqual([]);
    expect(kept({ stableKept: true })).toEqual([]);
    const run = aRunObservation(0, 0, { target: aHeldTarget("1.7.1", { stableKept: false }) });
    const { actions } = decide(aRunningState(0, { stage: "scaling" }), run, aPolicy());
    expect(actions.filter(({ kind }) => kind === "keepStable")).toHaveLength(1);
  });

  it("a weight that someone gave the canary is taken back", () => {
    const { actions } = decide(aState(), anObservation({ route: { weight: 30, ownWeight: 0 } }), aPolicy());
    expect(actions).toEqual([{ kind: "setWeight", weight: 0 }]);
  });

  it("a route of ours that names the idle canary's leaf is corrected, and one of the user's is let alone", () => {
    const actions = (restsOnCanary: "ours" | "theirs"): unknown => {
      const route = { weight: 0, ownWeight: 0, restsOnCanary };
      return decide(aState(), anObservation({ route }), aPolicy()).actions;
    };
    expect(actions("ours")).toEqual([{ kind: "setWeight", weight: 0 }]);
    expect(actions("theirs")).toEqual([]);
  });

  it("stable is known by the ReplicaSet that runs it now", () => {
    const recreated = { ...aVersion("1.7.0"), podTemplateHash: "anew" };
    const { state: next, actions } = decide(
      aState(),
      anObservation({ target: aTarget({ active: [recreated] }) }),
      aPolicy(),
    );
    expect(next.stable).toEqual(recreated);
    expect(actions).toEqual([{ kind: "markStable", podTemplateHash: "anew" }]);
  });

  it("a held target whose template is stable's again is let go", () => {
    const { actions } = decide(aState(), anObservation({ target: aTarget({ held: true }) }), aPolicy());
    expect(actions).toEqual([{ kind: "unholdTarget" }]);
  });
});

describe("a run that begins", () => {
  it("keeps no number of the run before it", () => {
    const track = (name: string): TrackStatus => ({ ...measured, name });
    const tracks = { at: start - 60_000, windowSeconds: 60, primary: track("primary"), canary: track("canary") };
    const trend = [{ at: start - 60_000, primary: {}, canary: { successPercent: 100 } }];
    const { state } = decide(
      aState({ phase: "Succeeded", tracks, trend }),
      anObservation({ target: aHeldTarget("1.7.1") }),
      aPolicy(),
    );
    expect(state.run).toBeDefined();
    expect(state).not.toHaveProperty("tracks");
    expect(state).not.toHaveProperty("trend");
  });
});

const measured = {
  replicas: 1,
  ready: 1,
  weightPercent: 100,
  successPercent: 100,
  requestsPerSecond: 38.9,
  latencyMsP50: 1,
  latencyMsP95: 2,
  latencyMsP99: 3,
  requests: 2_334,
};

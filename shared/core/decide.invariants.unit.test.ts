/** What must hold of every decision, whatever was stored and whatever is seen. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyObservation, anyPolicy, anyRun, anyState } from "../../test/simulation/arbitraries.ts";
import { start } from "../../test/builders.ts";
import { isEdited, podsFor, readyCanaries, sharedReplicas } from "./turn/capacity.ts";
import { decide } from "./decide.ts";
import { barrierOf } from "./turn/turn.ts";
import type { Policy } from "./spec/policy.ts";
import { isLookedAt } from "./comparison/comparison.ts";
import { pendingCommand } from "./commands/during-run.ts";
import type { CanaryState } from "./state.ts";
import type { Decision, Action } from "./action.ts";
import type { Observation } from "./observation.ts";

const isForbidden = ({ unmet }: Observation): boolean => unmet.some(({ level }) => level === "obstacle");

type Given = [CanaryState, Observation, Policy];
const anyGiven = fc.tuple(anyState, anyObservation, anyPolicy);
/** A state with a run, so that most examples get past the phases between runs. */
const anyGivenRun = fc.tuple(
  fc.tuple(anyState, anyRun).map(([state, run]): CanaryState => ({ ...state, run })),
  anyObservation,
  anyPolicy,
);

interface Examples {
  arbitrary: fc.Arbitrary<Given>;
  decided: { from: Given; decision: Decision }[];
}

/** Made once for all tests: to generate them takes longer than to decide them. */
const sample = { numRuns: 4_000, seed: 20261123 };
const given = examplesOf(anyGiven);
const givenRun = examplesOf(anyGivenRun);

function examplesOf(arbitrary: fc.Arbitrary<Given>): Examples {
  const decided = fc.sample(arbitrary, sample).map((from) => ({ from, decision: decide(...from) }));
  return { arbitrary, decided };
}

/** Of every example; where one does not hold, the smallest such is searched for and shown. */
function always({ arbitrary, decided }: Examples, holds: (decision: Decision, ...from: Given) => void): void {
  try {
    for (const { from, decision } of decided) holds(decision, ...from);
  } catch (error: unknown) {
    const property = fc.property(arbitrary, (from) => {
      holds(decide(...from), ...from);
    });
    fc.assert(property, { ...sample, numRuns: 4 * sample.numRuns });
    throw error;
  }
}

function ofKind<K extends Action["kind"]>(decision: Decision, kind: K): Extract<Action, { kind: K }>[] {
  return decision.actions.filter((action): action is Extract<Action, { kind: K }> => action.kind === kind);
}

/** A decision's state and world as they are once it is saved and its weight is set. */
function afterwards(decision: Decision, seen: Observation): Observation {
  const [set] = ofKind(decision, "setWeight").slice(-1);
  return set && seen.route ? { ...seen, route: { weight: set.weight, ownWeight: set.weight } } : seen;
}

describe("a decision", () => {
  it("is made for any state and any observation, without throwing", () => {
    always(given, (decision) => expect(decision.state).toBeDefined());
    always(givenRun, (decision) => expect(decision.state).toBeDefined());
  });

  it("is the same when it is made again from the same input", () => {
    always(givenRun, (decision, ...from) => expect(decide(...from)).toEqual(decision));
  });

  it("changes neither its state nor its observation", () => {
    always(givenRun, (_, state, seen, policy) => {
      const before = JSON.stringify({ state, seen, policy });
      decide(state, seen, policy);
      expect(JSON.stringify({ state, seen, policy })).toBe(before);
    });
  });

  it("keeps every weight between 0 and 100", () => {
    always(givenRun, (decision) => {
      for (const weight of [decision.state.weight, ...ofKind(decision, "setWeight").map((action) => action.weight)])
        expect(weight).toSatisfy((value: number) => Number.isInteger(value) && value >= 0 && value <= 100);
    });
  });

  it("is plain JSON, so that nothing is lost when it is stored", () => {
    always(givenRun, ({ state: next }) => {
      const stored: unknown = JSON.parse(JSON.stringify(next));
      expect(stored).toEqual(next);
    });
  });

  it("never asks to be looked at again in the past, or at no time at all", () => {
    always(givenRun, ({ requeueAfterMs = 0 }) => {
      expect(requeueAfterMs).toSatisfy((ms: number) => Number.isFinite(ms) && ms >= 0);
    });
  });
});

/** Past the analysis a weight goes down, but for a promotion that leaves the target without a pod. */
const isJudgedOver = ({ state: next }: Decision): boolean => !["scaling", "analysing"].includes(next.run?.stage ?? "");

/** A command is answered first, in a turn of its own, and the next follows at once. */
const isAnswering = (...[state, seen]: Given): boolean => pendingCommand({ state, seen }) !== undefined;

describe("traffic", () => {
  it("is raised only to what the canary's ready pods can carry", () => {
    always(givenRun, (decision, _, seen, policy) => {
      const { run } = decision.state;
      for (const { weight } of ofKind(decision, "setWeight")) {
        if (weight <= (seen.route?.weight ?? 0)) continue;
        const of = run ? sharedReplicas(decision.state, run, seen, policy) : Infinity;
        expect(run ? readyCanaries(run, seen) : 0).toBeGreaterThanOrEqual(podsFor(weight, of));
      }
    });
  });

  it("is not left on a canary without a ready pod while stable has one", () => {
    always(givenRun, (decision, ...from) => {
      const [state, seen] = from;
      const { canary, primary } = seen.endpoints;
      const stranded = canary.ready === 0 && primary.ready > 0 && decision.state.stable !== undefined;
      if (!stranded || isAnswering(...from) || (!state.run && barrierOf({ state, seen, policy: from[2] }))) return;
      expect(afterwards(decision, seen).route?.weight ?? 0).toBe(0);
    });
  });

  it("is sent to the canary by a rule of its own only where that has a ready pod, or keeps its weight to those who had it", () => {
    always(givenRun, (decision, state, seen) => {
      const { run } = decision.state;
      for (const { weight, rules } of ofKind(decision, "setWeight")) {
        if (rules?.preview ?? rules?.affinity) expect(run ? readyCanaries(run, seen) : 0).toBeGreaterThan(0);
        if (rules?.only) expect(weight).toBeGreaterThan(0);
        // Those whom an A/B test leaves out never get the weight that it gives to others, unless nobody else is there.
        const isAlone = run?.stage === "promoting" || state.run?.only === undefined;
        if (weight > 0 && run?.only && !isAlone) expect(rules?.only).toEqual(run.only);
      }
    });
  });

  it("is never raised again by itself after someone else lowered it", () => {
    always(givenRun, (decision, state, seen) => {
      const { route } = seen;
      if (!route || route.weight >= route.ownWeight || route.weight >= state.weight) return;
      for (const { weight } of ofKind(decision, "setWeight")) expect(weight).toBeLessThanOrEqual(route.weight);
    });
  });

  it("is never given or raised but by a decision for which Prometheus has answered, or while its version is promoted", () => {
    always(givenRun, (decision, state, seen) => {
      if (decision.state.weight <= state.weight || seen.metrics?.ok === true) return;
      if (state.run?.stage === "promoting") return;
      for (const { weight } of ofKind(decision, "setWeight"))
        expect(weight).toBeLessThanOrEqual(seen.route?.weight ?? 0);
    });
  });

  it("is only ever lowered where something forbids to go on", () => {
    always(givenRun, (decision, state, seen, policy) => {
      if (!barrierOf({ state, seen, policy })) return;
      for (const { weight, over, rules } of ofKind(decision, "setWeight")) {
        const takesRulesOut = weight === 0 && rules === undefined && seen.route?.rules !== undefined;
        expect(weight).toBeLessThan((seen.route?.weight ?? 0) + (over === undefined && !takesRulesOut ? 0 : 1));
      }
    });
  });

  it("is taken off a rejected canary behind an obstacle as without it", () => {
    always(givenRun, (decision, ...from) => {
      const [state, seen, policy] = from;
      if (!isForbidden(seen) || !isLookedAt(state) || isAnswering(...from)) return;
      const free = decide(state, { ...seen, unmet: [] }, policy);
      if (free.state.run?.ending?.outcome !== "rejected") return;
      expect(decision.state.run?.ending).toEqual(free.state.run.ending);
    });
  });

  it("is never given to a canary whose template someone else wrote, and that is not promoted by its checks", () => {
    always(givenRun, (decision, ...from) => {
      const [state, seen] = from;
      if (!state.run || !isEdited(state.run, seen) || isAnswering(...from) || isJudgedOver(decision)) return;
      for (const { weight } of ofKind(decision, "setWeight"))
        expect(weight).toBeLessThan((seen.route?.weight ?? 0) + 1);
      expect(ofKind(decision, "releaseTarget")).toEqual([]);
    });
    always(givenRun, (decision, ...from) => {
      const [state, seen] = from;
      const isJudged = state.run?.stage === "analysing" || state.run?.stage === "scaling";
      if (!isJudged || !isEdited(state.run!, seen) || isAnswering(...from)) return;
      expect(decision.state.run?.stage).not.toBe("promoting");
    });
  });

  it("is never raised above a ceiling that someone set by hand", () => {
    always(givenRun, (decision, state) => {
      const { ceiling } = decision.state.run ?? {};
      if (ceiling === undefined || state.run?.ceiling !== ceiling || isJudgedOver(decision)) return;
      for (const { weight } of ofKind(decision, "setWeight"))
        expect(weight).toBeLessThanOrEqual(Math.max(ceiling, state.weight));
    });
  });

  it("is written once more when a run that had any is over, so that nothing of the run can be written after that", () => {
    always(givenRun, (decision, state, seen) => {
      const { run } = state;
      const isOver = run?.stage === "draining" && decision.state.history[0]?.run === run.id;
      if (isOver && state.history[0]?.run !== run.id && seen.route) expect(seen.route.over).toBe(run.id);
    });
  });

  it("is taken off the canary before the canary is scaled to nothing", () => {
    always(givenRun, (decision, _, seen) => {
      const emptied = ofKind(decision, "scaleCanary").some((action) => action.replicas === 0);
      if (!emptied) return;
      expect(afterwards(decision, seen).route?.weight ?? 0).toBe(0);
    });
  });
});

describe("what all traffic needs", () => {
  it("is never less than it was in this run, nor than what is asked for now", () => {
    always(givenRun, (decision, state, seen) => {
      const { run, floor } = decision.state;
      if (!run || seen.target?.replicas === 0) return;
      const before = run.id === state.run?.id ? (state.floor?.replicas ?? 0) : 0;
      expect(floor?.replicas ?? 0).toBeGreaterThanOrEqual(Math.max(before, seen.target?.replicas ?? 0));
    });
  });

  it("is held on when a run is over", () => {
    always(givenRun, (decision, state, seen) => {
      const isOver = state.run !== undefined && decision.state.run === undefined && state.floor !== undefined;
      if (!isOver || seen.target?.replicas === 0) return;
      expect(decision.state.floor?.until).toBeGreaterThan(seen.now);
    });
  });

  it("is what the canary has its weight's share of, while it has one", () => {
    always(givenRun, (decision, _, seen, policy) => {
      const { run, weight } = decision.state;
      const sizes = [...ofKind(decision, "scaleCanary"), ...ofKind(decision, "runCanary")];
      for (const { replicas } of run ? sizes : [])
        expect(replicas).toBeGreaterThanOrEqual(podsFor(weight, sharedReplicas(decision.state, run!, seen, policy)));
    });
  });
});

describe("the target", () => {
  it("is not released before the canary carries what it is to carry meanwhile", () => {
    always(givenRun, (decision, _, seen) => {
      const isRaised = ofKind(decision, "setWeight").some(({ weight }) => weight > (seen.route?.weight ?? 0));
      if (isRaised) expect(ofKind(decision, "releaseTarget")).toEqual([]);
    });
  });

  it("is released only for exactly the intent of the run that was judged", () => {
    always(givenRun, (decision, _, seen) => {
      for (const { intent, run } of ofKind(decision, "releaseTarget")) {
        expect(intent).toBe(decision.state.run?.intent);
        expect(intent).toBe(seen.target?.intent);
        expect(run).toBe(decision.state.run?.id);
      }
    });
  });

  it("has its template written only to put stable back", () => {
    always(givenRun, (decision) => {
      for (const { podTemplateHash } of ofKind(decision, "restoreStable"))
        expect(podTemplateHash).toBe(decision.state.stable?.podTemplateHash);
    });
  });

  it("is let go only when its template is stable's", () => {
    always(givenRun, (decision, _, seen) => {
      if (ofKind(decision, "unholdTarget").length > 0) expect(seen.target?.intent).toBe(decision.state.stable?.hash);
    });
  });

  it("is never touched where something forbids it, but to lead a run back to stable", () => {
    always(givenRun, (decision, _, seen) => {
      if (!isForbidden(seen)) return;
      const back = ["setWeight", "scaleCanary", "restoreStable", "unholdTarget"];
      for (const { kind } of decision.actions) expect(back).toContain(kind);
    });
    always(given, (decision, state, seen) => {
      if (!isForbidden(seen) || state.run) return;
      const [last] = state.history;
      const isLeft = seen.workload?.intent === last?.intent && seen.workload?.over !== last?.run;
      const going = { kind: "scaleCanary", replicas: 0, over: last?.run };
      for (const action of decision.actions) expect(isLeft ? action : decision.actions).toEqual(isLeft ? going : []);
    });
  });
});

describe("the end of a run", () => {
  it("leaves a cause in the history and says so in an event", () => {
    always(givenRun, ({ state: next, events }, state) => {
      const ended = next.run?.id !== state.run?.id && next.history.length > state.history.length;
      if (!ended) return;
      const [entry] = next.history;
      expect(entry?.cause).not.toBe("");
      expect(entry?.endedAt).toBe(start);
      if (entry?.outcome !== "rejected") expect(events).not.toEqual([]);
    });
  });

  it("says why in an event whenever the phase becomes Failed", () => {
    always(given, ({ state: next, events }, state) => {
      if (next.phase !== "Failed" || state.phase === "Failed" || state.run) return;
      expect(events.some((event) => event.type === "Warning")).toBe(true);
      expect(next.reason).not.toBe("");
    });
  });

  it("keeps every rejection and every end, up to twenty", () => {
    always(givenRun, ({ state: next }) => {
      expect(next.rejected.length).toBeLessThanOrEqual(20);
      expect(next.history.length).toBeLessThanOrEqual(20);
    });
  });
});

/** Something forbids to go on: the ways back to stable stay open, and nothing else moves. */
import { describe, expect, it } from "vitest";
import {
  aCheck,
  aHeldTarget,
  anObservation,
  aPolicy,
  aRunningState,
  aRunObservation,
  aState,
  aTarget,
  endpoints,
  hashOf,
  imagesAt,
  someMetrics,
  start,
  takenBack,
  unmet,
  routeOver,
} from "../../test/builders.ts";
import type { Command } from "./objects/command.ts";
import { noBlocks } from "./analysis/sequential-test.ts";
import { noCounts } from "./analysis/track-counts.ts";
import { decide } from "./decide.ts";
import type { Policy } from "./spec/policy.ts";
import type { Observation } from "./observation.ts";

const flagger = "A Flagger controller is at work (Deployment flagger in flagger-system).";
const rollback: Command = { id: "c1", verb: "rollback", by: "bob" };

describe.each<[string, Partial<Observation>, Partial<Policy>]>([
  ["an obstacle", unmet("obstacle", flagger), {}],
  ["spec.suspend", {}, { suspend: true }],
])("behind %s", (_, seen, over) => {
  const policy = aPolicy(over);
  const running = aRunningState(50, { stage: "analysing", checkAt: start });

  it("a run stays at its weight, and says why", () => {
    const { state: next, actions } = decide(
      running,
      aRunObservation(50, 2, { ...seen, metrics: someMetrics(start) }),
      policy,
    );
    expect(next).toMatchObject({
      weight: 50,
      run: { stage: "analysing", step: 0, wait: "obstacle", waitSince: start },
    });
    expect(next.reason).not.toBe("");
    expect(actions).toEqual([]);
  });

  it("a run that fails its checks is counted, and taken back at the threshold", () => {
    const failing = someMetrics(start, { checks: [aCheck({ outcome: "fail", message: "success rate 0% < 99%" })] });
    const seenNow = aRunObservation(50, 2, { ...seen, metrics: failing });
    const once = decide(running, seenNow, policy);
    expect(once.state).toMatchObject({ weight: 50, failedChecks: 1, run: { checkAt: start + 10_000 } });
    expect(once.requeueAfterMs).toBeLessThanOrEqual(10_000);
    expect(once.state.reason).toMatch(/Meanwhile: Check failed \(1 of 5\): success rate 0% < 99%\.$/);
    const { state: next, actions } = decide({ ...running, failedChecks: 4 }, seenNow, policy);
    expect(next).toMatchObject({ weight: 0, run: { stage: "draining", ending: { outcome: "rejected" } } });
    expect(actions).toEqual([takenBack]);
  });

  it("a run that fails more than the primary is taken back between checks", () => {
    const comparison = { ...noBlocks(), read: { epoch: 1, canary: noCounts, primary: noCounts } };
    const compared = aRunningState(50, { stage: "analysing", checkAt: start + 9_000, comparison });
    const counters = {
      epoch: 1,
      at: start,
      canary: { ...noCounts, requests: 200, failures: 200 },
      primary: { ...noCounts, requests: 200 },
    };
    const { state: next } = decide(compared, aRunObservation(50, 2, { ...seen, counters }), policy);
    expect(next.run?.ending?.cause).toMatch(/^the canary fails more than the primary/);
  });

  it("a run with more client errors waits for a person when the barrier is gone", () => {
    const comparison = { ...noBlocks(), read: { epoch: 1, canary: noCounts, primary: noCounts } };
    const compared = aRunningState(50, { stage: "analysing", checkAt: start + 9_000, comparison });
    const counters = {
      epoch: 1,
      at: start,
      canary: { ...noCounts, requests: 200, clientErrors: 200 },
      primary: { ...noCounts, requests: 200 },
    };
    const lenient = aPolicy({
      ...policy,
      comparison: { ...policy.comparison, clientErrors: { action: "hold", marginPercent: 5 } },
    });
    const { state: next } = decide(compared, aRunObservation(50, 2, { ...seen, counters }), lenient);
    expect(next.run).toMatchObject({ wait: "obstacle" });
    expect(next.run?.clientErrors?.cause).toMatch(/^the canary answers with 4xx more often/);
  });

  it("an outage of Prometheus ends a run under traffic by its deadline", () => {
    const away = { ok: false as const, askedAt: start, error: "connection refused", code: "unreachable" as const };
    const since = start - policy.cannotAskDeadlineMs;
    const blind = aRunningState(50, { stage: "analysing", checkAt: start, wait: "cannot-ask", waitSince: since });
    const { state: next } = decide(blind, aRunObservation(50, 2, { ...seen, metrics: away }), policy);
    expect(next.run?.ending?.outcome).toBe("rejected");
  });

  it("a weight that someone lowered is followed down", () => {
    const route = { weight: 20, ownWeight: 50 };
    const { state: next } = decide(running, aRunObservation(50, 2, { ...seen, route }), policy);
    expect(next).toMatchObject({ weight: 20, run: { ceiling: 20 } });
  });

  it("rollback is answered and takes all traffic back", () => {
    const { state: next, actions } = decide(running, aRunObservation(50, 2, { ...seen, command: rollback }), policy);
    expect(next).toMatchObject({ weight: 0, run: { stage: "draining" }, lastCommand: { accepted: true } });
    expect(actions).toEqual([takenBack]);
  });

  it("rollback out of a promotion puts stable's template back", () => {
    const promoting = aRunningState(50, { stage: "promoting" }, { phase: "Promoting" });
    const target = aHeldTarget("1.7.1", { held: false, promoting: "cafe1710-1", kept: ["pod1.7.0"] });
    const { state: next, actions } = decide(
      promoting,
      aRunObservation(50, 2, { ...seen, target, command: rollback }),
      policy,
    );
    expect(next.run?.stage).toBe("restoring");
    expect(actions).toEqual([{ kind: "restoreStable", podTemplateHash: "pod1.7.0" }]);
  });

  it("a run that is being wound up comes to its end, and starts no other", () => {
    const draining = aRunningState(0, {
      stage: "draining",
      stageAt: start - 6_000,
      ending: { outcome: "superseded", cause: "superseded by podinfo:1.7.2" },
    });
    const seenNow = aRunObservation(0, 2, { ...seen, target: aHeldTarget("1.7.2"), route: routeOver });
    const { state: next, actions } = decide(draining, seenNow, policy);
    expect(next.run).toBeUndefined();
    expect(next.history[0]).toMatchObject({ outcome: "superseded" });
    expect(actions).toEqual([{ kind: "scaleCanary", replicas: 0, over: "cafe1710-1" }]);
  });

  it("the old version put back by its user ends the run", () => {
    const target = aTarget({ held: true, rolledOut: false });
    const { state: next, actions } = decide(running, aRunObservation(50, 2, { ...seen, target }), policy);
    expect(next.run?.ending).toEqual({ outcome: "reverted", cause: "reverted by alice" });
    expect(actions).toEqual([takenBack, { kind: "unholdTarget" }]);
  });

  it("a canary without a ready pod loses its traffic", () => {
    const nobody = { primary: endpoints({ "pod1.7.0": 4 }), canary: endpoints() };
    const { state: next, actions } = decide(running, aRunObservation(50, 2, { ...seen, endpoints: nobody }), policy);
    expect(next.weight).toBe(0);
    expect(actions).toEqual([{ kind: "setWeight", weight: 0 }]);
  });

  it.each(["promote", "pause", "resume", "retry", "adopt", "undo"] as const)(
    "%s is refused with the reason",
    (verb) => {
      const command: Command = { id: "c2", verb, by: "bob" };
      const { state: next } = decide(running, aRunObservation(50, 2, { ...seen, command }), policy);
      expect(next).toMatchObject({ weight: 50, lastCommand: { accepted: false } });
      expect(next.lastCommand?.message).toMatch(new RegExp(`^cannot ${verb}: (A Flagger|Suspended)`));
    },
  );

  it("the last step that passes promotes nothing", () => {
    const last = aRunningState(100, { stage: "analysing", step: 9, checkAt: start, stageAt: start - 60_000 });
    const seenNow = aRunObservation(100, 4, { ...seen, metrics: someMetrics(start) });
    const { state: next, actions } = decide(last, seenNow, policy);
    expect(next).toMatchObject({ phase: "Progressing", weight: 100, run: { stage: "analysing", step: 9 } });
    expect(actions).toEqual([]);
  });

  it("nothing is touched between runs, and no run starts", () => {
    const idle = anObservation({ ...seen, target: aHeldTarget("1.7.1"), route: { weight: 30, ownWeight: 0 } });
    const { state: next, actions } = decide(aState(), idle, policy);
    expect(next.run).toBeUndefined();
    expect(actions).toEqual([]);
  });
});

describe("a change that nothing holds, behind an obstacle", () => {
  const gone = { intent: hashOf("1.7.1"), images: imagesAt("1.7.1"), optedIn: false, rolledOut: false };
  const seen = anObservation({ ...unmet("obstacle", flagger), target: aTarget(gone) });
  const first = decide(aState(), seen, aPolicy());

  it("is said beside the obstacle, in an Event and until it is settled", () => {
    expect(first.state.unvetted).toMatchObject({ hash: hashOf("1.7.1"), by: "kubectl-set" });
    expect(first.state.reason).toMatch(/^Unvetted change by kubectl-set: .* A Flagger controller/);
    expect(first.events.map(({ message }) => message)[0]).toMatch(/^Unvetted change/);
    expect(first.actions).toEqual([]);
  });

  it("is said once", () => {
    expect(decide(first.state, seen, aPolicy()).events).toEqual([]);
  });
});

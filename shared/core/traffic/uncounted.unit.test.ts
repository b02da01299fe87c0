/** Workloads without HTTP: `analysis.requests: none`. Own queries judge them, and whether their pods stay ready. */
import { describe, expect, it } from "vitest";
import {
  aCheck,
  aHeldTarget,
  aPolicy,
  aRunningState,
  aRunObservation,
  aTrack,
  aWorkload,
  canaryRevision,
  endpoints,
  someMetrics,
  start,
} from "../../../test/builders.ts";
import type { Decision } from "../action.ts";
import { decide } from "../decide.ts";
import type { CheckStatus } from "../objects/canary-status.ts";
import type { Policy } from "../spec/policy.ts";
import type { Run } from "../state.ts";

const policy = aPolicy({
  weights: [50, 100],
  metrics: [],
  countsRequests: false,
  comparison: { mode: "off", alpha: 0.01 },
});
const due = { stage: "analysing", stageAt: start - 10_000, checkAt: start } as const;
/** As the controller shows it where there is no route. */
const absent = (weight: number, run = "cafe1710-1") =>
  ({ weight, ownWeight: weight, isAbsent: true, over: run }) as const;

interface Given {
  weight?: number;
  run?: Partial<Run>;
  checks?: CheckStatus[];
  ready?: number;
  by?: Partial<Policy>;
}

function worker({ weight = 50, run = due, checks = [], ready = 4, by = {} }: Given): Decision {
  const none = aTrack({ requests: 0, attempts: 0, requestsPerSecond: 0 });
  const seen = aRunObservation(weight, ready, {
    target: aHeldTarget("1.7.1", { replicas: 4 }),
    workload: aWorkload("1.7.1", 4),
    endpoints: { primary: endpoints({ "pod1.7.0": 4 }), canary: endpoints({ [canaryRevision("1.7.1")]: ready }) },
    route: absent(weight),
    metrics: someMetrics(start, { checks, canary: none, primary: none }),
  });
  return decide(aRunningState(weight, run), seen, { ...policy, ...by });
}

describe("a worker's run", () => {
  it("goes on where its pods have stayed ready, though nobody sends to it, and says by what it is judged", () => {
    const { state } = worker({});
    expect(state).toMatchObject({ phase: "Progressing", weight: 100, run: { step: 1 } });
    expect(state.reason).toBe(
      "podinfo:1.7.1 runs in 4 beside the 4 pods of stable (step 2 of 2). Requests are not counted (analysis.requests): own queries and readiness judge it.",
    );
  });

  it("writes no route, and is promoted after its last step", () => {
    expect(worker({ run: { step: 1, checkAt: start } }).actions.map(({ kind }) => kind)).not.toContain("setWeight");
    expect(worker({ weight: 100, run: { ...due, step: 1 } }).state.phase).toBe("Promoting");
  });

  it("is judged by its own queries: failed ones count, and what has no series holds it", () => {
    const failed = worker({ checks: [aCheck({ metric: "lag", outcome: "fail", why: "lag 9 > 5" })] });
    expect(failed.state).toMatchObject({ failedChecks: 1, reason: "Check failed (1 of 5): lag 9 > 5." });
    const unknown = worker({
      checks: [aCheck({ metric: "lag", outcome: "no-evidence", why: "it returned no series" })],
    });
    expect(unknown.state.run).toMatchObject({ step: 0, wait: "no-evidence" });
  });

  it("shows no track's numbers, for there are none", () => {
    const { state } = worker({ checks: [aCheck({ metric: "lag" })] });
    expect(state.checks.map(({ metric }) => metric)).toEqual(["lag"]);
    expect(state).not.toHaveProperty("tracks");
    expect(state).not.toHaveProperty("trend");
  });

  it("loses its pods' share when they are not ready any more, and is rejected the third time", () => {
    expect(worker({ ready: 1 }).state).toMatchObject({ weight: 25, run: { stage: "scaling", losses: 1 } });
    const third = worker({ ready: 1, run: { ...due, losses: 2 }, by: { threshold: 1 } });
    expect(third.state.run?.ending).toMatchObject({ outcome: "rejected" });
  });

  it("is over when the drain is: no route has to say so", () => {
    const ending = { outcome: "rejected", cause: "lag 9 > 5" } as const;
    const { state } = worker({ weight: 0, run: { stage: "draining", stageAt: start - 6_000, ending } });
    expect(state).toMatchObject({ phase: "Failed", history: [{ outcome: "rejected" }] });
  });
});

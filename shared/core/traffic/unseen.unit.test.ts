/** A canary with users that nobody sees any more. */
import { describe, expect, it } from "vitest";
import { aCheck, aPolicy, aRunningState, aRunObservation, someMetrics, start } from "../../../test/builders.ts";
import { noBlocks } from "../analysis/sequential-test.ts";
import { noCounts } from "../analysis/track-counts.ts";
import { decide } from "../decide.ts";
import type { MetricsSeen } from "../observation.ts";
import type { Run } from "../state.ts";

const policy = aPolicy({ weights: [25, 50] });
const due: Partial<Run> = { stage: "analysing", stageAt: start - 120_000, checkAt: start };
/** Scraped every 10 s. */
const at = (over: Partial<Run>, metrics: Partial<Extract<MetricsSeen, { ok: true }>>) =>
  decide(
    aRunningState(25, { ...due, ...over }),
    aRunObservation(25, 1, { metrics: { ...someMetrics(start), ...metrics } as MetricsSeen }),
    policy,
  );
const gone = { sampledAt: 0, checks: [aCheck({ outcome: "no-evidence" })] };

describe("a canary that Prometheus does not see any more", () => {
  it("keeps its weight for a failed scrape, and the status says since when nobody looks", () => {
    const { state: next, actions, requeueAfterMs } = at({}, gone);
    expect(next).toMatchObject({ weight: 25, run: { stage: "analysing", wait: "unseen", waitSince: start } });
    expect(next.reason).toBe(
      "Prometheus has no fresh sample of the pods of podinfo-canary, and none from their callers at weight 25: nobody can say what users get from it.",
    );
    expect(next.next).toBe("weight 0 unless it is seen within 30s");
    expect(actions).toEqual([]);
    expect(requeueAfterMs).toBeLessThanOrEqual(5_000);
  });

  it("is named by its pods where Prometheus knows them and cannot scrape them", () => {
    const unscraped = ["podinfo-canary-a", "podinfo-canary-b"];
    const where =
      "Prometheus cannot scrape podinfo-canary-a, podinfo-canary-b (up is 0), and has no fresh sample of what their callers sent";
    expect(at({}, { ...gone, unscraped }).state.reason).toBe(
      `${where} at weight 25: nobody can say what users get from it.`,
    );
    const since = { wait: "unseen", waitSince: start - 30_000 } as const;
    expect(at(since, { ...gone, unscraped }).state.reason).toContain(`${where} for 3 scrapes`);
  });

  it("has no users after three scrapes, with the reason, and nothing is said against the version", () => {
    const { state: next, actions, events } = at({ wait: "unseen", waitSince: start - 30_000 }, gone);
    expect(next).toMatchObject({ weight: 0, failedChecks: 0, run: { stage: "scaling", losses: 0 } });
    expect(actions).toEqual([{ kind: "setWeight", weight: 0 }]);
    expect(events[0]?.message).toMatch(
      /^Halt podinfo.test advancement: .* for 3 scrapes at weight 25: all traffic is on stable/,
    );
    const unseen = { metrics: someMetrics(start, { sampledAt: 0 }) };
    const waiting = decide(next, aRunObservation(0, 1, unseen), policy).state;
    expect(waiting).toMatchObject({ weight: 0, run: { wait: "no-numbers" } });
    const seen = { now: start + 9_000, metrics: someMetrics(start + 9_000) };
    expect(
      decide({ ...waiting, run: { ...waiting.run!, checkAt: start } }, aRunObservation(0, 1, seen), policy).state,
    ).toMatchObject({
      weight: 25,
      run: { stage: "analysing" },
    });
  });

  it("has none at once where the last sample itself is older than three scrapes", () => {
    expect(at({}, { ...gone, sampledAt: start - 31_000 }).state).toMatchObject({ weight: 0 });
    expect(at({}, { ...gone, sampledAt: start - 29_000 }).state).toMatchObject({ weight: 25 });
  });

  it("goes back for good where a check fails all the same", () => {
    const failing = { sampledAt: 0, checks: [aCheck({ outcome: "fail" })] };
    expect(at({}, failing).state).toMatchObject({ failedChecks: 1 });
  });

  it("is let be where Prometheus looks at neither track: nobody is behind its weight by the mesh either", () => {
    expect(at({}, { ...gone, isUnwatched: true }).state).toMatchObject({ weight: 25 });
  });

  it("has no users until it is seen where Prometheus has lost both tracks in mid-run", () => {
    const read = { epoch: 1, canary: { ...noCounts, requests: 5 }, primary: { ...noCounts, requests: 50 } };
    const seenBefore = { comparison: { ...noBlocks(), read } };
    const lost = { ...gone, isUnwatched: true };
    expect(at(seenBefore, lost).state).toMatchObject({ weight: 25, run: { wait: "unseen" } });
    const since = { ...seenBefore, wait: "unseen", waitSince: start - 30_000 } as const;
    const { state: blind, actions } = at(since, lost);
    expect([blind.weight, actions]).toEqual([0, [{ kind: "setWeight", weight: 0 }]]);
    const run = { ...blind.run!, wait: "no-numbers", waitSince: start - 60_000, checkAt: start } as const;
    const metrics = { ...someMetrics(start, { sampledAt: 0 }), isUnwatched: true };
    const waiting = decide({ ...blind, run }, aRunObservation(0, 1, { metrics }), policy).state;
    expect(waiting).toMatchObject({ weight: 0, run: { wait: "no-numbers" } });
  });
});

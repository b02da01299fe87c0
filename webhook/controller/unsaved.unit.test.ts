import { beforeEach, describe, expect, it } from "vitest";
import { noBlocks } from "../../shared/core/analysis/sequential-test.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryState, Comparison, MeasuredShare } from "../../shared/core/state.ts";
import { parseStatus, printStatus } from "../../shared/canary-status.ts";
import { aRunningState, aSpec, someCounts, start } from "../../test/builders.ts";
import { UnsavedEvidence } from "./unsaved.ts";

const intervalMs = 10_000;

function seen(requests: number): Comparison {
  const canary = someCounts({ requests });
  return { ...noBlocks(), canary, primary: canary, read: { epoch: 1, canary, primary: canary } };
}

const running = (requests: number, over: Partial<CanaryState> = {}): CanaryState =>
  aRunningState(50, { stage: "analysing", checkAt: start + intervalMs, comparison: seen(requests) }, over);

const statusOf = (state: CanaryState): NonNullable<Canary["status"]> =>
  printStatus(state, { generation: 1, steps: 10, now: start });

const written = (state: CanaryState): Canary => ({
  apiVersion: "flagger.app/v1beta1",
  kind: "Canary",
  metadata: { name: "podinfo", namespace: "test", uid: "uid-1" },
  spec: aSpec(),
  status: statusOf(state),
});

describe("evidence that came since the status was written", () => {
  let unsaved = new UnsavedEvidence();
  const canary = written(running(10));
  const keeps = (next: CanaryState, now: number, of = canary): boolean =>
    unsaved.keeps(of, { status: statusOf(next), next, now, intervalMs });
  const known = (of = canary): number | undefined =>
    unsaved.restore(of, parseStatus(of)).run?.comparison?.canary.requests;

  beforeEach(() => (unsaved = new UnsavedEvidence()));

  it("is kept without a write, and is there at the next look", () => {
    expect(keeps(running(20), start)).toBe(true);
    expect(known()).toBe(20);
    expect(keeps(running(30), start + 5_000)).toBe(true);
    expect(known()).toBe(30);
  });

  it("is kept with the share of requests that it shows", () => {
    const share = (all: number): MeasuredShare => ({
      ...{ movedAt: start, epoch: 1, from: { canary: 0, primary: 0 } },
      ...{ canary: all / 2, all },
    });
    const of = written(aRunningState(50, { stage: "analysing", comparison: seen(10), share: share(20) }));
    const next = aRunningState(50, { stage: "analysing", comparison: seen(20), share: share(40) });
    expect(keeps(next, start, of)).toBe(true);
    expect(unsaved.restore(of, parseStatus(of)).run?.share?.all).toBe(40);
  });

  it("is kept before there is any, with the time of the next look", () => {
    const waiting = (checkAt: number): CanaryState =>
      aRunningState(0, { stage: "scaling", wait: "no-numbers", checkAt }, { reason: "no numbers" });
    const of = written(waiting(start));
    expect(keeps(waiting(start + 1_000), start, of)).toBe(true);
    expect(unsaved.restore(of, parseStatus(of)).run?.checkAt).toBe(start + 1_000);
  });

  it("is written once an interval", () => {
    keeps(running(20), start);
    expect(keeps(running(90), start + intervalMs)).toBe(false);
  });

  it("is written along with anything else", () => {
    expect(keeps(running(20, { reason: "news" }), start)).toBe(false);
  });

  it("is written at once where none was before", () => {
    const first = written(aRunningState(50, { stage: "analysing", checkAt: start + intervalMs }));
    expect(keeps(running(20), start, first)).toBe(false);
  });

  it("is nothing any more where someone else has written the status", () => {
    keeps(running(20), start);
    expect(known(written(running(15)))).toBe(15);
  });
});

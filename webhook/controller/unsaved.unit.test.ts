import { beforeEach, describe, expect, it } from "vitest";
import { noBlocks } from "../../shared/core/analysis/sequential-test.ts";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryState, Comparison, MeasuredShare } from "../../shared/core/state.ts";
import { parseStatus, printStatus } from "../../shared/canary-status.ts";
import { aCheck, aPolicy, aRunningState, aSpec, someCounts, start } from "../../test/builders.ts";
import { optional } from "../../shared/core/format/compact.ts";
import { sortedJson } from "../../shared/core/format/sorted-json.ts";
import { play, type Turn } from "../../test/simulation/play.ts";
import { scripts } from "../../test/simulation/scripts.ts";
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

describe("the numbers of a run that waits", () => {
  let unsaved = new UnsavedEvidence();
  const waiting = (primary: number, over: Partial<CanaryState> = {}): CanaryState => {
    const reason = `No user request has reached the canary at weight 50, while the primary got ${primary}.`;
    const checks = [aCheck({ outcome: "no-evidence", requests: primary })];
    const run = { stage: "analysing", wait: "unreached", waitSince: start, checkAt: start + primary } as const;
    return aRunningState(50, run, { reason, reasonCode: "unreached", checks, ...over });
  };
  const canary = written(waiting(10));
  const keeps = (next: CanaryState): boolean =>
    unsaved.keeps(canary, { status: statusOf(next), next, now: start, intervalMs });

  beforeEach(() => (unsaved = new UnsavedEvidence()));

  it("are no news, in words neither, and the next look goes on from them", () => {
    const next = waiting(20);
    expect(keeps(next)).toBe(true);
    expect(unsaved.restore(canary, parseStatus(canary))).toMatchObject({
      ...{ reason: next.reason, checks: next.checks },
      run: { checkAt: start + 20 },
    });
  });

  it("are written with another finding, and with another cause", () => {
    expect(keeps(waiting(20, { checks: [aCheck({ outcome: "fail" })] }))).toBe(false);
    expect(keeps(waiting(20, { reasonCode: "obstacle" }))).toBe(false);
  });

  it("are news where it does not wait: so many pods are ready", () => {
    const scaling = (ready: number): CanaryState =>
      aRunningState(0, { stage: "scaling" }, { reason: `Waiting for 4 ready canary pods: ${ready} so far.` });
    const of = written(scaling(1));
    const next = scaling(2);
    expect(unsaved.keeps(of, { status: statusOf(next), next, now: start, intervalMs })).toBe(false);
  });
});

/** A whole run as it is saved: how long it waited, what was written meanwhile, and what would have been forgotten. */
class Saving {
  private readonly unsaved = new UnsavedEvidence();
  private canary = written(aRunningState(0));
  private last: { now: number; wait?: string } = { now: start };
  waitedMs = 0;
  writes = 0;
  forgotten = 0;

  private print(state: CanaryState, now: number): NonNullable<Canary["status"]> {
    return printStatus(state, { generation: 1, steps: 10, now, ...optional("previous", this.canary.status) });
  }

  look({ seen: { now }, decision: { state, actions } }: Turn, everyMs: number): void {
    const { canary } = this;
    const wait = state.run?.wait;
    const isWaiting = wait !== undefined && wait === this.last.wait && actions.length === 0;
    if (isWaiting) this.waitedMs += now - this.last.now;
    this.last = { now, ...optional("wait", wait) };
    const status = this.print(state, now);
    if (sortedJson(status) === sortedJson({ ...canary.status })) return;
    if (this.unsaved.keeps(canary, { status, next: state, now, intervalMs: everyMs })) {
      const again = this.print(this.unsaved.restore(canary, parseStatus(canary)), now);
      if (sortedJson(again) !== sortedJson(status)) this.forgotten += 1;
      return;
    }
    this.canary = { ...canary, status };
    if (isWaiting) this.writes += 1;
  }
}

describe("a run that waits", () => {
  const names = ["not-reached", "never-reached", "prometheus-down", "a-b-nobody-matches", "pause-timed-deserted"];

  it.each(names)("is written at most once a check, and nothing that it learns is forgotten (%s)", (name) => {
    const script = scripts[name]!;
    const saving = new Saving();
    const { intervalMs: everyMs } = aPolicy(script.policy);
    for (const entry of play(script).turns) if (entry.kind === "turn") saving.look(entry.turn, everyMs);
    expect(saving.waitedMs).toBeGreaterThan(4 * everyMs);
    expect(saving.writes).toBeLessThanOrEqual(saving.waitedMs / everyMs);
    expect(saving.forgotten).toBe(0);
  });
});

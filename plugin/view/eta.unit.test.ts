import { describe, expect, it } from "vitest";
import type { RunStatus } from "../../shared/core/objects/canary-status.ts";
import { aCanary, aRun, aStatus, ago, now } from "../../test/plugin/fixtures/seen.ts";
import { viewEta, type EtaView } from "./eta.ts";

function eta(over: Partial<RunStatus>): EtaView | null {
  return viewEta(aCanary(aStatus({ run: { ...aRun, ...over } })), now);
}

describe("when a run may be promoted", () => {
  it("is the check of this step and an interval for each that follows", () =>
    expect(eta({ step: 7, checkAt: ago(-4) })?.earliestAt).toBe(ago(-24)));

  it("is never in the past, however late the check is", () =>
    expect(eta({ step: 9, checkAt: ago(30) })?.earliestAt).toBe(ago(0)));

  it("counts a whole interval for a step whose pods are still awaited", () =>
    expect(eta({ stage: "scaling", step: 9 })?.earliestAt).toBe(ago(-10)));

  it("is later at the rate of the steps that are over, where those took longer than they must", () => {
    expect(eta({ step: 4, startedAt: ago(105), stageAt: ago(5), checkAt: ago(-5) })).toEqual({
      earliestAt: ago(-55),
      atThisRateAt: ago(-145),
    });
    expect(eta({ step: 4, startedAt: ago(46), stageAt: ago(5), checkAt: ago(-5) })?.atThisRateAt).toBeNull();
    expect(eta({ step: 0, startedAt: ago(300) })?.atThisRateAt).toBeNull();
  });

  it.each<[string, Partial<RunStatus>]>([
    ["ends", { ending: { outcome: "rejected", cause: "it failed" } }],
    ["is paused", { paused: { by: "alice", at: ago(3) } }],
    ["waits for a person", { hold: "client-errors" }],
    ["has a weight that was lowered by hand", { ceiling: 5 }],
    ["is being promoted", { stage: "promoting" }],
  ])("is not said of one that %s", (_what, over) => expect(eta(over)).toBeNull());
});

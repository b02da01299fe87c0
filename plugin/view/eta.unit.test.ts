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

  describe("where its Canary gives steps more time", () => {
    const paused = (over: Partial<RunStatus>): EtaView | null => {
      const canary = aCanary(aStatus({ run: { ...aRun, ...over } }));
      const pauses = [{ weight: 90, duration: "30m" }, { weight: 100 }];
      return viewEta({ ...canary, spec: { ...canary.spec, analysis: { ...canary.spec.analysis, pauses } } }, now);
    };

    it("counts that of a step to come", () =>
      expect(paused({ step: 7, checkAt: ago(-4) })?.earliestAt).toBe(ago(-4 - 1_800 - 10)));

    it("counts what is left of the present one's, while it waits for it and before", () => {
      const present = { step: 8, stageAt: ago(600), checkAt: ago(-4) } as const;
      expect(paused(present)?.earliestAt).toBe(ago(-1_200 - 10));
      const gate = { type: "pause", name: "90", since: ago(590), askAt: ago(0), until: ago(-1_200) } as const;
      expect(paused({ ...present, hold: "timed-pause", gate })?.earliestAt).toBe(ago(-1_200 - 10));
    });

    it("counts it once for the iterations of an A/B test, which have one weight", () => {
      const canary = aCanary(aStatus({ run: { ...aRun, step: 0, steps: 4, checkAt: ago(-4), stageAt: ago(6) } }));
      const { stepWeight: _, maxWeight: __, ...judged } = canary.spec.analysis;
      const match = [{ headers: { "x-who": { exact: "us" } } }];
      const analysis = { ...judged, iterations: 4, match, pauses: [{ weight: 100, duration: "30m" }] };
      const at = (run: Partial<RunStatus>): string | undefined => {
        const status = { ...canary.status!, run: { ...canary.status!.run!, ...run } };
        return viewEta({ ...canary, spec: { ...canary.spec, analysis }, status }, now)?.earliestAt;
      };
      expect(at({})).toBe(ago(-4 - 20 - 1_800));
      expect(at({ stage: "scaling", step: 1 })).toBe(ago(-20 - 1_800));
      expect(at({ step: 3 })).toBe(ago(6 - 1_800));
      expect(at({ step: 3, passed: ["pause/100"] })).toBe(ago(-4));
    });

    it("counts none that somebody has ended", () =>
      expect(paused({ step: 8, stageAt: ago(600), checkAt: ago(-4), passed: ["pause/90"] })?.earliestAt).toBe(
        ago(-14),
      ));
  });

  it.each<[string, Partial<RunStatus>]>([
    ["ends", { ending: { outcome: "rejected", cause: "it failed" } }],
    ["is paused", { paused: { by: "alice", at: ago(3) } }],
    ["waits for a person", { hold: "client-errors" }],
    ["has a weight that was lowered by hand", { ceiling: 5 }],
    ["is being promoted", { stage: "promoting" }],
  ])("is not said of one that %s", (_what, over) => expect(eta(over)).toBeNull());
});

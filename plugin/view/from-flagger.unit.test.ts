import { describe, expect, it } from "vitest";
import { aLease, now, scope, seenWith } from "../../test/plugin/fixtures/seen.ts";
import { viewCanary } from "./canary-view.ts";

const migrate = "kubectl canary migrate podinfo -n test";

describe("a Canary of Flagger's", () => {
  it("is to be migrated where its clone is in the way", () => {
    const blocked = {
      kind: "obstacle" as const,
      code: "flagger-primary",
      what: "Deployment podinfo-primary is there.",
    };
    const { advice } = viewCanary(seenWith({ blocked, phase: "Initializing" }, { lease: aLease(2) }), scope, now);
    expect(advice).toEqual([{ command: migrate, effect: "take it over from Flagger without a failed request" }]);
  });

  it("is said to be left to it before all else", () => {
    const seen = seenWith({}, { lease: aLease(2) });
    const annotations = { "kubectl-canary.io/left-to": "flagger" };
    const canary = { ...seen.canary, metadata: { ...seen.canary.metadata, annotations } };
    const { advice, verdict } = viewCanary({ ...seen, canary }, scope, now);
    expect(verdict.text).toBe("left to Flagger: nothing is held, judged or kept for it here");
    expect(advice.map(({ command }) => command)).toEqual([migrate]);
  });
});

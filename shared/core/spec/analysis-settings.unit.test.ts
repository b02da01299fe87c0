import { describe, expect, it } from "vitest";
import type { AnalysisSpec } from "../objects/canary.ts";
import { checkJudging, judgingOf } from "./analysis-settings.ts";

function faultsOf(analysis: AnalysisSpec): string {
  const faults: string[] = [];
  checkJudging(analysis, (path, message) => faults.push(`${path}: ${message}`));
  return faults.join("\n");
}

const success = (limits: object): AnalysisSpec => ({ metrics: [{ name: "request-success-rate", ...limits }] });

describe("how evidence is weighed", () => {
  it("is by one request, a hold of 30 minutes and a comparison within the limits when a Canary says nothing", () => {
    expect(judgingOf(success({ thresholdRange: { min: 99 } }))).toEqual({
      countsRequests: true,
      minRequests: 1,
      warmupMs: 0,
      noEvidence: { policy: "hold", deadlineMs: 1_800_000 },
      cannotAskDeadlineMs: 1_800_000,
      comparison: {
        mode: "withinLimits",
        alpha: 0.01,
        marginPercent: 1,
        clientErrors: { action: "hold", marginPercent: 5 },
      },
    });
  });

  it("is as the Canary says", () => {
    const analysis: AnalysisSpec = {
      minRequests: 200,
      noEvidence: { policy: "pass", deadline: "2h" },
      cannotAsk: { deadline: "90s" },
      comparison: {
        mode: "always",
        alpha: 0.05,
        marginPercent: 0,
        clientErrors: "rollback",
        clientErrorsMarginPercent: 2,
      },
      metrics: [{ name: "request-duration", thresholdRange: { max: 450 } }],
    };
    expect(judgingOf(analysis)).toEqual({
      countsRequests: true,
      minRequests: 200,
      warmupMs: 0,
      noEvidence: { policy: "pass", deadlineMs: 7_200_000 },
      cannotAskDeadlineMs: 90_000,
      comparison: {
        mode: "always",
        alpha: 0.05,
        marginPercent: 0,
        clientErrors: { action: "rollback", marginPercent: 2 },
        slow: { maxMs: 450, boundMs: 500 },
      },
    });
    expect(faultsOf(analysis)).toBe("");
  });
});

describe("a Canary whose requests are not counted", () => {
  it("compares nothing", () => {
    const { countsRequests, comparison } = judgingOf({ requests: "none" });
    expect({ countsRequests, comparison }).toEqual({ countsRequests: false, comparison: { mode: "off", alpha: 0.01 } });
  });

  it.each<[string, AnalysisSpec, string]>([
    ["a metric of requests", success({ threshold: 99 }), `metrics[0]: "request-success-rate" counts requests`],
    ["minRequests", { minRequests: 5 }, "minRequests: is about requests"],
    ["warmup", { warmup: "30s" }, "warmup: is about requests"],
    ["a comparison", { comparison: { alpha: 0.1 } }, "comparison: is about requests"],
    ["a match", { match: [{}] }, "match: is about requests"],
    ["a session", { sessionAffinity: {} }, "sessionAffinity: is about requests"],
    ["a preview", { preview: { header: { name: "x-canary", value: "me" } } }, "preview: is about requests"],
  ])("is refused with %s, which would be ignored", (_what, analysis, fault) => {
    expect(faultsOf({ ...analysis, requests: "none" })).toContain(`spec.analysis.${fault}`);
    expect(faultsOf(analysis)).toBe("");
  });

  it("may say that nothing is compared, and has queries of its own", () => {
    const metrics = [{ name: "lag", query: "x", thresholdRange: { max: 5 } }];
    expect(faultsOf({ requests: "none", comparison: { mode: "off" }, metrics })).toBe("");
    expect(faultsOf({ requests: "some" as "none" })).toContain(`"some" is none of counted, none`);
  });
});

it("compares no client errors where the Canary says so", () =>
  expect(judgingOf({ comparison: { clientErrors: "off" } }).comparison.clientErrors).toBeUndefined());

describe("the margin of the comparison", () => {
  it.each<[string, AnalysisSpec, number | undefined]>([
    ["the room below thresholdRange.min", success({ thresholdRange: { min: 95 } }), 5],
    ["the room below the deprecated threshold", success({ threshold: 98 }), 2],
    ["5 where the range has only a maximum", success({ thresholdRange: { max: 100 }, threshold: 98 }), 5],
    ["5 without a success limit", { metrics: [{ name: "request-duration", threshold: 500 }] }, 5],
    ["5 where the success rate is a query of the user's", success({ query: "x", threshold: 9 }), 5],
    ["what the Canary says where it has no limit", { comparison: { marginPercent: 1 } }, 1],
    ["never less than that room", { ...success({ threshold: 98 }), comparison: { marginPercent: 0 } }, 2],
    [
      "less if the Canary asks always",
      { ...success({ threshold: 98 }), comparison: { mode: "always", marginPercent: 0 } },
      0,
    ],
    ["never above all requests", success({ threshold: -5 }), 100],
  ])("is %s", (_what, analysis, margin) => expect(judgingOf(analysis).comparison.marginPercent).toBe(margin));
});

describe("faults of judging", () => {
  it.each<[string, AnalysisSpec, string]>([
    ["no requests at all", { minRequests: 0 }, "spec.analysis.minRequests: 0 is not a whole number"],
    ["half a request", { minRequests: 1.5 }, "1.5 is not a whole number"],
    ["a deadline that is none", { noEvidence: { deadline: "soon" } }, 'noEvidence.deadline: "soon" is not a duration'],
    ["a deadline of no time", { cannotAsk: { deadline: "0m" } }, 'cannotAsk.deadline: "0m" is below 1s'],
    ["an unknown policy", { noEvidence: { policy: "guess" as "hold" } }, '"guess" is none of hold, fail, pass'],
    ["a warm-up that is no time", { warmup: "soon" }, 'warmup: "soon" is not a duration'],
    ["a warm-up of an hour", { warmup: "1h" }, 'warmup: "1h" is above 10m'],
    [
      "a warm-up that outlasts its hold",
      { warmup: "2m", noEvidence: { deadline: "1m" } },
      "does not end before noEvidence.deadline",
    ],
    [
      "a query over a time that no run is given",
      { metrics: [{ name: "own", query: "up", interval: "1h", threshold: 1 }] },
      'spec.analysis.metrics[0].interval: "1h" is above noEvidence.deadline: until then it holds time from before the run, and the run is given up. Set noEvidence.deadline above it',
    ],
    ["an unknown mode", { comparison: { mode: "on" as "off" } }, '"on" is none of off'],
    [
      "client errors that are nothing",
      { comparison: { clientErrors: "on" as "off" } },
      '"on" is none of hold, rollback',
    ],
    [
      "a margin below nothing",
      { comparison: { clientErrorsMarginPercent: -1 } },
      "clientErrorsMarginPercent: -1 is not a percentage",
    ],
    ["an alpha that is none", { comparison: { alpha: 1 } }, "1 is not above 0 and at most 0.5"],
    ["a margin of everything", { comparison: { marginPercent: 100 } }, "100 is not a percentage"],
    ["always, with nothing to say by how much", { comparison: { mode: "always" } }, "marginPercent: is needed"],
  ])("are told: %s", (_what, analysis, words) => expect(faultsOf(analysis)).toContain(words));
});

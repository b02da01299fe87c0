import { describe, expect, it } from "vitest";
import { aSpec } from "../../../test/builders.ts";
import type { AnalysisSpec } from "../objects/canary.ts";
import { formatErrors, parsePolicy } from "./policy.ts";
import { strategyOf, weightsOf } from "./strategy.ts";

describe("weights", () => {
  it.each([
    [{ stepWeight: 20, maxWeight: 50 }, [20, 40, 50]],
    [{ stepWeight: 50 }, [50, 100]],
    [{ stepWeight: 100 }, [100]],
    [{ stepWeight: 60, maxWeight: 30 }, [30]],
    [{ stepWeights: [1, 2, 10, 80] }, [1, 2, 10, 80]],
  ])("of %j are %j: they rise and never pass the limit", (analysis, weights) =>
    expect(weightsOf(analysis)).toEqual(weights),
  );

  it.each([
    { stepWeight: 1, maxWeight: 1_000_000 },
    { stepWeight: 1, maxWeight: 100.5 },
    { stepWeight: 1_000_001, maxWeight: 2_000_000 },
  ])("of %j are refused, and none is made of them", (analysis) => {
    expect(weightsOf(analysis)).toEqual([]);
    expect(parsePolicy({ ...aSpec(), analysis: { interval: "1m", threshold: 1, ...analysis } }).ok).toBe(false);
  });
});

const { stepWeight: _byWeight, maxWeight: _to, ...tutorial } = aSpec().analysis;

describe("iterations", () => {
  it("are as many checks before any user, and then all users at once", () => {
    expect(strategyOf({ iterations: 3 })).toEqual({ strategy: { kind: "blue-green" }, weights: [0, 0, 0, 100] });
    expect(parsePolicy({ ...aSpec(), analysis: { ...tutorial, iterations: 3 } }).ok).toBe(true);
  });

  it.each([0, -1, 2.5, 1_001, "3" as unknown as number])("that are %s are refused", (iterations) => {
    const analysis: AnalysisSpec = { ...tutorial, iterations };
    const parsed = parsePolicy({ ...aSpec(), analysis });
    expect(parsed.ok ? "" : formatErrors(parsed.errors)).toContain("is not a whole number of checks from 1 to 1000");
  });
});

const faultsOf = (analysis: AnalysisSpec): string => {
  const parsed = parsePolicy({ ...aSpec(), analysis: { ...tutorial, ...analysis } });
  return parsed.ok ? "" : formatErrors(parsed.errors);
};

describe("a match", () => {
  it("is as many checks of those who match, whose conditions are the route's", () => {
    const match = [
      { headers: { "x-canary": { exact: "insider" }, cookie: { regex: "^(.*;)?(canary=always)(;.*)?$" } } },
      { headers: { "user-agent": { prefix: "curl/8." } }, queryParams: { beta: { suffix: "yes" } } },
    ];
    const { strategy, weights } = strategyOf({ iterations: 2, match });
    expect(weights).toEqual([100, 100]);
    expect(strategy).toEqual({
      kind: "ab-testing",
      matches: [
        {
          headers: [
            { name: "cookie", type: "RegularExpression", value: "^(.*;)?(canary=always)(;.*)?$" },
            { name: "x-canary", type: "Exact", value: "insider" },
          ],
        },
        {
          headers: [{ name: "user-agent", type: "RegularExpression", value: "^curl/8\\..*$" }],
          queryParams: [{ name: "beta", type: "RegularExpression", value: "^.*yes$" }],
        },
      ],
    });
  });

  const header = { headers: { "x-canary": { exact: "yes" } } };
  it.each<[string, AnalysisSpec, string]>([
    [
      "labels of the caller",
      { iterations: 2, match: [{ sourceLabels: { app: "web" } }] },
      "Linkerd's routes do not know a caller's labels",
    ],
    ["nothing", { iterations: 2, match: [{}] }, "it would match every request"],
    [
      "a header twice, in other letters",
      { iterations: 2, match: [{ headers: { "X-Team": { exact: "web" }, "x-team": { regex: "^beta" } } }] },
      'names the header "x-team" twice',
    ],
    [
      "two ways at once",
      { iterations: 2, match: [{ headers: { a: { exact: "b", regex: "c" } } }] },
      "has exact and regex",
    ],
    [
      "a name that is none",
      { iterations: 2, match: [{ headers: { "x y": { exact: "b" } } }] },
      "is no name of a header",
    ],
    ["too much", { iterations: 2, match: Array.from({ length: 9 }, () => header) }, "an HTTPRoute allows 8"],
    ["users of a weight", { stepWeight: 10, match: [header] }, "goes with iterations"],
  ])("of %s is refused", (_what, analysis, words) => expect(faultsOf(analysis)).toContain(words));
});

describe("a preview and session affinity", () => {
  it("are read with their defaults", () => {
    const preview = { header: { name: "x-canary", value: "mine" } };
    const sessionAffinity = { cookieName: "track", secure: true, sameSite: "Lax" as const };
    expect(strategyOf({ stepWeight: 50, preview, sessionAffinity })).toMatchObject({
      preview: { headers: [{ name: "x-canary", type: "Exact", value: "mine" }] },
      affinity: {
        cookieName: "track",
        primaryCookieName: "track-primary",
        attributes: "; Max-Age=86400; SameSite=Lax; Secure",
      },
    });
    const unnamed = { ...sessionAffinity, primaryCookieName: "" };
    expect(faultsOf({ stepWeight: 50, sessionAffinity: unnamed })).toBe("");
    expect(strategyOf({ sessionAffinity: unnamed }).affinity?.primaryCookieName).toBe("track-primary");
  });

  it.each<[string, AnalysisSpec, string]>([
    ["a preview without a value", { stepWeight: 10, preview: { header: { name: "x" } } }, "needs a name and a value"],
    ["a cookie that is none", { stepWeight: 10, sessionAffinity: { cookieName: "a b" } }, "is no name of a cookie"],
    [
      "one cookie for both",
      { stepWeight: 10, sessionAffinity: { cookieName: "a", primaryCookieName: "a" } },
      "each track needs a cookie of its own",
    ],
    [
      "a domain with more in it",
      { stepWeight: 10, sessionAffinity: { cookieName: "a", domain: "x; Secure" } },
      "cannot stand in a cookie",
    ],
    [
      "a cookie of no time",
      { stepWeight: 10, sessionAffinity: { cookieName: "a", maxAge: 0 } },
      "whole number of seconds",
    ],
    [
      "a cookie that browsers refuse",
      { stepWeight: 10, sessionAffinity: { cookieName: "a", sameSite: "None" } },
      "sameSite None is taken by browsers with secure: true alone",
    ],
    [
      "a partitioned one too",
      { stepWeight: 10, sessionAffinity: { cookieName: "a", partitioned: true } },
      "partitioned is taken by browsers with secure: true alone",
    ],
    ["affinity by iterations", { iterations: 3, sessionAffinity: { cookieName: "a" } }, "goes with weights"],
  ])("are refused: %s", (_what, analysis, words) => expect(faultsOf(analysis)).toContain(words));
});

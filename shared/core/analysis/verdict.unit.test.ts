import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MetricSpec } from "../objects/canary.ts";
import type { CheckStatus, Outcome } from "../objects/canary-status.ts";
import { nobody, userRequests } from "./user-requests.ts";
import { decisive, verdict } from "./deciding.ts";
import { checkWords, haltWords, judge, type JudgePolicy, type Measurement } from "./verdict.ts";

const policy: JudgePolicy = { canary: "podinfo", namespace: "test", workload: "podinfo-canary", minRequests: 1 };
const successRate: MetricSpec = { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" };
const duration: MetricSpec = { name: "request-duration", thresholdRange: { max: 500 }, interval: "1m" };
const custom: MetricSpec = { name: "404s percentage", query: "x", thresholdRange: { max: 3 } };

function measured(values: number[], more: Partial<Measurement> = {}): Measurement {
  return { windowSeconds: 60, query: "q", at: "2026-01-01T00:00:00Z", requests: 512, answer: { values }, ...more };
}

function one(spec: MetricSpec, measurement: Measurement, of: JudgePolicy = policy): CheckStatus {
  return judge([spec], [measurement], of)[0]!;
}

describe("a check that fails speaks Flagger's words", () => {
  const high = (name: string, max: number): MetricSpec => ({ ...custom, name, thresholdRange: { max } });
  test.each([
    [successRate, 91.2, "Halt podinfo.test advancement success rate 91.20% < 99%"],
    [{ ...successRate, thresholdRange: { min: 99.5 } }, 0, "Halt podinfo.test advancement success rate 0.00% < 99.5%"],
    [{ ...successRate, thresholdRange: { max: 50 } }, 60, "Halt podinfo.test advancement success rate 60.00% > 50%"],
    [duration, 1200.4, "Halt podinfo.test advancement request duration 1.2s > 500ms"],
    [{ ...duration, thresholdRange: { min: 10 } }, 4, "Halt podinfo.test advancement request duration 4ms < 10ms"],
    [custom, 6.2, "Halt podinfo.test advancement 404s percentage 6.20 > 3"],
    [high("queue", 1e6), 2e6, "Halt podinfo.test advancement queue 2000000.00 > 1e+06"],
  ])("%j with %d", (spec, value, message) => {
    expect(one(spec, measured([value]))).toMatchObject({ outcome: "fail", message, value });
  });

  test("and never reads as if it were equal to the limit that it broke", () => {
    expect(one(successRate, measured([98.9991])).message).toContain("98.9991% < 99%");
    expect(one(duration, measured([500.3])).message).toContain("500.3ms > 500ms");
    expect(one(duration, measured([500.7])).message).toContain("501ms > 500ms");
  });

  test("rounds milliseconds, and has none of 0 where something was measured", () => {
    expect(one(duration, measured([19.6])).message).toContain("request duration 20ms over");
    expect(one(duration, measured([0.04])).message).toContain("request duration <1ms over");
  });

  test("says who counted what the pods alone cannot know", () => {
    const of = userRequests({
      callers: { ...nobody, answered: 13, unanswered: 21 },
      pods: { ...nobody, answered: 13 },
      unmeshed: nobody,
      retried: 0,
    });
    expect(one(successRate, { ...measured([38.24]), of }).message).toBe(
      "Halt podinfo.test advancement success rate 38.24% < 99% (21 of 34 requests never answered, by its callers and its pods)",
    );
    expect(one({ ...successRate, query: "x" }, { ...measured([38.24]), of }).message).not.toContain("callers");
  });
});

describe("limits", () => {
  test("are inclusive at both ends", () => {
    const range: MetricSpec = { ...custom, thresholdRange: { min: 1, max: 3 } };
    const outcomes = [0.999, 1, 3, 3.001].map((value) => one(range, measured([value])).outcome);
    expect(outcomes).toEqual(["fail", "pass", "pass", "fail"]);
  });

  test("in the deprecated form are a minimum for the success rate and a maximum for everything else", () => {
    const old = (spec: MetricSpec, threshold: number): MetricSpec => ({
      name: spec.name,
      ...(spec.query === undefined ? {} : { query: spec.query }),
      threshold,
    });
    expect(one(old(successRate, 99), measured([98]))).toMatchObject({ outcome: "fail", min: 99 });
    expect(one(old(duration, 500), measured([501]))).toMatchObject({ outcome: "fail", max: 500 });
    expect(one(old(custom, 0), measured([0.1]))).toMatchObject({ outcome: "fail", max: 0 });
    expect(one(old(duration, 500), measured([500]))).toMatchObject({ outcome: "pass" });
  });

  test("that are missing make a metric that cannot be judged, neither good nor bad", () => {
    const check = one({ name: "request-duration" }, measured([10]));
    expect(check).toMatchObject({ outcome: "cannot-ask", message: expect.stringContaining("has no limit") as string });
  });

  test("that are kept are said with value, window and number of requests", () => {
    const { outcome, message, value, min, requests, unit } = one(successRate, measured([99.8]));
    expect(message).toBe("success rate 99.80% over 60s and 512 requests keeps its limit of at least 99%.");
    expect({ outcome, value, min, requests, unit }).toEqual({
      outcome: "pass",
      value: 99.8,
      min: 99,
      requests: 512,
      unit: "percent",
    });
  });
});

describe("no evidence", () => {
  test.each<[string, MetricSpec, Measurement, [string, string]]>([
    [
      "no request",
      successRate,
      measured([], { requests: 0 }),
      ["no user's request reached podinfo-canary in 60s", "no-requests"],
    ],
    [
      "a perfect value without requests",
      successRate,
      measured([100], { requests: 0 }),
      ["no user's request", "no-requests"],
    ],
    ["a custom value without requests", custom, measured([0], { requests: 0 }), ["no user's request", "no-requests"]],
    ["an unknown number of requests", custom, measured([0], { requests: null }), ["no user's request", "no-requests"]],
    ["no series", custom, measured([]), ["returned no series", "no-series"]],
    ["several series", custom, measured([1, 2, 3]), ["returned 3 series; make it one", "several-series"]],
    ["NaN", custom, measured([NaN]), ["returned NaN, which is no measurement", "not-a-number"]],
    ["infinity", custom, measured([Infinity]), ["returned +Inf", "not-a-number"]],
    ["a window from before the run", custom, measured([9], { tooYoung: "wait 12s" }), ["wait 12s", "window-too-young"]],
  ])("is what %s gives", (_, spec, measurement, [why, code]) => {
    const check = one(spec, measurement);
    expect(check).toMatchObject({ outcome: "no-evidence", code, value: null });
    expect(check.message).toBe(haltWords("podinfo.test", checkWords(check)));
    expect(check.message).toContain(`Halt podinfo.test advancement no values found for ${spec.name}: `);
    expect(check.message).toContain(why);
  });

  test("is what three requests give where twenty are asked for", () => {
    const check = one(successRate, measured([0], { requests: 3 }), { ...policy, minRequests: 20 });
    expect(check.outcome).toBe("no-evidence");
    expect(check.message).toContain("only 3 requests of the 20 needed came in 60s");
  });
});

test("a Prometheus that cannot be asked is no verdict, and its own words are kept", () => {
  const check = one(successRate, measured([], { answer: { error: "Prometheus answered 403", code: "unauthorized" } }));
  expect(check).toMatchObject({ outcome: "cannot-ask", code: "unauthorized", value: null });
  expect(check.message).toBe(
    "Halt podinfo.test advancement cannot ask for request-success-rate: Prometheus answered 403",
  );
});

describe("a Canary without metrics", () => {
  test("passes on the strength of users' requests", () => {
    const [check] = judge([], [measured([], { requests: 7 })], policy);
    expect(check).toMatchObject({ metric: "requests", outcome: "pass", value: 7, min: 1 });
  });

  test("does not pass without them, nor when nothing was measured", () => {
    expect(judge([], [measured([], { requests: 0 })], policy)[0]!.outcome).toBe("no-evidence");
    expect(judge([], [], policy)[0]!.outcome).toBe("cannot-ask");
  });
});

describe("a metric that is counted by itself", () => {
  const dry = { ...duration, dryRun: true };

  test("says so in its check", () => {
    expect(one({ ...duration, failureLimit: 2 }, measured([1]))).toMatchObject({ outcome: "pass", failureLimit: 2 });
    expect(one(successRate, measured([100]))).not.toHaveProperty("dryRun");
  });

  test("decides nothing as a dry run: without any other, users must reach the canary as without metrics", () => {
    const checks = judge([dry], [measured([900]), measured([], { requests: 7 })], policy);
    expect(checks).toMatchObject([
      { metric: "requests", outcome: "pass" },
      { outcome: "fail", dryRun: true },
    ]);
    expect(verdict(checks)).toBe("pass");
    expect(verdict(judge([dry], [measured([1]), measured([], { requests: 0 })], policy))).toBe("no-evidence");
    expect(judge([dry, successRate], [measured([900]), measured([100])], policy)).toHaveLength(2);
    expect(judge([dry], [measured([1])], { ...policy, isUncounted: true })).toHaveLength(1);
  });
});

describe("the verdict of a list", () => {
  const checks = (...outcomes: Outcome[]): CheckStatus[] =>
    outcomes.map((outcome) => ({ ...one(successRate, measured([100])), outcome }));

  test("is the gravest of its outcomes", () => {
    expect(verdict(checks("pass", "no-evidence", "cannot-ask", "fail"))).toBe("fail");
    expect(verdict(checks("pass", "no-evidence", "cannot-ask"))).toBe("cannot-ask");
    expect(verdict(checks("no-evidence", "pass"))).toBe("no-evidence");
    expect(verdict(checks("pass", "pass"))).toBe("pass");
  });

  test("of nothing is no evidence", () => expect(verdict([])).toBe("no-evidence"));

  test("is explained by the first check that has it", () => {
    const list = checks("pass", "fail", "fail");
    expect(decisive(list)).toBe(list[1]);
  });
});

describe("whatever comes back", () => {
  const anyNumber = fc.oneof(fc.double(), fc.constantFrom(NaN, Infinity, -Infinity, -0));
  const anySpec = fc.constantFrom(successRate, duration, custom);
  const anyRequests = fc.oneof(fc.constant(null), fc.double(), fc.integer({ min: -5, max: 1000 }));

  test("only one finite value within its limits, with enough requests, ever passes", () => {
    fc.assert(
      fc.property(
        anySpec,
        fc.array(anyNumber, { maxLength: 3 }),
        anyRequests,
        fc.integer({ min: 0, max: 50 }),
        (...of) => {
          const [spec, values, requests, minRequests] = of;
          const check = one(spec, measured(values, { requests }), { ...policy, minRequests });
          const enough = requests !== null && requests >= Math.max(1, minRequests);
          const range = spec.thresholdRange!;
          const within = values[0]! >= (range.min ?? -Infinity) && values[0]! <= (range.max ?? Infinity);
          const sound = enough && values.length === 1 && Number.isFinite(values[0]);
          expect(check.outcome).toBe(sound ? (within ? "pass" : "fail") : "no-evidence");
          if (!sound) expect(check.value).toBeNull();
        },
      ),
    );
  });

  test("every check has one sentence, and JSON can hold it", () => {
    fc.assert(
      fc.property(anySpec, anyNumber, (spec, value) => {
        const check = one(spec, measured([value]));
        expect(check.message).not.toMatch(/\n|undefined|\[object/);
        expect(JSON.parse(JSON.stringify(check))).toEqual(check);
      }),
    );
  });
});

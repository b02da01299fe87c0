import { describe, expect, it } from "vitest";
import { aSpec } from "../../../test/builders.ts";
import type { AnalysisSpec, PauseSpec, WebhookSpec } from "../objects/canary.ts";
import { hooksOf } from "./hooks.ts";
import { formatErrors, parsePolicy } from "./policy.ts";

const url = "http://loadtester.test/";

function faultsOf(analysis: Partial<AnalysisSpec>): string {
  const spec = aSpec();
  const parsed = parsePolicy({ ...spec, analysis: { ...spec.analysis, ...analysis } });
  return parsed.ok ? "" : formatErrors(parsed.errors);
}

const webhook = (over: Partial<WebhookSpec>): Partial<AnalysisSpec> => ({ webhooks: [{ name: "qa", url, ...over }] });
const pause = (over: Partial<PauseSpec>): Partial<AnalysisSpec> => ({ pauses: [{ weight: 50, ...over }] });

describe("a webhook", () => {
  it("has Flagger's defaults: a check of the analysis, ten seconds, no second attempt", () => {
    expect(hooksOf(webhook({})).hooks).toEqual([
      {
        key: "rollout/qa",
        name: "qa",
        type: "rollout",
        url,
        timeoutMs: 10_000,
        retries: 0,
        skipsVerify: false,
        isMuted: false,
        metadata: {},
      },
    ]);
    expect(hooksOf(webhook({ type: "" })).hooks[0]?.type).toBe("rollout");
  });

  it("is as the Canary writes it", () => {
    const given = { type: "pre-rollout", timeout: "1m30s", retries: 3, disableTLS: true, muteAlert: true } as const;
    expect(hooksOf(webhook({ ...given, metadata: { cmd: "hey" } })).hooks[0]).toMatchObject({
      key: "pre-rollout/qa",
      timeoutMs: 90_000,
      retries: 3,
      skipsVerify: true,
      isMuted: true,
      metadata: { cmd: "hey" },
    });
  });

  it("of the same type and name as another has a key of its own", () => {
    const { hooks } = hooksOf({
      webhooks: [
        { name: "qa", url },
        { name: "qa", url },
        { name: "qa", url, type: "event" },
      ],
    });
    expect(hooks.map(({ key }) => key)).toEqual(["rollout/qa", "rollout/qa#2", "event/qa"]);
  });

  it.each<[string, Partial<WebhookSpec>, RegExp]>([
    ["without a name", { name: "" }, /webhooks\[0\]\.name: is required/],
    ["without an address", { url: "" }, /webhooks\[0\]\.url: is not a URL/],
    ["that is no http address", { url: "file:///etc/passwd" }, /webhooks\[0\]\.url: is not a URL/],
    ["of no type", { type: "confirm" }, /"confirm" is none of confirm-rollout, pre-rollout/],
    ["with a timeout that is none", { timeout: "soon" }, /"soon" is not a duration/],
    ["with a timeout that is too short", { timeout: "0s" }, /"0s" is below 1s/],
    ["with a timeout that is too long", { timeout: "2h" }, /"2h" is above 1h: let the server answer at once/],
    ["with half an attempt", { retries: 0.5 }, /0.5 is not a whole number from 0 to 10/],
    ["with endless attempts", { retries: 1_000 }, /1000 is not a whole number from 0 to 10/],
  ])("%s is refused", (_, over, words) => {
    expect(faultsOf(webhook(over))).toMatch(words);
  });
});

describe("a pause", () => {
  it("lasts as long as it says, or until a person resumes", () => {
    expect(hooksOf({ pauses: [{ weight: 10, duration: "10m" }, { weight: 50 }] }).pauses).toEqual([
      { weight: 10, durationMs: 600_000 },
      { weight: 50 },
    ]);
  });

  it.each([0, 10, 100])("may be at weight %i, which the steps have or which is before them", (weight) => {
    expect(faultsOf(pause({ weight }))).toBe("");
  });

  it.each<[string, Partial<PauseSpec>, RegExp]>([
    [
      "at a weight that no step has",
      { weight: 15 },
      /pauses\[0\]\.weight: 15 is the weight of no step: there are 0, 10, 20/,
    ],
    ["with a duration that is none", { duration: "a while" }, /"a while" is not a duration/],
    ["with a duration that is too short", { duration: "0m" }, /"0m" is below 1s/],
  ])("%s is refused", (_, over, words) => {
    expect(faultsOf(pause(over))).toMatch(words);
  });

  it("beside another at the same weight is refused: one of them would not be waited at", () => {
    const pauses = [{ weight: 10, duration: "5m" }, { weight: 50 }, { weight: 10 }];
    expect(faultsOf({ pauses })).toBe("spec.analysis.pauses[2].weight: 10 has a pause already: keep one of the two");
  });
});

import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { aState, start } from "../test/builders.ts";
import { anyState } from "../test/simulation/arbitraries.ts";
import { type Canary } from "./core/objects/canary.ts";
import { type CanaryStatus, phases } from "./core/objects/canary-status.ts";
import { parseStatus, printStatus, printUnreadable, UnreadableStatus } from "./canary-status.ts";

const canary = (status?: object): Canary => ({
  apiVersion: "flagger.app/v1beta1",
  kind: "Canary",
  metadata: {},
  spec: { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" }, analysis: {} },
  ...(status ? { status: status } : {}),
});
const context = { generation: 1, steps: 10, now: 1_795_420_800_000 };
const run = {
  id: "r-1",
  intent: "v1-x",
  images: { podinfod: "podinfo:2" },
  requestedBy: "alice",
  stage: "analysing",
  step: 3,
  startedAt: context.now - 60_000,
  stageAt: context.now - 5_000,
  checkAt: context.now + 5_000,
} as const;
const stored = { ...run, startedAt: "2026-01-01T00:00:00Z", stageAt: "2026-01-01T00:00:00Z" };

describe("a status", () => {
  it("is read as it was written, whatever the state", () => {
    const property = fc.property(anyState, (state) => {
      const wire = JSON.parse(JSON.stringify(printStatus(state, context))) as CanaryStatus;
      expect(parseStatus(canary(wire))).toEqual(state);
    });
    fc.assert(property, { numRuns: 300, seed: 20261123 });
  });

  it.each(phases)("in phase %j is read as it was written", (phase) => {
    const state = { ...aState(), phase, run, transitionAt: context.now };
    expect(parseStatus(canary(printStatus(state, context)))).toEqual(state);
  });

  it("that is absent is a fresh Canary's", () => {
    expect(parseStatus(canary())).toMatchObject({ phase: "", weight: 0, runs: 0 });
  });

  it.each([
    ["an unknown phase", { phase: "Dancing" }, /phase "Dancing" is unknown/],
    ["a weight that is none", { canaryWeight: 130 }, /130 is not a percentage/],
    ["a time that is none", { lastTransitionTime: "noon" }, /"noon" is not a time/],
    ["a stage that is none", { run: { ...stored, stage: "napping" } }, /"napping" is unknown/],
    [
      "an outcome that is none",
      { run: { ...stored, ending: { outcome: "mislaid", cause: "" } } },
      /"mislaid" is unknown/,
    ],
    ["a step that is none", { run: { ...stored, step: -1 } }, /run.step -1 is not a count/],
    ["a count that is none", { failedChecks: 0.5 }, /failedChecks 0.5 is not a count/],
  ])("with %s stops us instead of being guessed at", (_what, status, words) => {
    expect(() => parseStatus(canary(status))).toThrow(UnreadableStatus);
    expect(() => parseStatus(canary(status))).toThrow(words);
  });

  it("moves the time of a condition's transition only when its truth changes", () => {
    const transitions = (status: CanaryStatus): string[] =>
      (status.conditions ?? []).map((condition) => `${condition.type} ${condition.lastTransitionTime.slice(11, 19)}`);
    const first = printStatus(aState(), { ...context, now: start });
    const said = printStatus(aState({ reason: "other words" }), { ...context, now: start + 60_000, previous: first });
    expect(transitions(said)).toEqual(transitions(first));
    expect(said.conditions?.[1]?.lastUpdateTime).toBe("2026-11-23T09:01:00.000Z");
    const failed = printStatus(aState({ phase: "Failed" }), { ...context, now: start + 60_000, previous: first });
    expect(transitions(failed)).toEqual([
      "Promoted 09:01:00",
      "Ready 09:01:00",
      "Reconciling 09:00:00",
      "Stalled 09:01:00",
    ]);
  });

  it.each([
    ["Initialized", "True", "True", "False", "False"],
    ["Succeeded", "True", "True", "False", "False"],
    ["Progressing", "Unknown", "Unknown", "True", "False"],
    ["Promoting", "Unknown", "Unknown", "True", "False"],
    ["Failed", "False", "False", "False", "True"],
  ] as const)(
    "in phase %s tells GitOps tools so: Promoted %s, Ready %s, Reconciling %s, Stalled %s",
    (phase, ...truths) => {
      expect(printStatus(aState({ phase }), context).conditions?.map((condition) => condition.status)).toEqual(truths);
    },
  );

  it.each([
    ["obstacle", ["False", "False", "True"], "Obstacle"],
    ["missing", ["False", "True", "False"], "Missing"],
  ] as const)(
    "of a Canary that is blocked (%s) is not Ready (Ready, Reconciling, Stalled: %o), for the reason %s",
    (kind, truths, why) => {
      const reason =
        "podinfo:1.7.0 is stable and gets all traffic. No canary can start: Service podinfo has no port 9.";
      const state = aState({ phase: "Succeeded", blocked: { kind, what: "Service podinfo has no port 9." }, reason });
      const [promoted, ...conditions] = printStatus(state, context).conditions ?? [];
      expect(promoted).toMatchObject({ status: "True", reason: "Succeeded" });
      expect(conditions.map(({ status }) => status)).toEqual(truths);
      expect(conditions.map((condition) => [condition.reason, condition.message])).toEqual(
        conditions.map(() => [why, reason]),
      );
    },
  );

  it("of a Canary that cannot be read keeps what is known of it, and is stalled", () => {
    const previous = printStatus(aState({ phase: "Succeeded" }), context);
    const now = context.now + 60_000;
    const words = { reason: "The Canary cannot be read: spec.analysis is missing.", reasonCode: "unreadable/x" };
    const status = printUnreadable(words, { now, previous });
    expect(status).toMatchObject({ phase: "Succeeded", stable: previous.stable, next: "correct the spec" });
    expect(status.conditions?.map(({ type, status: truth, message }) => [type, truth, message])).toEqual([
      ["Promoted", "True", "Canary analysis completed successfully, promotion finished."],
      ["Ready", "False", "The Canary cannot be read: spec.analysis is missing."],
      ["Reconciling", "False", "The Canary cannot be read: spec.analysis is missing."],
      ["Stalled", "True", "The Canary cannot be read: spec.analysis is missing."],
    ]);
  });

  it("keeps the time of a condition that did not change", () => {
    const first = printStatus(aState(), context);
    const later = printStatus(aState(), { ...context, now: context.now + 60_000, previous: first });
    expect(later.conditions).toEqual(first.conditions);
  });
});

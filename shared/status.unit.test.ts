import { describe, expect, it } from "vitest";
import { aState } from "../test/builders.ts";
import { phases, type Canary } from "./core/canary.ts";
import { parseStatus, printStatus, UnreadableStatus } from "./status.ts";

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

describe("a status", () => {
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
    [
      "a stage that is none",
      { run: { ...run, stage: "napping", startedAt: "2026-01-01T00:00:00Z", stageAt: "2026-01-01T00:00:00Z" } },
      /napping/,
    ],
  ])("with %s stops us instead of being guessed at", (_what, status, words) => {
    expect(() => parseStatus(canary(status))).toThrow(UnreadableStatus);
    expect(() => parseStatus(canary(status))).toThrow(words);
  });

  it("keeps the time of a condition that did not change", () => {
    const first = printStatus(aState(), context);
    const later = printStatus(aState(), { ...context, now: context.now + 60_000, previous: first });
    expect(later.conditions).toEqual(first.conditions);
  });
});

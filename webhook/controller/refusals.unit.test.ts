import { beforeEach, describe, expect, it } from "vitest";
import type { Action } from "../../shared/core/action.ts";
import { CanaryError, type ErrorCode } from "../../shared/kube/errors.ts";
import { Refusals } from "./refusals.ts";

const key = "test/podinfo";
const names = { targetName: "podinfo", apexName: "podinfo" };
const runCanary: Action = { kind: "runCanary", intent: "v1-x", replicas: 1 };
const setWeight: Action = { kind: "setWeight", weight: 10 };
const fault = (code: ErrorCode, message = "no", status?: number): CanaryError =>
  new CanaryError(code, message, status === undefined ? {} : { status });
const ending = new CanaryError("Forbidden", "it is being terminated", { causes: ["NamespaceTerminating"] });

describe("a write that the API server refuses", () => {
  let now = 0;
  const make = (): Refusals => new Refusals(() => 0.5, { now: () => now });
  let refusals = make();
  const note = (error: unknown, action: Action = runCanary): number | undefined =>
    refusals.note(key, action, { error, names });

  beforeEach(() => {
    now = 0;
    refusals = make();
  });

  it("is told at once, in the API server's words, and tried again with patience", () => {
    expect(note(fault("Invalid", "spec.progressDeadlineSeconds: must be greater than minReadySeconds.", 422))).toBe(0);
    expect(refusals.of(key)).toEqual({
      write: "runCanary/Invalid",
      what: "The API server refuses Deployment podinfo-canary (runCanary, 422): spec.progressDeadlineSeconds: must be greater than minReadySeconds. It is tried again.",
    });
    const waits = Array.from({ length: 8 }, () => note(fault("Invalid")) ?? 0);
    expect(waits[0]).toBeGreaterThan(0);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
    expect(waits.at(-1)).toBeGreaterThan(waits[0]!);
  });

  it("is told in bounds, however much the API server says", () => {
    note(fault("Forbidden", `quota:\n${"x".repeat(5_000)}`, 403));
    expect(refusals.of(key)!.what.length).toBeLessThan(600);
    expect(refusals.of(key)!.what).not.toContain("\n");
  });

  describe.each<ErrorCode>(["Conflict", "AlreadyExists", "ServerError", "NotFound"])("that is a %s", (code) => {
    const told = (times: number, everyMs: number): unknown[] =>
      Array.from({ length: times }, () => {
        now += everyMs;
        return note(fault(code));
      });

    it("is none however often it comes at once, as two leaders cause it", () => {
      expect(told(60, 150)).not.toContain(0);
      expect(refusals.of(key)).toBeUndefined();
    });

    it("is none for coming seldom", () => {
      expect(told(4, 60_000)).not.toContain(0);
      expect(refusals.of(key)).toBeUndefined();
    });

    it("is one when it stays", () => {
      expect(told(5, 2_500).map((wait) => wait === 0)).toEqual([false, false, false, false, true]);
      expect(refusals.of(key)?.what).toContain("(runCanary,");
    });

    it("does not take back what was refused before it", () => {
      note(fault("Invalid", "spec.replicas: no", 422));
      expect(note(fault(code))).not.toBe(0);
      expect(refusals.of(key)?.what).toContain("spec.replicas: no");
      expect(note(fault("Invalid"))).toBeGreaterThan(0);
    });
  });

  it("is tried again where nothing else would: what is gone may stay gone", () => {
    expect(note(fault("NotFound"))).toBeGreaterThan(0);
    expect(note(fault("Conflict"))).toBeUndefined();
  });

  it.each([fault("Unreachable"), fault("Timeout"), new Error("a fault of ours"), ending])(
    "is not what nobody has answered, nor a namespace that goes: %s",
    (error) => {
      for (now = 0; now < 90_000; now += 10_000) expect(note(error)).toBeUndefined();
      expect(refusals.of(key)).toBeUndefined();
    },
  );

  it("counts anew for another write, and is over when everything was done", () => {
    for (; now < 12_000; now += 3_000) note(fault("Conflict"));
    expect(note(fault("Conflict"), setWeight)).toBeUndefined();
    note(fault("Invalid"));
    refusals.done(key);
    expect(refusals.of(key)).toBeUndefined();
  });
});

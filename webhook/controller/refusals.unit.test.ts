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

describe("a write that the API server refuses", () => {
  let refusals = new Refusals(() => 0.5);
  const note = (error: unknown, action: Action = runCanary): number | undefined =>
    refusals.note(key, action, { error, names });

  beforeEach(() => (refusals = new Refusals(() => 0.5)));

  it("is told at once, in the API server's words, and tried again with patience", () => {
    expect(note(fault("Invalid", "spec.progressDeadlineSeconds: must be greater than minReadySeconds.", 422))).toBe(0);
    expect(refusals.of(key)).toBe(
      "The API server refuses Deployment podinfo-canary (runCanary, 422): spec.progressDeadlineSeconds: must be greater than minReadySeconds. It is tried again.",
    );
    const waits = Array.from({ length: 8 }, () => note(fault("Invalid")) ?? 0);
    expect(waits[0]).toBeGreaterThan(0);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
    expect(waits.at(-1)).toBeGreaterThan(waits[0]!);
  });

  it("is told in bounds, however much the API server says", () => {
    note(fault("Forbidden", `quota:\n${"x".repeat(5_000)}`, 403));
    expect(refusals.of(key)!.length).toBeLessThan(600);
    expect(refusals.of(key)).not.toContain("\n");
  });

  it.each<ErrorCode>(["Conflict", "AlreadyExists", "ServerError", "NotFound"])(
    "is none the first time it is a %s, but when it stays",
    (code) => {
      const told = Array.from({ length: 5 }, () => note(fault(code)));
      expect(told).toEqual([undefined, undefined, undefined, undefined, 0]);
      expect(refusals.of(key)).toContain("(runCanary,");
    },
  );

  it.each([
    fault("Unreachable"),
    fault("Timeout"),
    new Error("a fault of ours"),
    fault("Forbidden", "namespace is being terminated"),
  ])("is not what nobody has answered, nor a namespace that goes: %s", (error) => {
    for (let n = 0; n < 9; n += 1) expect(note(error)).toBeUndefined();
    expect(refusals.of(key)).toBeUndefined();
  });

  it("counts anew for another write, and is over when everything was done", () => {
    for (let n = 0; n < 4; n += 1) note(fault("Conflict"));
    expect(note(fault("Conflict"), setWeight)).toBeUndefined();
    note(fault("Invalid"));
    refusals.done(key);
    expect(refusals.of(key)).toBeUndefined();
  });
});

import type { V1Deployment } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { isRejection, pausedCondition, rejectedCondition, withoutPastRejection } from "./rejection.ts";

const rejected = rejectedCondition("podinfo:1.7.1 was rejected: 5 failed checks. Stable goes on serving.", "v1-71");
const available = { type: "Available", status: "True" };

function aDeployment(...progressing: object[]): V1Deployment {
  const conditions = [available, ...progressing.map((one) => ({ type: "Progressing", ...one }))];
  return { metadata: { name: "podinfo" }, status: { observedGeneration: 4, conditions } } as V1Deployment;
}

describe("a rejection in a target's status", () => {
  it("fails rollout status by Kubernetes' own reason, says why, and names its template", () => {
    expect(rejected).toEqual({
      status: "False",
      reason: "ProgressDeadlineExceeded",
      message: "canary rejected: podinfo:1.7.1 was rejected: 5 failed checks. Stable goes on serving. (template v1-71)",
    });
    expect([isRejection(rejected.message), isRejection("it has timed out")]).toEqual([true, false]);
  });

  it("is over with another template, and the rest of the status stays", () => {
    const before = aDeployment({ ...rejected, lastUpdateTime: "2026-11-25T10:00:00Z" });
    const text = JSON.stringify(before);
    expect(withoutPastRejection(before, "v1-72").status).toEqual({
      observedGeneration: 4,
      conditions: [available, { type: "Progressing", lastUpdateTime: "2026-11-25T10:00:00Z", ...pausedCondition }],
    });
    expect(JSON.stringify(before)).toBe(text);
  });

  it.each<[string, V1Deployment]>([
    ["of the present template", aDeployment(rejected)],
    ["that names no template, as earlier versions wrote it", aDeployment({ message: "canary rejected: it was bad." })],
    ["that is Kubernetes' own", aDeployment({ ...rejected, message: "it has timed out (template v1-72)" })],
    ["that is not there", aDeployment()],
    ["of a Deployment without a status", { metadata: { name: "podinfo" } }],
  ])("%s is let alone", (_which, deployment) => {
    expect(withoutPastRejection(deployment, "v1-71")).toBe(deployment);
  });
});

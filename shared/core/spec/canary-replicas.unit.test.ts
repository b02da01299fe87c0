import { describe, expect, it } from "vitest";
import { checkReplicas, replicasOf } from "./canary-replicas.ts";

const faultOf = (given: number | string): string | undefined => {
  const faults: string[] = [];
  checkReplicas(given, (path, message) => faults.push(`${path}: ${message}`));
  return faults[0];
};

describe("canaryReplicas", () => {
  it.each([
    [3, { unit: "pods", value: 3 }],
    ["50%", { unit: "percent", value: 50 }],
    ["100%", { unit: "percent", value: 100 }],
  ])("%s is read", (given, replicas) => {
    expect([replicasOf(given), faultOf(given)]).toEqual([replicas, undefined]);
  });

  it.each([0, 1.5, 1_001, "3", "0%", "101%", "50", "%"])("%s is refused", (given) => {
    expect(replicasOf(given)).toBeUndefined();
    expect(faultOf(given)).toMatch(/^spec.analysis.canaryReplicas: .* is neither a number of pods from 1 to 1000 nor/);
  });
});

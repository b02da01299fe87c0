import type { V2HorizontalPodAutoscaler } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { soundFacts } from "../../../test/plugin/fixtures/doctor-facts.ts";
import { diagnose } from "./diagnose.ts";
import type { Finding } from "./facts.ts";

const scaling = (target: string, by?: string): V2HorizontalPodAutoscaler => ({
  metadata: {
    name: "hpa",
    ...(by === undefined
      ? {}
      : { ownerReferences: [{ apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", name: by, uid: "1" }] }),
  },
  spec: { maxReplicas: 9, scaleTargetRef: { kind: "Deployment", name: target } },
});

function foundWith(kind: string, name: string, autoscalers: V2HorizontalPodAutoscaler[]): Finding[] {
  const facts = soundFacts();
  const canary = { ...facts.canary!, spec: { ...facts.canary!.spec, autoscalerRef: { apiVersion: "v1", kind, name } } };
  return diagnose({ ...facts, canary, autoscalers });
}

describe("what a Canary says scales its target", () => {
  it.each([
    ["HorizontalPodAutoscaler", "hpa", [scaling("other")], "scales Deployment other, not Deployment podinfo"],
    ["HorizontalPodAutoscaler", "gone", [scaling("podinfo")], "is not there"],
    ["ScaledObject", "hpa", [scaling("podinfo")], "has made no HorizontalPodAutoscaler"],
  ])("is found astray: %s %s", (kind, name, autoscalers, what) => {
    const [finding, ...others] = foundWith(kind, name, autoscalers);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ fault: "autoscaler-astray", level: "warning" });
    expect(finding?.what).toContain(`${kind} ${name}, which spec.autoscalerRef names, ${what}`);
    expect(finding?.cure).toContain("edit canary podinfo");
  });

  it.each([
    ["HorizontalPodAutoscaler", "hpa", scaling("podinfo")],
    ["ScaledObject", "shop", scaling("podinfo", "shop")],
  ])("is as it says: %s %s", (kind, name, autoscaler) => {
    expect(foundWith(kind, name, [autoscaler])).toEqual([]);
  });
});

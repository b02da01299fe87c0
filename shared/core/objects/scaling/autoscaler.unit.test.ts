import type { V2HorizontalPodAutoscaler, V2MetricSpec, V2MetricStatus } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { autoscalerOf } from "./autoscaler.ts";

function anAutoscaler(metrics: V2MetricSpec[], currentMetrics: V2MetricStatus[]): V2HorizontalPodAutoscaler {
  return {
    metadata: { name: "podinfo" },
    spec: { maxReplicas: 20, metrics, scaleTargetRef: { kind: "Deployment", name: "podinfo" } },
    status: { currentReplicas: 8, desiredReplicas: 8, currentMetrics, conditions: [] },
  };
}

const cpu = (averageUtilization: number): V2MetricSpec => ({
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization } },
});
const cpuNow = (averageUtilization: number): V2MetricStatus => ({
  type: "Resource",
  resource: { name: "cpu", current: { averageUtilization } },
});
const pods = (averageValue: string): V2MetricSpec => ({
  type: "Pods",
  pods: { metric: { name: "requests" }, target: { type: "AverageValue", averageValue } },
});
const podsNow = (averageValue: string): V2MetricStatus => ({
  type: "Pods",
  pods: { metric: { name: "requests" }, current: { averageValue } },
});
const queue: V2MetricSpec = {
  type: "External",
  external: { metric: { name: "queue" }, target: { type: "AverageValue", averageValue: "1" } },
};
const queueNow: V2MetricStatus = {
  type: "External",
  external: { metric: { name: "queue" }, current: { averageValue: "900" } },
};

describe("the load that an autoscaler has measured on its target's pods", () => {
  it.each([
    ["by utilization", [cpu(50)], [cpuNow(25)], 4],
    ["by an average value, in whatever unit", [pods("10")], [podsNow("12500m")], 10],
    ["by the metric that asks for most", [cpu(50), pods("10")], [cpuNow(25), podsNow("20")], 16],
    ["and not by what falls with no share of traffic", [queue, cpu(50)], [queueNow, cpuNow(25)], 4],
    ["which is not known where nothing of the pods is measured", [queue], [queueNow], undefined],
    ["which is not known before it has measured", [cpu(50)], [], undefined],
    ["which is not known by a target of nothing", [pods("0")], [podsNow("5")], undefined],
    ["which is not known by what is no quantity", [pods("10")], [podsNow("much")], undefined],
  ])("%s", (_, metrics, current, load) => {
    expect(autoscalerOf([anAutoscaler(metrics, current)], "podinfo")?.load).toBe(load);
  });
});

describe("what scales a target", () => {
  const found = anAutoscaler([cpu(50)], [cpuNow(25)]);

  it("is the one that names it", () => {
    expect(autoscalerOf([found], "podinfo")).toEqual({
      name: "HorizontalPodAutoscaler podinfo",
      maxReplicas: 20,
      load: 4,
    });
    expect(autoscalerOf([found], "other")).toBeUndefined();
  });

  it("is called by the ScaledObject that made it", () => {
    const owner = { apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", name: "shop", uid: "1" };
    const made = { ...found, metadata: { name: "keda-hpa-shop", ownerReferences: [owner] } };
    expect(autoscalerOf([made], "podinfo")?.name).toBe("ScaledObject shop");
  });
});

import type { V1ContainerState, V1Pod, V1Probe, V1Volume } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { aDeployment } from "../../../test/builders.ts";
import { failureOf } from "./pod-failures.ts";

const now = Date.parse("2026-01-01T00:01:00Z");
const secondsAgo = (seconds: number): Date => new Date(now - 1_000 * seconds);

interface Facts {
  state?: V1ContainerState;
  lastState?: V1ContainerState;
  ready?: boolean;
  started?: boolean;
  probes?: { readinessProbe?: V1Probe; startupProbe?: V1Probe };
}

function aPod({ state = {}, lastState = {}, ready = false, started = true, probes = {} }: Facts): V1Pod {
  const status = { name: "podinfod", image: "", imageID: "", restartCount: 0, ready, started, state, lastState };
  return {
    metadata: { name: "podinfo-canary-abc-1" },
    spec: { containers: [{ name: "podinfod", ...probes }] },
    status: { containerStatuses: [status] },
  };
}

const why = (...pods: V1Pod[]): string | undefined => failureOf(aDeployment(), pods, now);
const running = (seconds: number): V1ContainerState => ({ running: { startedAt: secondsAgo(seconds) } });
const readinessProbe: V1Probe = {
  httpGet: { path: "/readyz", port: 9898 },
  initialDelaySeconds: 2,
  periodSeconds: 2,
  failureThreshold: 4,
};

describe("why a canary's pods are not ready", () => {
  it.each<[string, Facts, string]>([
    [
      "an image that cannot be pulled",
      { state: { waiting: { reason: "ErrImagePull", message: "not found" } } },
      "container podinfod: ErrImagePull, not found",
    ],
    [
      "a crash loop, with how it ended",
      {
        state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } },
        lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } },
      },
      "container podinfod: CrashLoopBackOff, back-off 10s, it ended with code 137 (OOMKilled)",
    ],
    [
      "a first crash, before the kubelet calls it a loop",
      { state: { terminated: { exitCode: 1, reason: "Error" } } },
      "container podinfod: it ended with code 1 (Error)",
    ],
    [
      "a readiness probe that has failed for as long as it may",
      { state: running(11), probes: { readinessProbe } },
      "container podinfod: it runs, but its readiness probe (GET /readyz on port 9898) fails",
    ],
    [
      "a startup probe, which comes before it",
      {
        state: running(31),
        started: false,
        probes: { readinessProbe, startupProbe: { tcpSocket: { port: "http" } } },
      },
      "container podinfod: it runs, but its startup probe (TCP on port http) fails",
    ],
  ])("is %s", (_what, facts, words) => {
    expect(why(aPod(facts))).toBe(`pod podinfo-canary-abc-1 ${words}`);
  });

  it("is that no node takes the pod", () => {
    const unscheduled = aPod({});
    const condition = { type: "PodScheduled", status: "False", message: "0/1 nodes are available" };
    unscheduled.status = { conditions: [condition] };
    expect(why(unscheduled)).toBe("pod podinfo-canary-abc-1 cannot be scheduled: 0/1 nodes are available");
  });

  it("is that no pod can be made, where a quota is used up", () => {
    const message = 'pods "podinfo-canary-abc-1" is forbidden: exceeded quota: small';
    const conditions = [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message }];
    expect(failureOf({ ...aDeployment(), status: { conditions } }, [], now)).toBe(`no pod can be made: ${message}`);
  });

  it("is a readiness gate that nobody sets, while its containers are ready", () => {
    const gated = aPod({ state: running(60), ready: true });
    gated.spec = { ...gated.spec!, readinessGates: [{ conditionType: "example.org/registered" }] };
    gated.status!.conditions = [{ type: "ContainersReady", status: "True" }];
    const words =
      "pod podinfo-canary-abc-1 waits for its readiness gate example.org/registered, which whoever put it there has not set to True";
    expect(why(gated)).toBe(words);
    gated.status!.conditions.push({ type: "example.org/registered", status: "False", reason: "NoTargetGroup" });
    expect(why(gated)).toBe(`${words}: NoTargetGroup`);
    gated.status!.conditions[1] = { type: "example.org/registered", status: "True" };
    expect(why(gated)).toBeUndefined();
  });

  it.each<[string, V1Volume, string]>([
    [
      "a claim that two versions share",
      { name: "data", persistentVolumeClaim: { claimName: "shop-data" } },
      "(claim shop-data); two versions on two nodes cannot both mount a claim that is ReadWriteOnce, while stable's pods hold it",
    ],
    ["a Secret", { name: "keys", secret: { secretName: "keys" } }, "(Secret keys)"],
    ["a ConfigMap", { name: "settings", configMap: { name: "settings" } }, "(ConfigMap settings)"],
  ])("is %s that is not mounted within a minute", (_what, volume, words) => {
    const creating = aPod({ state: { waiting: { reason: "ContainerCreating" } } });
    creating.spec = { ...creating.spec!, volumes: [volume] };
    const scheduled = (seconds: number): V1Pod => {
      const condition = { type: "PodScheduled", status: "True", lastTransitionTime: secondsAgo(seconds) };
      return { ...creating, status: { ...creating.status, conditions: [condition] } };
    };
    expect(why(scheduled(59))).toBeUndefined();
    expect(why(scheduled(60))).toBe(
      `pod podinfo-canary-abc-1 has not begun 1m after it was scheduled: its image or what it mounts is awaited ${words}`,
    );
  });

  it.each<[string, Facts]>([
    ["a container is being made", { state: { waiting: { reason: "ContainerCreating" } } }],
    ["init containers run", { state: { waiting: { reason: "PodInitializing" } } }],
    ["its readiness probe may still pass in time", { state: running(9), probes: { readinessProbe } }],
    ["it has no probe, and will be ready in a moment", { state: running(60) }],
    ["it is ready", { state: running(60), ready: true, probes: { readinessProbe } }],
  ])("is nothing while %s", (_what, facts) => {
    expect(why(aPod(facts))).toBeUndefined();
  });

  it("is never of a pod that is going", () => {
    const going = aPod({ state: { terminated: { exitCode: 143 } } });
    going.metadata = { ...going.metadata, deletionTimestamp: new Date(now) };
    expect(why(going)).toBeUndefined();
  });
});

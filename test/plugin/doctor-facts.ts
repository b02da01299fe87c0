/** What the doctor sees where everything is sound; each test breaks one thing of it. */
import type { V1CustomResourceDefinition, V1Pod, V1Service } from "@kubernetes/client-node";
import { label } from "../../shared/core/objects/names.ts";
import { expect } from "vitest";
import { diagnose } from "../../plugin/commands/doctor/diagnose.ts";
import type { Fault, Facts } from "../../plugin/commands/doctor/facts.ts";
import {
  aCanary,
  aCheck,
  aDeployment,
  aLease,
  aRun,
  aSplit,
  aStatus,
  canaryImages,
  now,
  scope,
  stableImages,
  tracks,
} from "./seen.ts";

export function aService(name: string, app: string, ours = true): V1Service {
  return {
    metadata: { name, namespace: "test", ...(ours ? { labels: { [label.canary]: "podinfo" } } : {}) },
    spec: { selector: { app }, ports: [{ port: 9898 }] },
  };
}

export function aMeshedPod(name: string, app: string, more: Partial<V1Pod> = {}): V1Pod {
  const owner = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    name: name.replace(/-[^-]*$/, ""),
    uid: "1",
    controller: true,
  };
  return {
    metadata: { name, namespace: "test", labels: { app }, ownerReferences: [owner] },
    spec: { containers: [{ name: "podinfod" }, { name: "linkerd-proxy" }] },
    status: {
      phase: "Running",
      containerStatuses: [
        { name: "podinfod", image: "podinfo", imageID: "", ready: true, restartCount: 0, state: { running: {} } },
      ],
      conditions: [{ type: "Ready", status: "True" }],
    },
    ...more,
  };
}

const ownDefinition: V1CustomResourceDefinition = {
  spec: {
    group: "flagger.app",
    names: { kind: "Canary", plural: "canaries" },
    scope: "Namespaced",
    versions: [
      {
        name: "v1beta1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { properties: { status: { properties: { run: {} } } } } },
      },
    ],
  },
};

/** A run at 20%, with nothing wrong. */
export function soundFacts(): Facts {
  const workload = aDeployment("podinfo-canary", 1, canaryImages.podinfod);
  workload.metadata = { ...workload.metadata, labels: { [label.canary]: "podinfo" } };
  return {
    now,
    scope,
    targetName: "podinfo",
    apexName: "podinfo",
    clientVersion: "0.1.0",
    canary: aCanary(aStatus({ run: aRun, tracks, checks: [aCheck()] })),
    rivals: [],
    definition: ownDefinition,
    target: aDeployment("podinfo", 4, stableImages.podinfod),
    workload,
    deployments: [],
    replicaSets: [],
    pods: [aMeshedPod("podinfo-6d4f8b9c5-x2x4k", "podinfo"), aMeshedPod("podinfo-canary-7c9d-bcdfg", "podinfo-canary")],
    services: [
      aService("podinfo", "podinfo", false),
      aService("podinfo-primary", "podinfo"),
      aService("podinfo-canary", "podinfo-canary"),
    ],
    autoscalers: [],
    route: aSplit(20),
    servedRoutes: ["TrafficSplit", "HTTPRoute"],
    serviceProfiles: [],
    templates: new Map(),
    flaggers: [],
    controller: aDeployment("kubectl-canary", 1, "ghcr.io/kubectl-canary/kubectl-canary:0.1.0"),
    lease: aLease(2),
    webhook: {
      configuration: "zz-kubectl-canary",
      failurePolicy: "Fail",
      service: { namespace: "kubectl-canary", name: "kubectl-canary" },
      trusted: [],
      readyEndpoints: 1,
      serving: undefined,
    },
    permissions: [],
  };
}

export type Break = (facts: Facts) => Partial<Facts>;

export const withStatus =
  (more: Parameters<typeof aStatus>[0]): Break =>
  () => ({ canary: aCanary(aStatus({ run: aRun, ...more })) });

/** A fault's name, when it is there, what is broken, and what its evidence and its cure must say. */
export type Case = [Fault, string, Break, string, string];

export function expectOnly([fault, , damage, evidence, cure]: Case): void {
  const sound = soundFacts();
  const found = diagnose({ ...sound, ...damage(sound) });
  expect(found.map((finding) => finding.fault)).toEqual([fault]);
  expect(found[0]?.evidence).toContain(evidence);
  expect(found[0]?.cure).toContain(cure);
  expect(found[0]?.what).toMatch(/\.$/);
}

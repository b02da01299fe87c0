/** Kubernetes objects of one Canary, as the recording cluster plays them back. */
import type { V1ControllerRevision, V1Deployment, V1ReplicaSet, V1Service } from "@kubernetes/client-node";
import type { Canary } from "../shared/core/objects/canary.ts";
import type { CanaryStatus } from "../shared/core/objects/canary-status.ts";
import { canaryName, keptName, label, manager } from "../shared/core/objects/names.ts";
import { sealOf } from "../shared/core/objects/ownership.ts";
import { canaryDeployment, canaryService, primaryService } from "../shared/core/objects/workload.ts";
import { type RouteObject, trafficSplit } from "../shared/core/routes/routes.ts";
import { resource } from "../shared/kube/resources.ts";
import { hashTemplate } from "../shared/template-hash.ts";
import { aDeployment, aSpec } from "./builders.ts";
import type { Given } from "./recording-cluster.ts";

export const at = { namespace: "test", name: "podinfo" };
const maker = { canary: "podinfo", uid: "canary-uid" };
const apex = "podinfo";
const ports = [{ name: "http", port: 9898, targetPort: 9898 }];

export function givenCanary(status?: CanaryStatus): Canary {
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { ...at, uid: maker.uid, resourceVersion: "100", generation: 1 },
    spec: aSpec(),
    ...(status ? { status } : {}),
  };
}

/** Rolled out, with its only ReplicaSet; `labels` are its marks. */
export function givenTarget(labels: Record<string, string> = {}): V1Deployment {
  const target = aDeployment();
  const metadata = { ...target.metadata, labels, resourceVersion: "101", generation: 1 };
  const counts = { replicas: 4, updatedReplicas: 4, readyReplicas: 4, availableReplicas: 4 };
  return { ...target, metadata, status: { observedGeneration: 1, ...counts } };
}

export function givenReplicaSet(): V1ReplicaSet {
  const { template, selector } = givenTarget().spec!;
  const hash = "6d4f8b9c5";
  const owner = { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo", uid: "uid-1", controller: true };
  const labels = { ...template.metadata?.labels, [label.podTemplateHash]: hash };
  return {
    metadata: { namespace: "test", name: `podinfo-${hash}`, uid: "uid-2", labels, ownerReferences: [owner] },
    spec: { replicas: 4, selector, template: { ...template, metadata: { ...template.metadata, labels } } },
    status: { replicas: 4, readyReplicas: 4 },
  };
}

export function givenWorkload(replicas = 2): V1Deployment {
  const intent = hashTemplate(givenTarget().spec?.template);
  const made = canaryDeployment(givenTarget(), { ...maker, intent, replicas, progressDeadlineSeconds: 60 });
  return { ...made, metadata: { ...made.metadata, uid: "uid-3", resourceVersion: "103" } };
}

export function givenApex(): V1Service {
  return {
    metadata: { ...at, uid: "uid-4", resourceVersion: "104" },
    spec: { selector: { app: "podinfo" }, ports },
  };
}

export function givenLeaves(): V1Service[] {
  const context = { ...maker, apex, ports };
  const made = [primaryService(givenTarget(), context), canaryService(givenTarget(), context)];
  return made.map((leaf, index) => ({
    ...leaf,
    metadata: { ...leaf.metadata, uid: `uid-leaf-${index}`, resourceVersion: `${105 + index}` },
  }));
}

export function givenSplit(weight = 0): RouteObject {
  const apiVersion = "split.smi-spec.io/v1alpha2";
  const context = { ...maker, ...at, apex, port: 9898, gatewayRefs: [], hosts: [], apiVersion };
  const made = trafficSplit.withWeight(trafficSplit.build(context), apex, weight);
  return { ...made, metadata: { ...made.metadata, uid: "uid-7", resourceVersion: "107" } };
}

export function givenKept(): V1ControllerRevision {
  const name = keptName("podinfo");
  const labels = {
    [label.canary]: maker.canary,
    [label.canaryUid]: sealOf(maker, name),
    [label.managedBy]: manager,
  };
  return { metadata: { namespace: "test", name, uid: "uid-8", resourceVersion: "108", labels }, revision: 1 };
}

/** All that was made for the Canary, and the Deployment and Service that it was made for. */
export function everythingMade(): Given {
  return [
    { of: resource.deployments, object: givenTarget() },
    { of: resource.replicaSets, object: givenReplicaSet() },
    { of: resource.deployments, object: givenWorkload() },
    { of: resource.services, object: givenApex() },
    ...givenLeaves().map((object) => ({ of: resource.services, object })),
    { of: resource.trafficSplits, object: givenSplit() },
    { of: resource.controllerRevisions, object: givenKept() },
  ];
}

/** A copy that its user renamed: the labels of ours, under another name. */
export function aCopyOf(workload: V1Deployment): V1Deployment {
  return { ...workload, metadata: { ...workload.metadata, name: canaryName("copied"), uid: "uid-9" } };
}

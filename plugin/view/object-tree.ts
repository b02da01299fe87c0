/** What a Canary consists of, as a tree: Deployments, ReplicaSets, pods, Services, route and autoscaler. Pure. */
import type { V1Deployment, V1Pod, V1ReplicaSet, V1Service, V2HorizontalPodAutoscaler } from "@kubernetes/client-node";
import { label } from "../../shared/core/objects/names.ts";
import { imagesOf } from "../../shared/core/objects/pod-template.ts";
import { imagesText } from "./images.ts";
import type { Objects, CanaryView, Node, Seen } from "./types.ts";

export function viewTree(seen: Seen, objects: Objects, view: Pick<CanaryView, "route">): Node[] {
  const deployments = [seen.target, seen.workload].flatMap((deployment) => (deployment ? [deployment] : []));
  return [
    ...deployments.map((deployment) => deploymentNode(deployment, seen, objects)),
    ...objects.services.map(serviceNode),
    ...(view.route ? [routeNode(view.route)] : []),
    ...objects.autoscalers
      .filter(({ spec }) => deployments.some(({ metadata }) => metadata?.name === spec?.scaleTargetRef.name))
      .map(autoscalerNode),
  ];
}

const short = (images: Record<string, string>): string => imagesText(images).replaceAll(/[^\s/=]*\//g, "");

function deploymentNode(deployment: V1Deployment, seen: Seen, objects: Objects): Node {
  const stable = seen.canary.status?.stable?.podTemplateHash;
  const uid = deployment.metadata?.uid;
  const sets = objects.replicaSets.filter((set) => owns(uid, set) && isAlive(set));
  return {
    ...{ kind: "deployment", name: nameOf(deployment), ...countsOf(deployment) },
    note: `asks for ${short(imagesOf(deployment.spec?.template))}${holdOf(deployment)}`,
    children: sets.map((set) => setNode(set, objects.pods, stable)),
  };
}

function holdOf({ metadata, spec }: V1Deployment): string {
  if (metadata?.labels?.[label.held] !== undefined) return ", held";
  return spec?.paused ? ", paused" : "";
}

const nameOf = (object: { metadata?: { name?: string } }): string => object.metadata?.name ?? "";

function countsOf({ spec, status }: V1Deployment | V1ReplicaSet): Pick<Node, "ready" | "desired"> {
  return { ready: status?.readyReplicas ?? 0, desired: spec?.replicas ?? 1 };
}

const owns = (uid: string | undefined, object: { metadata?: V1ReplicaSet["metadata"] }): boolean =>
  object.metadata?.ownerReferences?.some((owner) => owner.uid === uid) ?? false;

/** The others are kept for `rollout undo` only. */
const isAlive = ({ spec, status }: V1ReplicaSet): boolean => (spec?.replicas ?? 1) > 0 || (status?.replicas ?? 0) > 0;

function setNode(set: V1ReplicaSet, pods: readonly V1Pod[], stable: string | undefined): Node {
  const isStable = set.metadata?.labels?.[label.podTemplateHash] === stable;
  return {
    ...{ kind: "replicaset", name: nameOf(set), ...countsOf(set) },
    note: `${short(imagesOf(set.spec?.template))}${isStable ? ", stable" : ""}`,
    children: pods.filter((pod) => owns(set.metadata?.uid, pod)).map(podNode),
  };
}

function podNode(pod: V1Pod): Node {
  const containers = pod.status?.containerStatuses ?? [];
  const restarts = containers.reduce((sum, { restartCount }) => sum + restartCount, 0);
  return {
    kind: "pod",
    name: nameOf(pod),
    ready: containers.filter(({ ready }) => ready).length,
    desired: pod.spec?.containers.length ?? containers.length,
    note: `${phaseOf(pod)}${restarts > 0 ? `, ${restarts} ${restarts === 1 ? "restart" : "restarts"}` : ""}`,
    children: [],
  };
}

/** What a container waits for says more than the pod's own phase. */
function phaseOf({ metadata, status }: V1Pod): string {
  if (metadata?.deletionTimestamp) return "Terminating";
  const reasons = (status?.containerStatuses ?? []).map(
    ({ state }) => state?.waiting?.reason ?? state?.terminated?.reason,
  );
  return reasons.find((reason) => reason !== undefined) ?? status?.phase ?? "Pending";
}

function serviceNode({ metadata, spec }: V1Service): Node {
  const selector = Object.entries(spec?.selector ?? {}).map(([key, value]) => `${key}=${value}`);
  const ports = (spec?.ports ?? []).map(({ port }) => port);
  const note = `port ${ports.join(", ")} to pods with ${selector.join(",") || "no selector"}`;
  return { kind: "service", name: metadata?.name ?? "", ready: null, desired: null, note, children: [] };
}

function routeNode(route: NonNullable<CanaryView["route"]>): Node {
  const { canaryPercent } = route;
  const shares =
    canaryPercent === null ? "" : `canary ${canaryPercent}%, primary ${Math.round((100 - canaryPercent) * 10) / 10}%`;
  const note = route.problem ?? shares;
  return { kind: route.kind.toLowerCase(), name: route.name, ready: null, desired: null, note, children: [] };
}

function autoscalerNode(autoscaler: V2HorizontalPodAutoscaler): Node {
  const { minReplicas = 1, maxReplicas = 1, scaleTargetRef } = autoscaler.spec ?? {};
  const { currentReplicas = 0, desiredReplicas = 0 } = autoscaler.status ?? {};
  const note = `${minReplicas} to ${maxReplicas} pods of ${scaleTargetRef?.name ?? "?"}, now ${currentReplicas}, wants ${desiredReplicas}`;
  return { kind: "hpa", name: nameOf(autoscaler), ready: null, desired: null, note, children: [] };
}

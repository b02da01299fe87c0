/** Why pods of the target or of its canary do not run: images, crashes, room, quota. Pure. */
import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { canaryName } from "../../../../shared/core/objects/names.ts";
import { type Facts, type Finding, kubectl, nameOf, type Probe, some } from "../facts.ts";
import { ownPods } from "../own.ts";

/** Restarts beyond which a container that runs just now is not called sound. */
const manyRestarts = 3;
/** A pod that is not ready for less is still starting. */
const startingMs = 60_000;

export const imagePull: Probe = (facts) =>
  byWorkload(facts, (status) => (status.state?.waiting?.reason ?? "").match(/^(ErrImage|ImagePull|InvalidImage)/)).map(
    ({ workload, pods, status }) => {
      const { reason = "", message = "" } = status.state?.waiting ?? {};
      return {
        fault: "image-pull",
        level: "broken",
        what: `The image ${status.image} of Deployment ${workload} cannot be pulled.`,
        evidence: `${some(pods)}: container ${status.name} ${reason}${message ? `, ${message}` : ""}`,
        cure: kubectl(facts, `set image deploy/${facts.targetName} ${status.name}=IMAGE:TAG`),
      };
    },
  );

export const crashLoop: Probe = (facts) =>
  byWorkload(facts, isCrashing).map(({ workload, pods, status }) => {
    const ended = status.lastState?.terminated ?? status.state?.terminated;
    const how = ended ? `, last exit code ${ended.exitCode}${ended.reason ? ` (${ended.reason})` : ""}` : "";
    return {
      fault: "crash-loop",
      level: "broken",
      what: `Container ${status.name} of Deployment ${workload} keeps crashing.`,
      evidence: `${some(pods)}: ${times(status.restartCount)}${how}`,
      cure: kubectl(facts, `logs ${pods[0]} -c ${status.name} --previous`),
    };
  });

export const unschedulable: Probe = (facts) => {
  const waiting = ownPods(facts).flatMap((pod) => {
    const condition = pod.status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "False");
    return condition ? [{ pod, why: condition.message ?? condition.reason ?? "no reason given" }] : [];
  });
  const [first] = waiting;
  if (!first) return [];
  return [
    {
      fault: "unschedulable",
      level: "broken",
      what: `${waiting.length === 1 ? "A pod finds" : `${waiting.length} pods find`} no node to run on.`,
      evidence: `${some(waiting.map(({ pod }) => nameOf(pod)))}: ${first.why}`,
      cure: kubectl(facts, `describe pod ${nameOf(first.pod)}`),
    },
  ];
};

/** Kubernetes says so in the ReplicaSet, and the Deployment repeats it. */
export const quota: Probe = (facts) =>
  (facts.replicaSets ?? [])
    .filter((set) => workloads(facts).includes(ownerOf(set)))
    .flatMap((set) => {
      const failure = set.status?.conditions?.find(
        ({ type, status }) => type === "ReplicaFailure" && status === "True",
      );
      if (!failure) return [];
      // The condition's reason is FailedCreate for every refusal: Kubernetes names the quota in its sentence alone.
      const isQuota = /exceeded quota/.test(failure.message ?? "");
      return [
        {
          fault: "quota",
          level: "broken",
          what: isQuota
            ? `A ResourceQuota of namespace ${facts.scope.namespace} has no room for pods of Deployment ${ownerOf(set)}.`
            : `The API server refuses new pods of Deployment ${ownerOf(set)}.`,
          evidence: `ReplicaSet ${nameOf(set)}: ${failure.message ?? failure.reason ?? ""}`,
          cure: kubectl(facts, isQuota ? "describe resourcequota" : `describe replicaset ${nameOf(set)}`),
        } satisfies Finding,
      ];
    });

/** Runs, and yet its readiness probe says no; crashes and pulls are told by their own probes. */
export const notReady: Probe = (facts) => {
  const pods = ownPods(facts).filter((pod) => isUnready(pod, facts.now));
  const [first] = pods;
  if (!first) return [];
  const condition = first.status?.conditions?.find(({ type }) => type === "Ready");
  return [
    {
      fault: "not-ready",
      level: "broken",
      what: `${pods.length === 1 ? "A pod runs but is" : `${pods.length} pods run but are`} not ready: their readiness probe fails.`,
      evidence: `${some(pods.map(nameOf))}: ${condition?.message ?? "not ready"} since ${timeOf(condition?.lastTransitionTime)}`,
      cure: kubectl(facts, `describe pod ${nameOf(first)}`),
    },
  ];
};

// --- internal ---

const workloads = ({ targetName }: Facts): string[] => [targetName, canaryName(targetName)];

const ownerOf = (object: { metadata?: { ownerReferences?: { controller?: boolean; name: string }[] } }): string =>
  object.metadata?.ownerReferences?.find(({ controller }) => controller)?.name ?? "";

interface Failing {
  workload: string;
  pods: string[];
  status: V1ContainerStatus;
}

/** One entry for each container of each Deployment that fails in this way, with all its pods. */
function byWorkload(facts: Facts, fails: (status: V1ContainerStatus) => unknown): Failing[] {
  const found = new Map<string, Failing>();
  for (const pod of ownPods(facts)) {
    const status = containersOf(pod).find(fails);
    if (!status) continue;
    // A ReplicaSet is named `<deployment>-<hash>`.
    const workload = ownerOf(pod).replace(/-[^-]*$/, "") || nameOf(pod);
    const failing = found.get(`${workload}/${status.name}`) ?? { workload, pods: [], status };
    failing.pods.push(nameOf(pod));
    found.set(`${workload}/${status.name}`, failing);
  }
  return [...found.values()];
}

const containersOf = ({ status }: V1Pod): V1ContainerStatus[] => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];

function isCrashing({ state, ready, restartCount, lastState }: V1ContainerStatus): boolean {
  if (state?.waiting?.reason === "CrashLoopBackOff") return true;
  return !ready && restartCount >= manyRestarts && lastState?.terminated !== undefined;
}

function isUnready(pod: V1Pod, now: number): boolean {
  const ready = pod.status?.conditions?.find(({ type }) => type === "Ready");
  if (!ready || ready.status === "True" || !runs(pod)) return false;
  return now - new Date(ready.lastTransitionTime ?? now).getTime() > startingMs;
}

const runs = (pod: V1Pod): boolean =>
  pod.status?.phase === "Running" &&
  containersOf(pod).every((status) => status.state?.waiting === undefined) &&
  !containersOf(pod).some(isCrashing);

const times = (count: number): string => `restarted ${count === 1 ? "once" : `${count} times`}`;
const timeOf = (time: Date | string | undefined): string => (time ? new Date(time).toISOString() : "its start");

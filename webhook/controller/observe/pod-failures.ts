/** Why a canary's pods cannot become ready, in the words of whoever says so first. Pure: objects in, a clause out. */
import type {
  V1Container,
  V1ContainerStatus,
  V1Deployment,
  V1Pod,
  V1PodCondition,
  V1Probe,
  V1Volume,
} from "@kubernetes/client-node";
import { formatDuration } from "../../../shared/core/format/duration.ts";
import { metaOf } from "../objects/from-objects.ts";

/** Undefined while it just takes time. A pod says more than the Deployment, which only knows that there is none. */
export function failureOf(deployment: V1Deployment, pods: readonly V1Pod[], now: number): string | undefined {
  return podFailure(pods, now) ?? creationFailure(deployment);
}

export function podFailure(pods: readonly V1Pod[], now: number): string | undefined {
  for (const pod of pods) {
    if (pod.metadata?.deletionTimestamp) continue;
    const failure = schedulingFailure(pod) ?? containerFailure(pod) ?? probeFailure(pod, now) ?? heldUp(pod, now);
    if (failure) return `pod ${metaOf(pod).name} ${failure}`;
  }
  return undefined;
}

// --- internal ---

/** A quota, a LimitRange or an admission webhook lets no pod be made. */
function creationFailure(deployment: V1Deployment): string | undefined {
  const conditions = deployment.status?.conditions ?? [];
  const bad = conditions.find((condition) => condition.type === "ReplicaFailure" && condition.status === "True");
  return bad && `no pod can be made: ${bad.message ?? bad.reason ?? "no reason given"}`;
}

function schedulingFailure(pod: V1Pod): string | undefined {
  const conditions = pod.status?.conditions ?? [];
  const bad = conditions.find((condition) => condition.type === "PodScheduled" && condition.status === "False");
  return bad && `cannot be scheduled: ${bad.message ?? bad.reason ?? "no reason given"}`;
}

function containerFailure(pod: V1Pod): string | undefined {
  for (const status of statusesOf(pod)) {
    const failure = waitingFailure(status) ?? exitFailure(status);
    if (failure) return `container ${status.name}: ${failure}`;
  }
  return undefined;
}

function waitingFailure(status: V1ContainerStatus): string | undefined {
  const { reason, message } = status.state?.waiting ?? {};
  if (!reason || ["ContainerCreating", "PodInitializing"].includes(reason)) return undefined;
  // That it is started again and again is known; how it ended says why.
  const ended = reason === "CrashLoopBackOff" ? exitWords(status.lastState?.terminated) : undefined;
  return [reason, message, ended].filter((part) => part).join(", ");
}

/** Before the kubelet calls it a crash loop. */
function exitFailure(status: V1ContainerStatus): string | undefined {
  return exitWords(status.state?.terminated);
}

function exitWords(ended: { exitCode: number; reason?: string } | undefined): string | undefined {
  if (!ended || ended.exitCode === 0) return undefined;
  return `it ended with code ${ended.exitCode}${ended.reason ? ` (${ended.reason})` : ""}`;
}

/** The container runs, but a probe has failed for as long as it may: only its text can say which, for the pod does not. */
function probeFailure(pod: V1Pod, now: number): string | undefined {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  for (const status of statusesOf(pod)) {
    const container = [...containers, ...initContainers].find(({ name }) => name === status.name);
    const failing = container && failingProbe(container, status, now);
    if (failing) return `container ${status.name}: it runs, but its ${failing} fails`;
  }
  return undefined;
}

function failingProbe(container: V1Container, status: V1ContainerStatus, now: number): string | undefined {
  const startedAt = status.state?.running?.startedAt;
  if (!startedAt || status.ready) return undefined;
  const { startupProbe, readinessProbe } = container;
  const [kind, probe] =
    startupProbe && status.started !== true ? ["startup probe", startupProbe] : ["readiness probe", readinessProbe];
  const ageMs = now - new Date(startedAt).getTime();
  return probe && ageMs > patienceMs(probe) ? `${kind} (${probeWords(probe)})` : undefined;
}

/** From when on Kubernetes itself takes the probe for failed, with its defaults. */
function patienceMs({ initialDelaySeconds = 0, periodSeconds = 10, failureThreshold = 3 }: V1Probe): number {
  return 1_000 * (initialDelaySeconds + periodSeconds * failureThreshold);
}

function probeWords({ httpGet, tcpSocket, grpc, exec }: V1Probe): string {
  if (httpGet) return `GET ${httpGet.path ?? "/"} on port ${httpGet.port}`;
  if (tcpSocket) return `TCP on port ${tcpSocket.port}`;
  return grpc ? `gRPC on port ${grpc.port}` : (exec?.command ?? []).join(" ");
}

function statusesOf(pod: V1Pod): V1ContainerStatus[] {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses];
}

/** Its containers are well, or were not even begun: what else Kubernetes waits for says why only in Events, which nobody watches. */
function heldUp(pod: V1Pod, now: number): string | undefined {
  return gateFailure(pod) ?? volumeFailure(pod, now);
}

function conditionOf({ status }: V1Pod, type: string): V1PodCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

function gateFailure(pod: V1Pod): string | undefined {
  if (conditionOf(pod, "ContainersReady")?.status !== "True") return undefined;
  const gates = (pod.spec?.readinessGates ?? []).map(({ conditionType }) => conditionType);
  const closed = gates.find((gate) => conditionOf(pod, gate)?.status !== "True");
  if (closed === undefined) return undefined;
  const { reason, message } = { ...conditionOf(pod, closed) };
  const why = [reason, message].filter((part) => part).join(", ");
  return `waits for its readiness gate ${closed}, which whoever put it there has not set to True${why ? `: ${why}` : ""}`;
}

/** Images are pulled in that time as well, but not by every pod of one that mounts something. */
const mountPatienceMs = 60_000;

function volumeFailure(pod: V1Pod, now: number): string | undefined {
  const isCreating = statusesOf(pod).some(({ state }) => state?.waiting?.reason === "ContainerCreating");
  const since = conditionOf(pod, "PodScheduled")?.lastTransitionTime;
  const waitedMs = since ? now - new Date(since).getTime() : 0;
  if (!isCreating || waitedMs < mountPatienceMs) return undefined;
  const { volumes = [] } = { ...pod.spec };
  const mounted = volumes.flatMap(volumeWords);
  if (mounted.length === 0) return undefined;
  const shared = volumes.some(({ persistentVolumeClaim }) => persistentVolumeClaim) ? sharedWords : "";
  const waited = formatDuration(Math.floor(waitedMs / 1_000) * 1_000);
  return `has not begun ${waited} after it was scheduled: its image or what it mounts is awaited (${mounted.join(", ")})${shared}`;
}

const sharedWords =
  "; two versions on two nodes cannot both mount a claim that is ReadWriteOnce, while stable's pods hold it";

function volumeWords({ persistentVolumeClaim, secret, configMap }: V1Volume): string[] {
  if (persistentVolumeClaim) return [`claim ${persistentVolumeClaim.claimName}`];
  if (secret?.secretName !== undefined && !secret.optional) return [`Secret ${secret.secretName}`];
  return configMap?.name !== undefined && !configMap.optional ? [`ConfigMap ${configMap.name}`] : [];
}

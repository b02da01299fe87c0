/** Callers' pods, the workload behind each, and the command that restarts it. The same for Events, status and plugin. */
import type { V1ObjectMeta } from "@kubernetes/client-node";
import { shellQuoted } from "./shell.ts";

/** A caller whose proxy is older than the TrafficSplit. */
export interface StaleCaller {
  /** `namespace/pod`. */
  pod: string;
  /** `deployment/load`, as {@link workloadOf} gives it; absent where the pod could not be read. */
  workload?: string;
}

/**
 * `deployment/load`, `statefulset/db`, `daemonset/agent`, or `pod/x` where nothing restarts it. By its owner; where `metadata` is
 * not known, by its name, which tells a Deployment's pods only.
 */
export function workloadOf(pod: string, metadata?: V1ObjectMeta): string {
  return (metadata ? ownerOf(metadata) : deploymentInName(pod)) ?? `pod/${pod}`;
}

/** `kubectl -n test rollout restart deploy/load`; `flags` are kubectl's for a cluster, with a space before. */
export function restartCommand(namespace: string, workload: string, flags = ""): string {
  const verb = workload.startsWith("pod/") ? "delete" : "rollout restart";
  // A caller's name is what a Prometheus says that it is.
  return `kubectl -n ${shellQuoted(namespace)} ${verb} ${shellQuoted(workload.replace(/^deployment\//, "deploy/"))}${flags}`;
}

/** A command for each workload, joined by `; `. */
export function restartLines(callers: readonly StaleCaller[]): string {
  const lines = callers.map(({ pod, workload }) => {
    const { namespace, name } = parseCaller(pod);
    return restartCommand(namespace, workload ?? workloadOf(name));
  });
  return [...new Set(lines)].join("; ");
}

/** `namespace/pod` of each, for a sentence. */
export const podNames = (callers: readonly StaleCaller[]): string => callers.map(({ pod }) => pod).join(", ");

/** The two parts of `namespace/pod`. */
export function parseCaller(text: string): { namespace: string; name: string } {
  const slash = text.indexOf("/");
  return { namespace: text.slice(0, Math.max(0, slash)), name: text.slice(slash + 1) };
}

// --- internal ---

const restartable = ["Deployment", "StatefulSet", "DaemonSet"];

function ownerOf({ ownerReferences = [], labels = {} }: V1ObjectMeta): string | undefined {
  const owner = ownerReferences.find((reference) => reference.controller);
  if (!owner) return undefined;
  const hash = labels["pod-template-hash"];
  if (hash && owner.name.endsWith(`-${hash}`)) return `deployment/${owner.name.slice(0, -hash.length - 1)}`;
  return restartable.includes(owner.kind) ? `${owner.kind.toLowerCase()}/${owner.name}` : undefined;
}

/** By the alphabet and lengths of the suffixes that Kubernetes gives a Deployment's pods. */
function deploymentInName(name: string): string | undefined {
  const match = /^(.+)-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$/.exec(name);
  return match ? `deployment/${match[1]}` : undefined;
}

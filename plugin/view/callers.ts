/** From pods that must be restarted to the commands that restart them. */
import type { V1Pod } from "@kubernetes/client-node";
import { label } from "../../shared/core/objects/names.ts";

/** A caller's pod as status names it; `pod` is undefined where we may not read it or it is gone. */
export interface Caller {
  namespace: string;
  name: string;
  pod?: V1Pod | undefined;
}

export interface CallerView {
  namespace: string;
  /** `deployment/load`, or `pod/x` where nothing would bring it back. */
  workload: string;
  pods: number;
  command: string;
}

export function parseCaller(text: string): Caller {
  const slash = text.indexOf("/");
  return { namespace: text.slice(0, Math.max(0, slash)), name: text.slice(slash + 1) };
}

export function viewCallers(callers: readonly Caller[], clusterFlags: string): CallerView[] {
  const groups = new Map<string, { caller: Caller; workload: string; pods: number }>();
  for (const caller of callers) {
    const workload = workloadOf(caller);
    const key = `${caller.namespace}/${workload}`;
    const group = groups.get(key) ?? { caller, workload, pods: 0 };
    groups.set(key, { ...group, pods: group.pods + 1 });
  }
  return [...groups.values()].map(({ caller, workload, pods }) => ({
    namespace: caller.namespace,
    workload,
    pods,
    command: restartCommand(workload, caller.namespace, clusterFlags),
  }));
}

function restartCommand(workload: string, namespace: string, clusterFlags: string): string {
  const verb = workload.startsWith("pod/") ? "delete" : "rollout restart";
  return `kubectl ${verb} ${workload} -n ${namespace}${clusterFlags}`;
}

const restartable = ["Deployment", "StatefulSet", "DaemonSet"];

function workloadOf({ name, pod }: Caller): string {
  return (pod ? ownerOf(pod) : deploymentInName(name)) ?? `pod/${name}`;
}

function ownerOf({ metadata }: V1Pod): string | undefined {
  const owner = metadata?.ownerReferences?.find((reference) => reference.controller);
  if (!owner) return undefined;
  const hash = metadata?.labels?.[label.podTemplateHash];
  if (hash && owner.name.endsWith(`-${hash}`)) return `deployment/${owner.name.slice(0, -hash.length - 1)}`;
  return restartable.includes(owner.kind) ? `${owner.kind.toLowerCase()}/${owner.name}` : undefined;
}

/** By the alphabet and lengths of the suffixes that Kubernetes gives a Deployment's pods. */
function deploymentInName(name: string): string | undefined {
  const match = /^(.+)-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$/.exec(name);
  return match ? `deployment/${match[1]}` : undefined;
}

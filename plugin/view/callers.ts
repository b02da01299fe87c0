/** From pods that must be restarted to the commands that restart them. */
import type { V1Pod } from "@kubernetes/client-node";
import { restartCommand, workloadOf } from "../../shared/core/format/restart-command.ts";

/** A caller's pod as status names it; `pod` is undefined where we may not read it or it is gone. */
export interface Caller {
  namespace: string;
  name: string;
  pod?: V1Pod | undefined;
  /** What the controller found behind it. */
  workload?: string | undefined;
}

export interface CallerView {
  namespace: string;
  /** `deployment/load`, or `pod/x` where nothing would bring it back. */
  workload: string;
  pods: number;
  command: string;
}

export function viewCallers(callers: readonly Caller[], clusterFlags: string): CallerView[] {
  const groups = new Map<string, { caller: Caller; workload: string; pods: number }>();
  for (const caller of callers) {
    const { name, pod, workload = workloadOf(name, pod?.metadata) } = caller;
    const key = `${caller.namespace}/${workload}`;
    const group = groups.get(key) ?? { caller, workload, pods: 0 };
    groups.set(key, { ...group, pods: group.pods + 1 });
  }
  return [...groups.values()].map(({ caller, workload, pods }) => ({
    namespace: caller.namespace,
    workload,
    pods,
    command: restartCommand(caller.namespace, workload, clusterFlags),
  }));
}

/**
 * How Flux, Argo CD's sync waves and `kubectl apply` successors read an object: the rules of sigs.k8s.io/cli-utils' kstatus
 * for Deployments, and those for any object with conditions.
 */
import type { V1Deployment } from "@kubernetes/client-node";

export type Kstatus = "Current" | "InProgress" | "Failed";

interface Condition {
  type: string;
  status: string;
  reason?: string;
}

interface Conditioned {
  metadata?: { generation?: number };
  status?: { observedGeneration?: number; conditions?: readonly Condition[] };
}

/** Undefined: nothing general can be said, and the kind's own rules decide. */
export function generalStatus(object: Conditioned): Kstatus | undefined {
  const { observedGeneration, conditions = [] } = { ...object.status };
  if (observedGeneration !== undefined && observedGeneration !== object.metadata?.generation) return "InProgress";
  const isTrue = (type: string): boolean => conditions.some((one) => one.type === type && one.status === "True");
  if (isTrue("Stalled")) return "Failed";
  if (isTrue("Reconciling")) return "InProgress";
  const ready = conditions.find((one) => one.type === "Ready");
  if (!ready) return undefined;
  return ready.status === "True" ? "Current" : "InProgress";
}

export function deploymentStatus(deployment: V1Deployment): Kstatus {
  const general = generalStatus(deployment);
  if (general) return general;
  const conditions = deployment.status?.conditions ?? [];
  if (conditions.some(({ type, reason }) => type === "Progressing" && reason === "ProgressDeadlineExceeded"))
    return "Failed";
  return hasRolledOut(conditions) && hasAllReplicas(deployment) ? "Current" : "InProgress";
}

function hasRolledOut(conditions: readonly Condition[]): boolean {
  const holds = (type: string): Condition | undefined =>
    conditions.find((one) => one.type === type && one.status === "True");
  return holds("Progressing")?.reason === "NewReplicaSetAvailable" && holds("Available") !== undefined;
}

function hasAllReplicas({ spec, status }: V1Deployment): boolean {
  const wanted = spec?.replicas ?? 1;
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = { ...status };
  return replicas === wanted && updatedReplicas >= wanted && readyReplicas >= wanted && availableReplicas >= wanted;
}

/**
 * A rejection as it stands in a target's own status: its `Progressing` condition says so to `kubectl rollout status`, Flux and
 * Argo CD. It holds for one template, which its message names: the condition of a template that is not the present one is over.
 */
import type { V1Deployment, V1DeploymentCondition } from "@kubernetes/client-node";

/** What the deployment controller itself says of a paused Deployment whose rollout has not failed. */
export const pausedCondition = {
  status: "Unknown",
  reason: "DeploymentPaused",
  message: "Deployment is paused",
} as const;

/** The condition of a rejection of the template with hash `intent`; `words` say why, in one or two sentences. */
export function rejectedCondition(words: string, intent: string): Pick<V1DeploymentCondition, "status"> & Words {
  return { status: "False", reason: "ProgressDeadlineExceeded", message: `${prefix} ${words} (template ${intent})` };
}

/**
 * A `Progressing` condition with this message is ours. The mark is in the message because the reason must be Kubernetes' own:
 * `kubectl rollout status` and kstatus fail at that one alone.
 */
export function isRejection(message: string): boolean {
  return message.startsWith(prefix);
}

/**
 * The Deployment with its status as it is to be stored: without a rejection of another template than its present one, whose hash is
 * `intent`. Itself where there is none. A rejection that names no template, as earlier versions wrote it, stays.
 */
export function withoutPastRejection(deployment: V1Deployment, intent: string): V1Deployment {
  const { conditions = [] } = { ...deployment.status };
  if (!conditions.some((condition) => isPast(condition, intent))) return deployment;
  const current = conditions.map((condition) =>
    isPast(condition, intent) ? { ...condition, ...pausedCondition } : condition,
  );
  return { ...deployment, status: { ...deployment.status, conditions: current } };
}

// --- internal ---

interface Words {
  reason: string;
  message: string;
}

const prefix = "canary rejected:";

function isPast({ type, message = "" }: V1DeploymentCondition, intent: string): boolean {
  if (type !== "Progressing" || !isRejection(message)) return false;
  const rejected = / \(template (\S+)\)$/.exec(message)?.[1];
  return rejected !== undefined && rejected !== intent;
}

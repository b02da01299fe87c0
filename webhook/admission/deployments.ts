/** POST /mutate/deployments: holds the rollout of gated Deployments. No reads, no writes: the core decides from the review. */
import type { V1Deployment } from "@kubernetes/client-node";
import { admitCreated, admitTarget } from "../../shared/core/admission/hold.ts";
import type { AdmissionRequest, Verdict } from "./review.ts";

/** `ownAccounts`: user names whose writes pass as they are. */
export function admitDeployment(request: AdmissionRequest, ownAccounts: readonly string[]): Verdict {
  if (request.subResource) return { allowed: true, warnings: [] };
  if (request.operation === "CREATE") {
    const created = admitCreated(request.object as unknown as V1Deployment);
    return created.allowed ? created : { ...created, code: 409 };
  }
  if (request.operation !== "UPDATE") return { allowed: true, warnings: [] };
  const result = admitTarget({
    object: request.object as unknown as V1Deployment,
    oldObject: request.oldObject as unknown as V1Deployment,
    user: request.userInfo.username,
    ownAccounts,
  });
  return result.allowed ? result : { ...result, code: 409 };
}

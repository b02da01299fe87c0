/**
 * POST /mutate/deployments: holds the rollout of gated Deployments, and takes a rejection off with the status that has observed
 * another template. No reads, no writes: the core decides from the review.
 */
import type { V1Deployment } from "@kubernetes/client-node";
import { admitCreated, admitTarget } from "../../shared/core/admission/hold.ts";
import { withoutPastRejection } from "../../shared/core/admission/rejection.ts";
import { hashTemplate } from "../../shared/template-hash.ts";
import type { AdmissionRequest, Verdict } from "./review.ts";

/** `ownAccounts`: user names whose writes pass as they are. */
export function admitDeployment(request: AdmissionRequest, ownAccounts: readonly string[]): Verdict {
  if (request.subResource === "status") return admitStatus(request.object as unknown as V1Deployment);
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

// --- internal ---

function admitStatus(object: V1Deployment): Verdict {
  return { allowed: true, object: withoutPastRejection(object, hashTemplate(object.spec?.template)), warnings: [] };
}

/** Whether a Deployment can be canaried at all, and whether another controller is at work: what both sides must see alike. */
import type { V1Deployment } from "@kubernetes/client-node";
import { trackLabel } from "./workload.ts";

/** Why this Deployment can never be canaried as it is; undefined if it can. */
export function ineligibility(deployment: V1Deployment): string | undefined {
  const name = deployment.metadata?.name ?? "";
  const owner = deployment.metadata?.ownerReferences?.find((reference) => reference.controller);
  if (owner)
    return `Deployment ${name} is run by ${owner.kind} ${owner.name}, which would undo what we do: canary that instead.`;
  if (!trackLabel(deployment))
    return `Deployment ${name} selects its pods by none of app, name, app.kubernetes.io/name: canary pods could not be told apart.`;
  if (deployment.spec?.strategy?.type === "Recreate")
    return `Deployment ${name} has strategy Recreate: it stops every pod before new ones start, so nothing could carry the traffic. Use RollingUpdate.`;
  return undefined;
}

/** A Flagger controller at work. It is known by the image that it runs, whatever it is called. */
export function isFlagger(deployment: V1Deployment): boolean {
  const images = deployment.spec?.template.spec?.containers.map((container) => container.image ?? "") ?? [];
  return images.some((image) => /(^|\/)flagger(:|@|$)/.test(image)) && (deployment.spec?.replicas ?? 1) > 0;
}

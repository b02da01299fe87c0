/** Whether a Deployment can be canaried at all, and whether another controller is at work: what both sides must see alike. */
import type { V1Deployment } from "@kubernetes/client-node";
import { selectorLabels, trackLabel } from "../selectors/track-label.ts";

export interface Ineligible {
  /** Why, and what to do, in sentences. */
  what: string;
  /** What would help, before a command that shows it; where it can be edited, nothing. */
  say?: string;
}

/** Why this Deployment can never be canaried as it is, and what would help; undefined if it can. */
export function ineligibility(deployment: V1Deployment): Ineligible | undefined {
  const name = deployment.metadata?.name ?? "";
  const owner = deployment.metadata?.ownerReferences?.find((reference) => reference.controller);
  if (owner)
    return {
      what: `Deployment ${name} is run by ${owner.kind} ${owner.name}, which would undo what we do: canary that instead.`,
      say: "name a Deployment that nobody else writes in spec.targetRef",
    };
  if (!trackLabel(deployment)) return { what: withoutTrack(name, deployment), say: anew };
  if (deployment.spec?.strategy?.type === "Recreate")
    return {
      what: `Deployment ${name} has strategy Recreate: it stops every pod before new ones start, so nothing could carry the traffic. Use RollingUpdate.`,
    };
  return undefined;
}

/** A Flagger controller at work. It is known by the image that it runs, whatever it is called. */
export function isFlagger(deployment: V1Deployment): boolean {
  const images = deployment.spec?.template.spec?.containers.map((container) => container.image ?? "") ?? [];
  return images.some((image) => /(^|\/)flagger(:|@|$)/.test(image)) && (deployment.spec?.replicas ?? 1) > 0;
}

// --- internal ---

const anew =
  "a selector cannot be edited: create the Deployment anew, with app and one value in spec.selector.matchLabels and in its pods' labels; to begin with";

function withoutTrack(name: string, { spec }: V1Deployment): string {
  const { matchLabels = {}, matchExpressions = [] } = { ...spec?.selector };
  const found = [
    ...Object.keys(matchLabels),
    ...matchExpressions.map(({ key, operator, values = [] }) => `${key} ${operator} (${values.join(", ")})`),
  ];
  return `Deployment ${name} selects its pods by ${found.join(", ") || "nothing"}. Canary pods are told apart by one value of ${selectorLabels.join(", ")} in the selector, which cannot be edited: create the Deployment anew with one of them.`;
}

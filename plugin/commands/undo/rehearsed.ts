/** What the API server would make of a template that is to be put back. Pure. */
import type { V1Deployment, V1PodTemplateSpec } from "@kubernetes/client-node";
import { label } from "../../../shared/core/objects/names.ts";
import { hashTemplate } from "../../../shared/template-hash.ts";
import { Refusal } from "../../errors.ts";

export interface Rehearsed {
  /** The Deployment as it is, and as it would be. */
  before: V1Deployment;
  after: V1Deployment;
  template: V1PodTemplateSpec;
  /** Hash of stable's template. */
  stable: string | undefined;
  /** The version, for sentences. */
  wanted: string;
  /** It is to go out without a canary. */
  isNow: boolean;
}

/** Whether the Deployment would get exactly this template. Throws where that would be no undoing, or would go past the canary. */
export function requireUndoing(rehearsed: Rehearsed): boolean {
  const { before, after, template, stable } = rehearsed;
  const becomes = hashTemplate(after.spec?.template);
  const isExact = becomes === hashTemplate(template);
  if (!isExact) requireJudged(rehearsed, becomes === hashTemplate(before.spec?.template));
  if (becomes !== stable && !isHeld(after)) throw unheld(before);
  return isExact;
}

// --- internal ---

function requireJudged({ before, wanted, isNow }: Rehearsed, isNothing: boolean): void {
  const deployment = `deployment/${before.metadata?.name ?? ""}`;
  if (isNothing)
    throw new Refusal(
      `Nothing to undo: ${deployment} is set to ${wanted} already, but for its ConfigMaps and Secrets, which have changed in place since. Put their data back.`,
    );
  if (isNow)
    throw new Refusal(
      `Not written: ${deployment} would get another template than ${wanted} had. Its ConfigMaps and Secrets have changed in place since then, or a webhook of the cluster changes templates. Nobody has judged that, so it does not go out at once: leave --now off.`,
    );
}

const isHeld = ({ metadata }: V1Deployment): boolean => metadata?.labels?.[label.held] !== undefined;

function unheld({ metadata }: V1Deployment): Refusal {
  const { name = "", namespace = "" } = metadata ?? {};
  return new Refusal(
    `Not written: the webhook would not hold deployment/${name}, and the change would go live without a canary. Is it under the Canary's control? Look:\n  kubectl get deployment ${name} -n ${namespace} --show-labels`,
  );
}

/**
 * Everything that must hold before a canary may start, each rule in one place. The controller, admission and `doctor` all ask
 * here, each with the objects that it has seen. To add one, write it into the file of its subject, under its code.
 */
import { apexOf, type Canary } from "../objects/canary.ts";
import { alertRules } from "./alerts.ts";
import { canaryRules } from "./canary.ts";
import { configRules } from "./configs.ts";
import type { Finding, Level, Rule, SeenObjects } from "./finding.ts";
import { flaggerRules } from "./flagger.ts";
import { foreignRules } from "./foreign-objects.ts";
import { metricRules } from "./metrics.ts";
import { policyRules } from "./policy.ts";
import { routeRules } from "./route.ts";
import { selectingRules } from "./selecting.ts";
import { serviceRules } from "./service.ts";
import { targetRules } from "./target.ts";
import { webhookRules } from "./webhooks.ts";

const rules = {
  ...flaggerRules,
  ...canaryRules,
  ...foreignRules,
  ...routeRules,
  ...targetRules,
  ...serviceRules,
  ...policyRules,
  ...selectingRules,
  ...configRules,
  ...metricRules,
  ...webhookRules,
  ...alertRules,
};

export type PreconditionCode = keyof typeof rules;

/** In the order in which causes come before what they cause. */
export const preconditionCodes = Object.keys(rules) as PreconditionCode[];

/** What is not met, as far as the objects say: what forbids most first. */
export function unmetPreconditions(seen: SeenObjects): Finding<PreconditionCode>[] {
  const found = (Object.entries(rules) as [PreconditionCode, Rule][]).flatMap(([code, rule]) =>
    rule(seen).map((finding) => ({ code, ...finding })),
  );
  return found.sort((a, b) => rank[a.level] - rank[b.level]);
}

/** A Canary by its own text: nothing of the cluster is known, and nothing of the chart. */
export function byText(canary: Canary): SeenObjects & { canary: Canary } {
  const { metadata, spec } = canary;
  return { canary, namespace: metadata.namespace ?? "", targetName: spec.targetRef.name, apexName: apexOf(canary) };
}

/** The sentence of {@link Cure}; `flags` are kubectl's for a cluster that is not the default, with a space before. */
export function cureText({ say, run }: Finding["cure"], flags = ""): string {
  return [...(say === undefined ? [] : [say]), ...(run === undefined ? [] : [`${run}${flags}`])].join(": ");
}

const rank: Record<Level, number> = { obstacle: 0, unfit: 1, missing: 2, warning: 3 };

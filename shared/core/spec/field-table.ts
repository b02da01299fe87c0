/**
 * What becomes of each field of a Canary's spec. Flagger's schema is accepted whole, and a field that is not carried out is
 * named: nothing that a team writes is ignored in silence. A test holds this table against the schema.
 */
import type { CanarySpec } from "../objects/canary.ts";

/**
 * `read`: carried out, or refused by its own rule. `ignored`: said at admission, in status and by `doctor`. `part of`: means nothing by
 * itself, and what becomes of the field at `whole` becomes of it. `always`: what it asks for is done in any case.
 */
export type Treatment =
  | { how: "read" }
  | { how: "ignored"; why: string }
  | { how: "part of"; whole: string }
  | { how: "always"; why: string };

export interface IgnoredField {
  /** As `spec.service.timeout`. */
  path: string;
  /** Why it is not carried out, and the way round. */
  why: string;
}

/** Fields of the spec that are given and not carried out, in the order of the schema. */
export function ignoredFields(spec: CanarySpec): IgnoredField[] {
  const always = Object.entries(fieldTable).flatMap(([path, treatment]) =>
    treatment.how === "ignored" && isGiven(valuesAt(spec, path.split(".").slice(1)))
      ? [{ path: path.replaceAll("[]", ""), why: treatment.why }]
      : [],
  );
  return [...always, ...besideSteps(spec)];
}

/** `maxWeight` ends what `stepWeight` begins, and nothing else. */
function besideSteps({ analysis }: CanarySpec): IgnoredField[] {
  const { iterations, stepWeights, maxWeight } = { ...analysis };
  if (maxWeight === undefined) return [];
  const ignoredFor = (why: string): IgnoredField[] => [{ path: "spec.analysis.maxWeight", why }];
  if (iterations !== undefined)
    return ignoredFor("by iterations all users are switched over at once, or those who match; remove it");
  const last = stepWeights?.at(-1);
  if (last === undefined || last === maxWeight) return [];
  return ignoredFor(`stepWeights go to ${last} whatever it says; end them where they are to end`);
}

/** The sentence of a warning. */
export function ignoredText({ path, why }: IgnoredField): string {
  return `${path} is not carried out: ${why}`;
}

const read: Treatment = { how: "read" };
const ignored = (why: string): Treatment => ({ how: "ignored", why });
const partOf = (whole: string): Treatment => ({ how: "part of", whole });
const always = (why: string): Treatment => ({ how: "always", why });

const otherMeshes = ignored("Linkerd's routes have no such thing; remove it");

/** By the path in the schema; `[]` is an item of a list. */
export const fieldTable: Record<string, Treatment> = {
  "spec.provider": read,
  "spec.metricsServer": read,
  "spec.progressDeadlineSeconds": read,
  "spec.targetRef.apiVersion": read,
  "spec.targetRef.kind": read,
  "spec.targetRef.name": read,
  "spec.autoscalerRef.apiVersion": partOf("spec.autoscalerRef.name"),
  "spec.autoscalerRef.kind": read,
  "spec.autoscalerRef.name": read,
  "spec.autoscalerRef.primaryScalerQueries": ignored(
    "there is no clone of the ScaledObject: its own queries go on scaling stable",
  ),
  "spec.autoscalerRef.primaryScalerReplicas.minReplicas": ignored("set minReplicas in the autoscaler itself"),
  "spec.autoscalerRef.primaryScalerReplicas.maxReplicas": ignored("set maxReplicas in the autoscaler itself"),
  "spec.ingressRef.apiVersion": partOf("spec.ingressRef.name"),
  "spec.ingressRef.kind": partOf("spec.ingressRef.name"),
  "spec.ingressRef.name": read,
  "spec.routeRef.apiVersion": partOf("spec.routeRef.name"),
  "spec.routeRef.kind": partOf("spec.routeRef.name"),
  "spec.routeRef.name": read,
  "spec.upstreamRef.apiVersion": partOf("spec.upstreamRef.name"),
  "spec.upstreamRef.kind": partOf("spec.upstreamRef.name"),
  "spec.upstreamRef.name": otherMeshes,
  "spec.upstreamRef.namespace": partOf("spec.upstreamRef.name"),
  "spec.service.name": read,
  "spec.service.port": read,
  "spec.service.portName": read,
  "spec.service.appProtocol": read,
  "spec.service.trafficDistribution": read,
  "spec.service.targetPort": read,
  "spec.service.portDiscovery": read,
  "spec.service.headless": read,
  "spec.service.timeout": read,
  "spec.service.backendTimeout": read,
  "spec.service.hosts[]": read,
  "spec.service.gatewayRefs[].group": read,
  "spec.service.gatewayRefs[].kind": read,
  "spec.service.gatewayRefs[].name": read,
  "spec.service.gatewayRefs[].namespace": read,
  "spec.service.gatewayRefs[].sectionName": read,
  "spec.service.gatewayRefs[].port": read,
  "spec.service.apex.labels": read,
  "spec.service.apex.annotations": read,
  "spec.service.primary.labels": read,
  "spec.service.primary.annotations": read,
  "spec.service.canary.labels": read,
  "spec.service.canary.annotations": read,
  "spec.service.unmanagedMetadata.annotations[]": always("labels and annotations that are not ours are left alone"),
  "spec.service.unmanagedMetadata.labels[]": always("labels and annotations that are not ours are left alone"),
  "spec.service.match[]": read,
  "spec.service.mirror[]": read,
  "spec.service.rewrite": read,
  "spec.service.headers": read,
  "spec.service.corsPolicy": otherMeshes,
  "spec.service.trafficPolicy": otherMeshes,
  "spec.service.retries": ignored("annotate the Service with retry.linkerd.io/http and retry.linkerd.io/limit"),
  "spec.service.gateways[]": otherMeshes,
  "spec.service.backends[]": otherMeshes,
  "spec.service.meshName": otherMeshes,
  "spec.service.delegation": otherMeshes,
  "spec.skipAnalysis": read,
  "spec.revertOnDeletion": always("a Canary that is deleted gives the Deployment back on stable's template"),
  "spec.suspend": read,
  "spec.analysis.interval": read,
  "spec.analysis.threshold": read,
  "spec.analysis.stepWeight": read,
  "spec.analysis.stepWeights[]": read,
  "spec.analysis.maxWeight": read,
  "spec.analysis.stepWeightPromotion": read,
  "spec.analysis.pauses[].weight": read,
  "spec.analysis.pauses[].duration": read,
  "spec.analysis.rollbackWindow.versions": read,
  "spec.analysis.rollbackWindow.duration": read,
  "spec.analysis.keepFailedCanary": read,
  "spec.analysis.iterations": read,
  "spec.analysis.mirror": read,
  "spec.analysis.mirrorWeight": ignored("requests are not mirrored on Linkerd; remove it"),
  "spec.analysis.primaryReadyThreshold": read,
  "spec.analysis.canaryReadyThreshold": read,
  "spec.analysis.canaryReplicas": read,
  "spec.analysis.preview.header.name": read,
  "spec.analysis.preview.header.value": read,
  "spec.analysis.match[].headers": read,
  "spec.analysis.match[].queryParams": read,
  "spec.analysis.match[].sourceLabels": read,
  "spec.analysis.metrics[].name": read,
  "spec.analysis.metrics[].interval": read,
  "spec.analysis.metrics[].threshold": read,
  "spec.analysis.metrics[].thresholdRange.min": read,
  "spec.analysis.metrics[].thresholdRange.max": read,
  "spec.analysis.metrics[].query": read,
  "spec.analysis.metrics[].templateRef.name": read,
  "spec.analysis.metrics[].templateRef.namespace": read,
  "spec.analysis.metrics[].templateVariables": read,
  "spec.analysis.metrics[].failureLimit": read,
  "spec.analysis.metrics[].dryRun": read,
  "spec.analysis.requests": read,
  "spec.analysis.minRequests": read,
  "spec.analysis.warmup": read,
  "spec.analysis.noEvidence.policy": read,
  "spec.analysis.noEvidence.deadline": read,
  "spec.analysis.cannotAsk.deadline": read,
  "spec.analysis.comparison.mode": read,
  "spec.analysis.comparison.alpha": read,
  "spec.analysis.comparison.marginPercent": read,
  "spec.analysis.comparison.clientErrors": read,
  "spec.analysis.comparison.clientErrorsMarginPercent": read,
  "spec.analysis.alerts[].name": read,
  "spec.analysis.alerts[].severity": read,
  "spec.analysis.alerts[].providerRef.name": read,
  "spec.analysis.alerts[].providerRef.namespace": read,
  "spec.analysis.webhooks[].name": read,
  "spec.analysis.webhooks[].type": read,
  "spec.analysis.webhooks[].url": read,
  "spec.analysis.webhooks[].timeout": read,
  "spec.analysis.webhooks[].retries": read,
  "spec.analysis.webhooks[].disableTLS": read,
  "spec.analysis.webhooks[].muteAlert": read,
  "spec.analysis.webhooks[].metadata": read,
  "spec.analysis.sessionAffinity.cookieName": read,
  "spec.analysis.sessionAffinity.primaryCookieName": read,
  "spec.analysis.sessionAffinity.domain": read,
  "spec.analysis.sessionAffinity.httpOnly": read,
  "spec.analysis.sessionAffinity.maxAge": read,
  "spec.analysis.sessionAffinity.partitioned": read,
  "spec.analysis.sessionAffinity.path": read,
  "spec.analysis.sessionAffinity.sameSite": read,
  "spec.analysis.sessionAffinity.secure": read,
};

// --- internal ---

function valuesAt(value: unknown, path: readonly string[]): unknown[] {
  const [key, ...rest] = path;
  if (key === undefined) return [value];
  if (typeof value !== "object" || value === null) return [];
  const name = key.replace("[]", "");
  const found: unknown = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
  if (!key.endsWith("[]")) return valuesAt(found, rest);
  return Array.isArray(found) ? found.flatMap((item) => valuesAt(item, rest)) : [];
}

/** What Flagger's manifests write to leave a thing off asks for nothing. */
function isGiven(values: readonly unknown[]): boolean {
  return values.some((value) => {
    if (value === undefined || value === null || value === false || value === "" || value === 0) return false;
    return typeof value !== "object" || Object.keys(value).length > 0;
  });
}

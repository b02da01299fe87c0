/** What a Canary's text is allowed to say and its author may not have meant: said as warnings when it is written. */
import type { Canary, CanarySpec, MetricSpec } from "../../shared/core/objects/canary.ts";
import { render, type TemplateContext } from "../../shared/core/analysis/query-template.ts";
import { canaryName } from "../../shared/core/objects/names.ts";
import { parsePolicy } from "../../shared/core/spec/policy.ts";

/** For a Canary whose text has no fault. */
export function doubtsOf({ metadata, spec }: Canary): string[] {
  const policy = parsePolicy(spec);
  const unsupported = policy.ok ? policy.policy.unsupported : [];
  return [
    ...unsupported.map((what) => `kubectl-canary does not do ${what}: no run starts until it is removed`),
    ...unjudged(spec),
    ...unusableQueries(spec, { name: metadata.name ?? "", namespace: metadata.namespace ?? "" }),
    ...parentsElsewhere(spec),
  ];
}

// --- internal ---

function unjudged({ analysis, skipAnalysis }: CanarySpec): string[] {
  if (skipAnalysis || (analysis.metrics ?? []).length > 0) return [];
  return ["spec.analysis.metrics is empty: a version is promoted as soon as users reach it, however it answers them"];
}

/** Flagger's template language is larger than ours, so that this is no fault of the text. */
function unusableQueries(spec: CanarySpec, { name, namespace }: { name: string; namespace: string }): string[] {
  const { targetRef, service, analysis } = spec;
  const context = (metric: MetricSpec): TemplateContext => ({
    name,
    namespace,
    target: canaryName(targetRef.name),
    service: service?.name ?? targetRef.name,
    interval: metric.interval ?? "1m",
    variables: metric.templateVariables ?? {},
  });
  return (analysis.metrics ?? []).flatMap((metric, index) => {
    if (metric.query === undefined || metric.templateRef !== undefined) return [];
    const rendered = render(metric.query, context(metric));
    if (!("error" in rendered)) return [];
    return [`spec.analysis.metrics[${index}].query cannot be asked, and no run starts: ${rendered.error}`];
  });
}

/** Meshed callers of the apex follow routes of which it is a parent. */
function parentsElsewhere({ provider, service, targetRef }: CanarySpec): string[] {
  const references = service?.gatewayRefs ?? [];
  const apex = service?.name ?? targetRef.name;
  const isHttpRoute = provider === undefined || provider.startsWith("gatewayapi:");
  if (!isHttpRoute || references.length === 0) return [];
  if (references.some(({ kind, name }) => kind === "Service" && name === apex)) return [];
  return [
    `spec.service.gatewayRefs does not name Service ${apex}: its callers in the mesh will not follow the weights (kind: Service, group: core, name: ${apex})`,
  ];
}

/** Metrics that could not be asked whatever Prometheus says: told before any traffic moves, and before any change is even made. */
import { customQuery, templateContext } from "../analysis/query-template.ts";
import { isBuiltIn } from "../analysis/verdict.ts";
import type { MetricSpec } from "../objects/canary.ts";
import { kubectl, nameOf, type Finding, type Rule, type Rules, type SeenObjects } from "./finding.ts";

const templateMissing: Rule = (seen) =>
  eachMetric(seen, (metric) => {
    const key = templateKey(metric, seen);
    if (key === undefined || !seen.templates || seen.templates.has(key)) return [];
    return unusable(seen, metric, `spec.analysis.metrics names MetricTemplate ${key}`);
  });

const metricUnusable: Rule = (seen) =>
  eachMetric(seen, (metric) => {
    const key = templateKey(metric, seen);
    if (key !== undefined && !seen.templates?.has(key)) return [];
    const asked = key === undefined ? "its query" : `MetricTemplate ${key}`;
    return unusable(seen, metric, `${asked}, as metric ${metric.name} asks it`);
  });

type Found = Omit<Finding, "code">[];

function eachMetric({ canary }: SeenObjects, rule: (metric: MetricSpec) => Found): Found {
  return (canary?.spec.analysis.metrics ?? []).filter((metric) => !isBuiltIn(metric)).flatMap(rule);
}

function templateKey({ templateRef }: MetricSpec, { namespace }: SeenObjects): string | undefined {
  return templateRef && `${templateRef.namespace ?? namespace}/${templateRef.name}`;
}

function unusable(seen: SeenObjects, metric: MetricSpec, evidence: string): Found {
  const { canary, namespace, templates } = seen;
  if (!canary) return [];
  const key = templateKey(metric, seen);
  const query = customQuery(
    metric,
    templateContext(canary, metric),
    key === undefined ? undefined : templates?.get(key),
  );
  if (!("error" in query)) return [];
  const cure = { run: kubectl(namespace, `edit canary ${nameOf(canary)}`) };
  return [{ level: "missing", what: `Metric ${metric.name} cannot be asked: ${query.error}.`, evidence, cure }];
}

export const metricRules = { "template-missing": templateMissing, "metric-unusable": metricUnusable } satisfies Rules;

/** Metrics that could not be asked whatever Prometheus says: told before any traffic moves, and before any change is even made. */
import { customQuery, templateContext, templateSubject } from "../queries/query-template.ts";
import { optional } from "../format/compact.ts";
import { isBuiltIn } from "../analysis/verdict.ts";
import type { Canary, MetricSpec } from "../objects/canary.ts";
import { trackLabel } from "../objects/workload.ts";
import type { QueryScopeFinding, TrackNames } from "../queries/query-scope.ts";
import {
  type Cure,
  kubectlIn,
  type Level,
  nameOf,
  type Finding,
  type Rule,
  type Rules,
  type SeenObjects,
} from "./finding.ts";

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

/** A query that would judge stable in the canary's place, or nothing at all: no run may pass on its numbers. */
const metricWrongTrack: Rule = (seen) => tracksMeasured(seen, "refused", "missing");

const metricBothTracks: Rule = (seen) => tracksMeasured(seen, "warning", "warning");

type Found = Omit<Finding, "code">[];

function tracksMeasured(seen: SeenObjects, asked: QueryScopeFinding["level"], level: Level): Found {
  const { canary, namespace, targetName, apexName, readQuery } = seen;
  if (!readQuery || !canary) return [];
  return eachMetric(seen, (metric) => {
    const key = templateKey(metric, seen);
    const template = key === undefined ? undefined : seen.templates?.get(key);
    const query = customQuery(metric, templateContext(templateSubject(canary), metric), template);
    if ("error" in query) return [];
    const found = readQuery(query.query, { deployment: targetName, service: apexName, ...podLabelOf(seen) });
    if (found?.level !== asked) return [];
    const { text, cure } = origin(key, { namespace, canary });
    const what = `Metric ${metric.name}: ${text} ${found.what}; ${found.cure}.`;
    return [{ level: unlessSkipped(canary, level), what, evidence: query.query, cure }];
  });
}

/** What tells the tracks' pods apart, where the target is known. */
function podLabelOf({ target }: SeenObjects): Pick<TrackNames, "podLabel"> {
  const name = target ? trackLabel(target) : undefined;
  const value = target?.spec?.selector.matchLabels?.[name ?? ""];
  return name === undefined || value === undefined ? {} : { podLabel: { name, value } };
}

/** Where a query stands, and where to correct it. `key` is its MetricTemplate's, as `namespace/name`. */
function origin(key: string | undefined, at: { namespace: string; canary: Canary }): { text: string; cure: Cure } {
  const [namespace, name] = key?.split("/") ?? [];
  if (namespace === undefined || name === undefined)
    return { text: "its query", cure: { run: kubectlIn(at.namespace, `edit canary ${nameOf(at.canary)}`) } };
  return { text: `its MetricTemplate ${key}`, cure: { run: kubectlIn(namespace, `edit metrictemplate ${name}`) } };
}

function eachMetric({ canary }: SeenObjects, rule: (metric: MetricSpec) => Found): Found {
  return (canary?.spec.analysis.metrics ?? []).filter((metric) => !isBuiltIn(metric)).flatMap(rule);
}

function templateKey({ templateRef }: MetricSpec, { namespace }: SeenObjects): string | undefined {
  return templateRef && `${templateRef.namespace || namespace}/${templateRef.name}`;
}

function unusable(seen: SeenObjects, metric: MetricSpec, evidence: string): Found {
  const { canary, namespace, templates } = seen;
  if (!canary) return [];
  const key = templateKey(metric, seen);
  const query = customQuery(
    metric,
    { ...templateContext(templateSubject(canary), metric), ...optional("templateNamespaces", seen.templateNamespaces) },
    key === undefined ? undefined : templates?.get(key),
  );
  if (!("error" in query)) return [];
  const cure = { run: kubectlIn(namespace, `edit canary ${nameOf(canary)}`) };
  const level = unlessSkipped(canary, "missing");
  return [{ level, what: `Metric ${metric.name} cannot be asked: ${query.error}.`, evidence, cure }];
}

/** What nobody asks keeps no version back: a fix goes out beside a metric that is broken. */
function unlessSkipped({ spec }: Canary, level: Level): Level {
  return spec.skipAnalysis ? "warning" : level;
}

export const metricRules = {
  "template-missing": templateMissing,
  "metric-unusable": metricUnusable,
  "metric-wrong-track": metricWrongTrack,
  "metric-both-tracks": metricBothTracks,
} satisfies Rules;

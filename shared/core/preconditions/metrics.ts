/** Metrics that could not be asked whatever Prometheus says: told before any traffic moves, and before any change is even made. */
import { hostOf, refusalOf } from "../queries/allowed-addresses.ts";
import { customQuery, templateContext, templateSubject } from "../queries/query-template.ts";
import { optional } from "../format/compact.ts";
import { selectedLabels } from "../selectors/track-label.ts";
import { isBuiltIn } from "../analysis/verdict.ts";
import { type Canary, type MetricSpec, referredNamespace } from "../objects/canary.ts";
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
import { trackIn } from "./track.ts";

const templateMissing: Rule = (seen) =>
  eachMetric(seen, (metric) => {
    const key = templateKey(metric, seen);
    if (key === undefined || !seen.templates || seen.templates.has(key) || isStrangers(metric, seen)) return [];
    return unusable(seen, metric, `spec.analysis.metrics names MetricTemplate ${key}`);
  });

const metricUnusable: Rule = (seen) =>
  eachMetric(seen, (metric) => {
    const key = templateKey(metric, seen);
    if (key !== undefined && !seen.templates?.has(key) && !isStrangers(metric, seen)) return [];
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
    const of = asked === "refused" && key === undefined ? { fields: fieldsOf(metric) } : {};
    return [{ level: unlessSkipped(canary, level), what, evidence: query.query, cure, ...of }];
  });
}

/** What tells the tracks' pods apart, where the target is known. */
function podLabelOf(seen: SeenObjects): Pick<TrackNames, "podLabel"> {
  const name = trackIn(seen);
  const value = selectedLabels(seen.target?.spec?.selector)[name ?? ""];
  return name === undefined || value === undefined ? {} : { podLabel: { name, value } };
}

/** Where a query stands, and where to correct it. `key` is its MetricTemplate's, as `namespace/name`. */
function origin(key: string | undefined, at: { namespace: string; canary: Canary }): { text: string; cure: Cure } {
  const [namespace, name] = key?.split("/") ?? [];
  if (namespace === undefined || name === undefined)
    return { text: "its query", cure: { run: kubectlIn(at.namespace, `edit canary ${nameOf(at.canary)}`) } };
  return { text: `its MetricTemplate ${key}`, cure: { run: kubectlIn(namespace, `edit metrictemplate ${name}`) } };
}

/** Told before there is any pod of a run, which nobody would get until it is given up. */
const metricAddressRefused: Rule = (seen) => {
  const { canary, namespace } = seen;
  if (!canary) return [];
  const { metricsServer } = canary.spec;
  const refusal = metricsServer && refusalIn(seen, metricsServer, namespace);
  const at = { evidence: `the spec of Canary ${nameOf(canary)}`, cure: origin(undefined, { namespace, canary }).cure };
  const own: Found = refusal ? [{ level: "missing", what: `spec.metricsServer: ${refusal}.`, ...at }] : [];
  return [...own, ...eachMetric(seen, (metric) => templateAddressRefused(seen, metric))];
};

function templateAddressRefused(seen: SeenObjects, metric: MetricSpec): Found {
  const { canary, namespace } = seen;
  const key = templateKey(metric, seen);
  const { type, address } = { ...seen.templates?.get(key ?? "")?.spec.provider };
  const [of] = (key ?? "").split("/");
  const refusal = type === "prometheus" && address && refusalIn(seen, address, of);
  if (!canary || !refusal) return [];
  const what = `Metric ${metric.name} cannot be asked: ${refusal}.`;
  const { cure } = origin(key, { namespace, canary });
  return [{ level: unlessSkipped(canary, "missing"), what, evidence: `MetricTemplate ${key} names it`, cure }];
}

/** `namespace`: of the object that names the address. What is asked already, by the controller or the Canary, is nothing new. */
function refusalIn({ canary, metricServers }: SeenObjects, address: string, namespace?: string): string | undefined {
  if (!metricServers) return undefined;
  const known = [metricServers.own, canary?.spec.metricsServer ?? ""].map(hostOf);
  const isOfCanary = address === canary?.spec.metricsServer;
  if (known.slice(0, isOfCanary ? 1 : 2).includes(hostOf(address) ?? "none")) return undefined;
  return refusalOf(address, metricServers.allowed, namespace);
}

/** Names of what is the better the higher it is. */
const goods = ["success", "availab", "uptime"];

/** `threshold`, which Flagger calls deprecated, is a lowest value for its own success rate alone, and a highest for every other metric. */
const thresholdIsMaximum: Rule = (seen) =>
  eachMetric(seen, (metric) => {
    const { name, threshold, thresholdRange } = metric;
    const isGood = goods.some((word) => name.toLowerCase().includes(word));
    if (!seen.canary || thresholdRange || threshold === undefined || !isGood) return [];
    const instead = `thresholdRange: {min: ${threshold}}`;
    const what = `Metric ${name}: threshold ${threshold} is the highest value that passes, as in Flagger, so that a better one fails; if it is meant to be the lowest, write ${instead} instead.`;
    const { cure } = origin(undefined, { namespace: seen.namespace, canary: seen.canary });
    return [{ level: "warning", what, evidence: `the spec of Canary ${nameOf(seen.canary)}`, cure }];
  });

function eachMetric({ canary }: SeenObjects, rule: (metric: MetricSpec) => Found): Found {
  return (canary?.spec.analysis.metrics ?? []).filter((metric) => !isBuiltIn(metric)).flatMap(rule);
}

function templateKey({ templateRef }: MetricSpec, { namespace }: SeenObjects): string | undefined {
  return templateRef && `${referredNamespace(templateRef, namespace)}/${templateRef.name}`;
}

/** Whether it is there is no business of this namespace's. */
function isStrangers({ templateRef }: MetricSpec, { namespace, templateNamespaces }: SeenObjects): boolean {
  const at = referredNamespace(templateRef, namespace);
  return at !== namespace && templateNamespaces !== undefined && !templateNamespaces.includes(at);
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
  const of = key === undefined ? { fields: fieldsOf(metric) } : {};
  return [{ level, what: `Metric ${metric.name} cannot be asked: ${query.error}.`, evidence, cure, ...of }];
}

/** As messages name a metric's place in the spec, and as it stays while others come and go. */
const fieldsOf = ({ name }: MetricSpec): string[] => [`spec.analysis.metrics[${name}].query`];

/** What nobody asks keeps no version back: a fix goes out beside a metric that is broken. */
function unlessSkipped({ spec }: Canary, level: Level): Level {
  return spec.skipAnalysis ? "warning" : level;
}

export const metricRules = {
  "template-missing": templateMissing,
  "metric-unusable": metricUnusable,
  "metric-wrong-track": metricWrongTrack,
  "metric-both-tracks": metricBothTracks,
  "metric-address-refused": metricAddressRefused,
  "threshold-is-maximum": thresholdIsMaximum,
} satisfies Rules;

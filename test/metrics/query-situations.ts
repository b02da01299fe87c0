// Situations that a query of the user's own can be in, each with the verdict and the words it must give.
import type { MetricSpec } from "../../shared/core/objects/canary.ts";
import { healthy, type Situation } from "./situations.ts";

const custom = (query: string, more: Partial<MetricSpec> = {}): MetricSpec[] => [
  { name: "own", query, interval: "2s", thresholdRange: { max: 3 }, ...more },
];
export const querySituations: Situation[] = [
  {
    name: "a query that gives several series",
    feed: healthy,
    metrics: custom('up or vector(1) or label_replace(vector(2), "a", "b", "", "")'),
    outcome: "no-evidence",
    says: "series; make it one",
  },
  {
    name: "a query that gives none",
    feed: healthy,
    metrics: custom("absent_at_all"),
    outcome: "no-evidence",
    says: "no series",
  },
  { name: "NaN", feed: healthy, metrics: custom("vector(0) / 0"), outcome: "no-evidence", says: "returned NaN" },
  { name: "+Inf", feed: healthy, metrics: custom("vector(1) / 0"), outcome: "no-evidence", says: "returned +Inf" },
  {
    name: "a query beyond its limit",
    feed: healthy,
    metrics: custom("vector(6.2)"),
    outcome: "fail",
    says: "own 6.20 > 3",
  },
  { name: "a scalar", feed: healthy, metrics: custom("1 + 1"), outcome: "pass", says: "own 2.00 over 2s" },
  {
    name: "a query that does not parse",
    feed: healthy,
    metrics: custom("sum("),
    outcome: "cannot-ask",
    says: "parse error",
  },
  {
    name: "a range instead of a number",
    feed: healthy,
    metrics: custom("up[1m]"),
    outcome: "cannot-ask",
    says: "a matrix",
  },
  {
    name: "a metric nobody knows",
    feed: healthy,
    metrics: [{ name: "x", threshold: 1 }],
    outcome: "cannot-ask",
    says: "neither a query",
  },
  {
    name: "a query of one's own whose window reaches into an earlier run",
    feed: healthy,
    metrics: custom("vector(9)", { interval: "1m" }),
    more: { runStartedAt: Date.now() },
    outcome: "no-evidence",
    says: "still holds time from before this run",
  },
  {
    name: "a query of one's own with Flagger's variables",
    feed: healthy,
    metrics: custom('sum(response_total{namespace="{{ namespace }}",deployment="{{ target }}"}) > bool 0'),
    outcome: "pass",
    says: "own 1.00",
  },
  {
    name: "a template part that is not known",
    feed: healthy,
    metrics: custom("vector({{ if }})"),
    outcome: "cannot-ask",
    says: '"{{ if }}" is not understood; only name, namespace, target, service, ingress, route, interval and variables.<name> are (at line 1, column 8)',
  },
  {
    name: "a variable without a value",
    feed: healthy,
    metrics: custom("vector({{ variables.limit }})"),
    outcome: "cannot-ask",
    says: 'variable "limit" has no value; add it to the metric\'s templateVariables (at line 1, column 8)',
  },
  {
    name: "a query that builds on Flagger's primary",
    feed: healthy,
    metrics: custom('sum(x{deployment="{{ target }}-primary"})'),
    outcome: "cannot-ask",
    says: 'names a Deployment that does not exist here: stable runs in "podinfo" itself; write that name instead',
  },
  {
    name: "a MetricTemplate that is not there",
    feed: healthy,
    metrics: [{ name: "own", templateRef: { name: "own" }, thresholdRange: { max: 3 }, interval: "2s" }],
    outcome: "cannot-ask",
    says: "does not exist; create it, or correct the metric's templateRef",
  },
  {
    name: "a window of no time",
    feed: healthy,
    metrics: custom("vector(1)", { interval: "0s" }),
    outcome: "cannot-ask",
    says: 'its interval "0s" is no time; write it like 30s or 1m',
  },
];

/**
 * A Canary's spec read once into the numbers that decisions need. All faults are reported together with their field paths;
 * what is valid for Flagger but not built here yet is named apart, so that no gate of the user's is skipped in silence.
 */
import { isBuiltIn, limitsOf } from "../analysis/verdict.ts";
import { optional } from "../format/compact.ts";
import { isWithoutService, type AnalysisSpec, type CanarySpec, type MetricSpec } from "../objects/canary.ts";
import { checkReplicas, replicasOf, type CanaryReplicas } from "./canary-replicas.ts";
import { parseDuration } from "../format/duration.ts";
import { annotation } from "../objects/names.ts";
import { alertRulesOf, checkAlerts, type AlertRule } from "./alert-rules.ts";
import { checkJudging, judgingOf, type JudgingPolicy } from "./analysis-settings.ts";
import { checkHooks, hooksOf, type HookPolicy } from "./hooks.ts";
import { checkKeepFailed, keepFailedMsOf } from "./keep-failed.ts";
import { checkReferences, quoted } from "./references.ts";
import { checkRollbackWindow, rollbackWindowOf, type RollbackWindow } from "./rollback-window.ts";
import { checkStrategy, strategyOf, weightsOf, type StrategyPolicy } from "./strategy.ts";

export interface Policy extends JudgingPolicy, HookPolicy, StrategyPolicy {
  intervalMs: number;
  /** Failed checks before the run is rolled back. */
  threshold: number;
  /** Percent that goes back to the primary per interval after promotion; undefined: all at once. */
  stepWeightPromotion?: number;
  /** Which earlier versions may go out again at once; undefined: none. */
  rollbackWindow?: RollbackWindow;
  metrics: MetricSpec[];
  /** Who is told of what; none: whom the chart names. */
  alerts: AlertRule[];
  progressDeadlineMs: number;
  /** Of the pods that stable needs, how many must be ready before it takes traffic (back). */
  primaryReadyPercent: number;
  /** Of the pods that a step needs, how many must be ready before it begins without the others. */
  canaryReadyPercent: number;
  /** Pods of the canary whatever its weight; undefined: they follow it. */
  canaryReplicas?: CanaryReplicas;
  /** Between weight 0 and taking canary pods away: running proxies follow a route within 5 s. */
  drainMs: number;
  /** For how long the pods of a rejected canary stay after that; undefined: no longer. */
  keepFailedMs?: number;
  skipAnalysis: boolean;
  suspend: boolean;
  /** `HorizontalPodAutoscaler podinfo`, of `spec.autoscalerRef`. */
  autoscaler?: string;
  /** The spec cannot be read, and why: this is a policy of defaults by which a run may only go back. */
  unreadable?: string;
}

export interface FieldError {
  path: string;
  message: string;
}

export type PolicyResult = { ok: true; policy: Policy } | { ok: false; errors: FieldError[] };

export const builtinMetrics = ["request-success-rate", "request-duration"] as const;

/** Running proxies follow a change or the end of a route within 5 s; nobody sends to the canary after this. */
export const drainMs = 6_000;

const defaults = { intervalMs: 60_000, progressDeadlineMs: 600_000 };

export function parsePolicy(spec: CanarySpec): PolicyResult {
  const errors: FieldError[] = [];
  const add = (path: string, message: string): void => void errors.push({ path, message });
  const analysis = spec.analysis ?? {};
  checkReferences(spec, add);
  checkReplicas(analysis.canaryReplicas, add);
  checkStrategy(analysis, add);
  checkJudging(analysis, add);
  checkHooks(analysis, weightsOf(analysis), add);
  checkAlerts(analysis.alerts, add);
  checkRollbackWindow(analysis, add);
  checkKeepFailed(analysis, add);
  (analysis.metrics ?? []).forEach((metric, index) => checkMetric(metric, `spec.analysis.metrics[${index}]`, add));
  const intervalMs = interval(analysis.interval, "spec.analysis.interval", add) ?? defaults.intervalMs;
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, policy: { ...switchesOf(spec), ...pacingOf(analysis), intervalMs } };
}

/** In the place of a policy that cannot be read. `faults` as {@link formatErrors} gives them. */
export function unreadablePolicy(faults: string): Policy {
  const switches = { progressDeadlineMs: defaults.progressDeadlineMs, skipAnalysis: false, suspend: false };
  return { ...switches, ...pacingOf({}), intervalMs: defaults.intervalMs, unreadable: faults };
}

/** `spec.analysis.interval: "10x" is not a duration ...` for each fault, as admission and status show them. */
export function formatErrors(errors: readonly FieldError[]): string {
  return errors.map((error) => `${error.path}: ${error.message}`).join("; ");
}

const hasRoute = /^(linkerd$|smi:|gatewayapi:)/;

/** What the spec asks for and this version cannot do: the field, and words to follow it. */
export function unsupportedIn(spec: CanarySpec): { path: string; what: string }[] {
  const { provider = "linkerd", targetRef, analysis } = spec;
  const isRouted = hasRoute.test(provider) || (provider === "kubernetes" && isWithoutService({ spec }));
  const asked: [boolean, string, string][] = [
    [!isRouted, "spec.provider", `${provider} (only linkerd, smi:* and gatewayapi:*; ${ofFlaggers})`],
    [targetRef.kind !== "Deployment", "spec.targetRef.kind", `${targetRef.kind} (only Deployment; ${ofFlaggers})`],
    [
      analysis.mirror === true,
      "spec.analysis.mirror",
      "(Linkerd ignores a whole route that mirrors requests; a load test of the canary's Service before any user is analysis.iterations)",
    ],
    [
      spec.service?.headless === true,
      "spec.service.headless",
      "(a route needs a Service with an address: leave it out)",
    ],
  ];
  return asked.flatMap(([isAsked, path, what]) => (isAsked ? [{ path, what }] : []));
}

const ofFlaggers = `a Canary that Flagger is to carry out has the annotation ${annotation.leftTo}: flagger`;

// --- internal ---

function switchesOf(spec: CanarySpec): Pick<Policy, "progressDeadlineMs" | "skipAnalysis" | "suspend" | "autoscaler"> {
  const seconds = spec.progressDeadlineSeconds;
  const { autoscalerRef } = spec;
  return {
    ...(autoscalerRef ? { autoscaler: `${autoscalerRef.kind} ${autoscalerRef.name}` } : {}),
    progressDeadlineMs: seconds === undefined ? defaults.progressDeadlineMs : seconds * 1_000,
    skipAnalysis: spec.skipAnalysis ?? false,
    suspend: spec.suspend ?? false,
  };
}

function pacingOf(analysis: AnalysisSpec): Omit<Policy, "intervalMs" | keyof ReturnType<typeof switchesOf>> {
  return {
    threshold: Math.max(1, analysis.threshold ?? 1),
    metrics: analysis.metrics ?? [],
    alerts: alertRulesOf(analysis.alerts),
    primaryReadyPercent: analysis.primaryReadyThreshold ?? 100,
    canaryReadyPercent: analysis.canaryReadyThreshold ?? 100,
    drainMs,
    ...strategyOf(analysis),
    ...judgingOf(analysis),
    ...hooksOf(analysis),
    ...optional("canaryReplicas", replicasOf(analysis.canaryReplicas)),
    ...optional("rollbackWindow", rollbackWindowOf(analysis)),
    ...optional("keepFailedMs", keepFailedMsOf(analysis)),
    ...(analysis.stepWeightPromotion ? { stepWeightPromotion: analysis.stepWeightPromotion } : {}),
  };
}

type Add = (path: string, message: string) => void;

function checkMetric(metric: MetricSpec, path: string, add: Add): void {
  interval(metric.interval, `${path}.interval`, add);
  if (!metric.name) return add(`${path}.name`, "is required");
  if (metric.templateRef && !metric.templateRef.name) add(`${path}.templateRef.name`, "is required");
  const builtin = (builtinMetrics as readonly string[]).includes(metric.name);
  if (!builtin && !metric.query && !metric.templateRef)
    add(path, `"${metric.name}" is not one of ${builtinMetrics.join(", ")}; give it a query or a templateRef`);
  if (metric.query && metric.templateRef)
    add(path, `"${metric.name}" has a query and a templateRef: keep one, or make two metrics of it`);
  checkRange(metric, path, add);
  checkFailureLimit(metric, path, add);
}

function checkFailureLimit({ failureLimit, dryRun }: MetricSpec, path: string, add: Add): void {
  if (failureLimit === undefined) return;
  if (!Number.isInteger(failureLimit) || failureLimit < 0)
    add(`${path}.failureLimit`, `${failureLimit} is not a whole number of failed checks from 0`);
  else if (dryRun) add(`${path}.failureLimit`, "has no meaning beside dryRun, which takes nothing back: leave out one");
}

function checkRange(metric: MetricSpec, path: string, add: Add): void {
  const { min, max } = limitsOf(metric);
  const range = `${path}.thresholdRange`;
  if (min === undefined && max === undefined)
    add(range, `"${metric.name}" needs a min or a max, or it would pass whatever it measures`);
  if (min !== undefined && max !== undefined && min > max)
    add(range, `min ${min} is above max ${max}: nothing can pass`);
  if (isBuiltIn(metric)) checkReach(metric, path, add);
}

/** Limits that no value of a built-in metric can keep. */
function checkReach(metric: MetricSpec, path: string, add: Add): void {
  const { min, max } = limitsOf(metric);
  const at = (limit: string): string => `${path}.${metric.thresholdRange ? `thresholdRange.${limit}` : "threshold"}`;
  const isSuccess = metric.name === builtinMetrics[0];
  if (isSuccess && min !== undefined && min > 100) add(at("min"), `${min} is above 100 %: nothing can pass`);
  if (max !== undefined && max < 0) add(at("max"), `${max} is below 0: nothing can pass`);
}

function interval(text: string | undefined, path: string, add: Add): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms === undefined) add(path, `${quoted(text)} is not a duration such as 30s or 1m`);
  else if (ms < 1_000) add(path, `${quoted(text)} is below the shortest interval, 1s`);
  return ms;
}

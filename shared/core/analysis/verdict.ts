/**
 * Turns measurements into verdicts. Four outcomes, not two: only `fail` speaks against the canary. No evidence and a
 * Prometheus that cannot be asked are reasons to wait, never to pass and never to blame the new version.
 * The texts of `fail` are Flagger's, so that what people grep for goes on working.
 */
import { deciding } from "./deciding.ts";
import type { MetricSpec } from "../objects/canary.ts";
import type { CheckStatus } from "../objects/canary-status.ts";
import type { CannotAskCode, CheckCode, NoEvidenceCode } from "../objects/check-codes.ts";
import { optional } from "../format/compact.ts";
import { formatDuration } from "../format/duration.ts";
import { goDuration, goFloat } from "../format/go.ts";
import { milliseconds } from "../format/milliseconds.ts";
import { windowSeconds as windowOf } from "../queries/queries.ts";
import { sideWords, type UserRequests } from "./user-requests.ts";

/** What came back for one metric. */
export interface Measurement {
  windowSeconds: number;
  /** PromQL as asked, which gives the value again when asked for the time `at`. */
  query: string;
  /** RFC 3339 time that Prometheus evaluated it for. */
  at: string;
  /** Users' requests that the canary received in the window; null if that is not known. */
  requests: number | null;
  /** One value per series, NaN and infinities as they came; or a sentence on why it could not be asked, and what to do. */
  answer: { values: readonly number[] } | { error: string; code: CannotAskCode };
  /** For how long the canary has had its present weight; a step that is old enough is judged over a wider window. */
  stepSeconds?: number;
  /** What those requests got, and from which side that is known; of the built-in metrics. */
  of?: UserRequests;
  /** Why requests that came are none of `requests`, in a clause. */
  leftOut?: { why: string; code: NoEvidenceCode };
  /** A query of the user's own while no user can have reached the canary: it is believed without a request. */
  isBeforeUsers?: true;
  /** Why the values are not yet about this run alone, in a sentence that says how long to wait. */
  tooYoung?: string;
}

export interface JudgePolicy {
  canary: string;
  namespace: string;
  /** Name of the canary Deployment. */
  workload: string;
  /** Fewer users' requests than this in a metric's window are no evidence; at least 1. */
  minRequests: number;
  /** Requests are no evidence: nothing is made of how many there were. */
  isUncounted?: true;
}

export const builtIn = { successRate: "request-success-rate", duration: "request-duration" } as const;

/** Name of the one check of a Canary without metrics: that users' requests reached it. */
export const requestsCheck = "requests";

/** A metric of ours, unless the Canary brings a query of its own under that name. */
export function isBuiltIn(spec: MetricSpec): boolean {
  const own = Boolean(spec.query) || spec.templateRef !== undefined;
  return !own && (spec.name === builtIn.successRate || spec.name === builtIn.duration);
}

/**
 * One check per metric, in order; `measured` is parallel to `specs`. Where no metric decides there is one check more, of the measurement
 * behind those: that at least `minRequests` users' requests reached the canary; none where requests are not counted.
 */
export function judge(
  specs: readonly MetricSpec[],
  measured: readonly Measurement[],
  policy: JudgePolicy,
): CheckStatus[] {
  const unmeasured: Measurement = {
    ...{ windowSeconds: 0, query: "", at: "", requests: null },
    answer: { error: "it was not measured", code: "not-asked" },
  };
  const checks = specs.map((spec, index) => judgeOne(spec, measured[index] ?? unmeasured, policy));
  if (policy.isUncounted || deciding(specs).length > 0) return checks;
  return [judgeRequests(measured[specs.length] ?? unmeasured, policy), ...checks];
}

/** What a check found, without Flagger's frame; of a status that an earlier version wrote, with it. */
export function checkWords(check: Pick<CheckStatus, "metric" | "outcome" | "message" | "why">): string {
  const { metric, outcome, message, why } = check;
  if (why === undefined) return message;
  if (outcome === "no-evidence") return `no values found for ${metric}: ${why}`;
  return outcome === "cannot-ask" ? `cannot ask for ${metric}: ${why}` : why;
}

/** Flagger's frame, which people grep for. `who`: the Canary's `name.namespace`. */
export function haltWords(who: string, words: string): string {
  return `Halt ${who} advancement ${words}`;
}

interface Limits {
  min?: number;
  max?: number;
}

type Finding = Required<Pick<CheckStatus, "outcome" | "code" | "value" | "message" | "why">>;

function judgeOne(spec: MetricSpec, measured: Measurement, policy: JudgePolicy): CheckStatus {
  const limits = limitsOf(spec);
  const finding = find(spec, { measured, limits }, policy);
  const { name: metric, failureLimit, dryRun } = spec;
  const counting = { ...optional("failureLimit", failureLimit), ...(dryRun ? { dryRun } : {}) };
  return { ...limits, ...counting, ...finding, metric, unit: unitOf(spec), ...origin(measured) };
}

function judgeRequests(measured: Measurement, policy: JudgePolicy): CheckStatus {
  const spec: MetricSpec = { name: requestsCheck };
  const { requests, windowSeconds } = measured;
  const obstacle = "error" in measured.answer ? cannotAsk(spec, measured.answer, policy) : undefined;
  const why = `${policy.workload} received ${count(requests)} in ${windowSeconds}s; no metric is set to judge them by.`;
  const finding = obstacle ?? tooFew(spec, measured, policy) ?? passed(requests, why);
  return { ...finding, metric: requestsCheck, unit: "", min: policy.minRequests, ...origin(measured) };
}

function origin({ requests, query, at }: Measurement): Pick<CheckStatus, "requests" | "query" | "at"> {
  return { requests, query, at };
}

function find(
  spec: MetricSpec,
  { measured, limits }: { measured: Measurement; limits: Limits },
  policy: JudgePolicy,
): Finding {
  if (limits.min === undefined && limits.max === undefined) {
    const error = "it has no limit; set its thresholdRange.min or thresholdRange.max";
    return cannotAsk(spec, { error, code: "no-limit" }, policy);
  }
  if ("error" in measured.answer) return cannotAsk(spec, measured.answer, policy);
  const early = tooFew(spec, measured, policy) ?? tooYoung(spec, measured, policy);
  if (early !== undefined) return early;
  const { values } = measured.answer;
  const [value] = values;
  if (value === undefined) return noEvidence(spec, withoutSeries(measured), policy);
  if (values.length > 1) {
    const why = `the query returned ${values.length} series; make it one, for instance with sum()`;
    return noEvidence(spec, { code: "several-series", why }, policy);
  }
  if (!Number.isFinite(value)) {
    const why = `the query returned ${goFloat(value)}, which is no measurement (often a division by zero); make it return a number`;
    return noEvidence(spec, { code: "not-a-number", why }, policy);
  }
  // Adding 0 turns a negative zero, which JSON cannot hold, into a plain one.
  return compare(spec, { value: value + 0, measured, limits }, policy);
}

function withoutSeries({ of }: Measurement): Lack<NoEvidenceCode> {
  if (of && of.unanswered >= of.requests)
    return { code: "unanswered", why: `none of ${count(Math.round(of.requests))} was answered` };
  return { code: "no-series", why: "the query returned no series; check its labels" };
}

function compare(
  spec: MetricSpec,
  { value, measured, limits }: { value: number; measured: Measurement; limits: Limits },
  policy: JudgePolicy,
): Finding {
  const about = subject(spec);
  const { min, max } = limits;
  const told = withOrigin(spec, measured);
  if (min !== undefined && value < min) {
    const why = `${about} ${shown(spec, value, min)} < ${limitText(spec, min)}${told}`;
    return { outcome: "fail", code: "below-min", value, why, message: framed(why, policy) };
  }
  if (max !== undefined && value > max) {
    const why = `${about} ${shown(spec, value, max)} > ${limitText(spec, max)}${told}`;
    return { outcome: "fail", code: "above-max", value, why, message: framed(why, policy) };
  }
  const bounds = [
    ...(min === undefined ? [] : [`at least ${limitText(spec, min)}`]),
    ...(max === undefined ? [] : [`at most ${limitText(spec, max)}`]),
  ].join(" and ");
  const of = policy.isUncounted ? "" : ` and ${count(measured.requests)}`;
  const over = `over ${measured.windowSeconds}s${of}`;
  return passed(value, `${about} ${shown(spec, value, min ?? max)} ${over} keeps its limit of ${bounds}${told}.`);
}

/** What the pods' own proxies cannot know is said with who counted it. */
function withOrigin(spec: MetricSpec, { of }: Measurement): string {
  if (!of || !isBuiltIn(spec) || (of.side === "pods" && of.unanswered < 0.5)) return "";
  const never = Math.round(of.unanswered);
  const unanswered = never > 0 ? `${never} of ${count(Math.round(of.requests))} never answered, ` : "";
  return ` (${unanswered}${sideWords(of.side)})`;
}

function tooFew(spec: MetricSpec, measured: Measurement, policy: JudgePolicy): Finding | undefined {
  if (policy.isUncounted) return undefined;
  const needed = Math.max(1, policy.minRequests);
  const { requests, windowSeconds } = measured;
  if (measured.isBeforeUsers) return undefined;
  if (requests !== null && requests >= needed) return undefined;
  if (requests === null || !(requests > 0)) {
    if (measured.leftOut !== undefined) return noEvidence(spec, measured.leftOut, policy);
    const cure = "send it traffic, or check that its callers are meshed and obey the route";
    const why = `no user's request reached ${policy.workload} in ${windowSeconds}s (probes and scrapes do not count); ${cure}`;
    return noEvidence(spec, { code: "no-requests", why }, policy);
  }
  const rate = requests / windowSeconds;
  const when = whenEnough(spec, measured, needed / rate);
  const more = `${needed - requests} more ${needed - requests === 1 ? "is" : "are"} needed: at ${perSecond(rate)} ${when}`;
  const why = `only ${count(requests)} of the ${needed} needed came in ${windowSeconds}s; ${more}, or set a lower analysis.minRequests`;
  return noEvidence(spec, { code: "too-few-requests", why }, policy);
}

/** The window doubles as soon as the step is old enough, so that is when the requests suffice, if they go on coming as now. */
function whenEnough(spec: MetricSpec, { windowSeconds, stepSeconds }: Measurement, enoughSeconds: number): string {
  let window = windowOf(spec.interval) ?? windowSeconds;
  while (window < enoughSeconds) window *= 2;
  if (stepSeconds === undefined) return `in a window of ${formatDuration(1000 * window)}`;
  return `in about ${formatDuration(1000 * Math.max(1, window - stepSeconds))}`;
}

function perSecond(rate: number): string {
  return `${rate >= 10 ? rate.toFixed(0) : rate.toPrecision(2)} requests/s`;
}

function tooYoung(spec: MetricSpec, measured: Measurement, policy: JudgePolicy): Finding | undefined {
  const { tooYoung: why } = measured;
  return why === undefined ? undefined : noEvidence(spec, { code: "window-too-young", why }, policy);
}

function passed(value: number | null, why: string): Finding {
  return { outcome: "pass", code: "within-limit", value, why, message: why };
}

type Lack<C extends CheckCode> = { code: C; why: string };

function noEvidence({ name }: MetricSpec, { code, why }: Lack<NoEvidenceCode>, policy: JudgePolicy): Finding {
  const message = framed(checkWords({ metric: name, outcome: "no-evidence", why, message: "" }), policy);
  return { outcome: "no-evidence", code, value: null, why, message };
}

function cannotAsk(
  { name }: MetricSpec,
  { code, error: why }: { code: CannotAskCode; error: string },
  policy: JudgePolicy,
): Finding {
  const message = framed(checkWords({ metric: name, outcome: "cannot-ask", why, message: "" }), policy);
  return { outcome: "cannot-ask", code, value: null, why, message };
}

function framed(words: string, { canary, namespace }: JudgePolicy): string {
  return haltWords(`${canary}.${namespace}`, words);
}

/** Flagger's rule: thresholdRange if there is one; else `threshold`, a minimum for the success rate and a maximum for the rest. */
export function limitsOf(spec: MetricSpec): Limits {
  const { thresholdRange, threshold } = spec;
  if (thresholdRange !== undefined) {
    const { min, max } = thresholdRange;
    return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
  }
  if (threshold === undefined) return {};
  return unitOf(spec) === "percent" ? { min: threshold } : { max: threshold };
}

function unitOf(spec: MetricSpec): CheckStatus["unit"] {
  if (!isBuiltIn(spec)) return "";
  return spec.name === builtIn.successRate ? "percent" : "milliseconds";
}

function subject(spec: MetricSpec): string {
  if (!isBuiltIn(spec)) return spec.name;
  return spec.name === builtIn.successRate ? "success rate" : "request duration";
}

/** The value as Flagger prints it, but never so rounded that it reads like the limit that it broke. */
function shown(spec: MetricSpec, value: number, limit: number | undefined): string {
  if (unitOf(spec) === "milliseconds") return shownMs(value, limit);
  const rounded = value.toFixed(2);
  const text = Number(rounded) === limit && value !== limit ? String(value) : rounded;
  return unitOf(spec) === "percent" ? `${text}%` : text;
}

/** What rounds to 0 was measured all the same, and what rounds to its limit may have broken it. */
function shownMs(value: number, limit = 1): string {
  const whole = Math.round(value);
  if (whole === 0 && limit >= 1) return milliseconds(value);
  return goDuration(whole === limit || whole === 0 ? value : whole);
}

function limitText(spec: MetricSpec, limit: number): string {
  if (unitOf(spec) === "milliseconds") return goDuration(limit);
  return unitOf(spec) === "percent" ? `${goFloat(limit)}%` : goFloat(limit);
}

function count(requests: number | null): string {
  return requests === 1 ? "1 request" : `${requests ?? "unknown"} requests`;
}

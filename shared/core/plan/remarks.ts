/** What of a Canary is unwise at the traffic that its Service has, each in a sentence with its numbers. */
import { formatDuration } from "../format/duration.ts";
import { latencyBoundsMs } from "../analysis/slow-limit.ts";
import { builtIn, isBuiltIn } from "../analysis/verdict.ts";
import { deciding } from "../analysis/deciding.ts";
import type { MetricSpec } from "../objects/canary.ts";
import type { Policy } from "../spec/policy.ts";
import type { Plan, PlanInput, Remark } from "./types.ts";
import type { VersionPlan } from "./versions.ts";

type Found = Omit<Plan, "remarks">;

export function unwise(input: PlanInput, found: Found): Remark[] {
  const { policy } = input;
  if (policy.skipAnalysis)
    return [{ code: "analysis-skipped", text: "spec.skipAnalysis is true: every version is promoted unjudged." }];
  return [
    ...ofSteps(input, found),
    ...ofGood(found),
    ...deciding(policy.metrics).flatMap((metric) => ofLimit(metric, input)),
    ...ofThreshold(input, found),
    ...ofMargin(policy, found.versions),
    ...ofWhatIsNotJudged(policy),
    ...ofGates(policy),
    ...ofUnused(input),
  ];
}

// --- internal ---

const percent = (value: number): string => `${Number(value.toPrecision(3))} %`;

/** A step that has fewer requests than a check needs for longer than a run may wait, or half an interval longer than it must. */
function ofSteps(input: PlanInput, { steps }: Found): Remark[] {
  const { policy, matching = 1 } = input;
  const rps = input.rps * matching;
  const { minRequests, noEvidence } = policy;
  const starved = steps.find(({ seconds, weightPercent }) => seconds === undefined && weightPercent > 0);
  const enoughMs = (1e5 * minRequests) / (rps * (starved?.weightPercent ?? 100));
  // Windows double, so that the last part of the time may not count.
  if (starved && enoughMs > noEvidence.deadlineMs / 2) {
    const text = `Step ${starved.step} (weight ${starved.weightPercent}) brings the canary ${Number(((rps * starved.weightPercent) / 100).toPrecision(2))} requests/s, so the ${minRequests} that a check needs in its window take ${formatDuration(Math.round(enoughMs / 1_000) * 1_000)}; after ${formatDuration(noEvidence.deadlineMs)} without (noEvidence.deadline) its policy "${noEvidence.policy}" decides. Give it more weight, or set a lower analysis.minRequests.`;
    return [{ code: "step-too-short", text }];
  }
  const late = steps.filter(({ seconds, leastSeconds }) => seconds && seconds.median > 1.5 * leastSeconds);
  return late.slice(0, 1).map(({ step, weightPercent, leastSeconds, seconds }) => {
    const came = Number(((rps * weightPercent * leastSeconds) / 100).toPrecision(2));
    const more = late.length > 1 ? ` So do ${late.length - 1} more steps.` : "";
    const text = `Step ${step} (weight ${weightPercent}) brings the canary about ${came} requests in an interval of ${formatDuration(1_000 * leastSeconds)}, and a check needs ${minRequests} in its window: it takes ${formatDuration(1_000 * (seconds?.median ?? 0))} instead.${more} Give it more weight or time, or set a lower analysis.minRequests.`;
    return { code: "step-too-short", text };
  });
}

function ofGood({ good }: Found): Remark[] {
  const { promoted, takenBack, stuck, runs } = good;
  if (promoted.percent < 50) {
    const text = `A version that is as good as stable is promoted in ${percent(promoted.percent)} of runs: ${percent(takenBack.percent)} are taken back, ${percent(stuck.percent)} wait.`;
    return [{ code: "not-promoted", text }];
  }
  if (takenBack.lowPercent <= 1) return [];
  const text = `A version that is as good as stable is taken back in ${percent(takenBack.percent)} of ${runs} runs: limits, threshold and requests in a window leave too little room for what stable itself gives.`;
  return [{ code: "takes-back-good", text }];
}

function ofLimit(metric: MetricSpec, { usual }: PlanInput): Remark[] {
  if (!isBuiltIn(metric)) return [];
  const { min, max } = limitsOf(metric);
  if (metric.name === builtIn.successRate && min !== undefined) return ofSuccess(min, 100 * (1 - usual.failures));
  if (metric.name !== builtIn.duration || max === undefined) return [];
  const highest = latencyBoundsMs.at(-1) ?? 0;
  if (max >= highest) {
    const text = `request-duration allows ${max}ms, and the mesh measures no more than ${highest}ms: no version can break it.`;
    return [{ code: "limit-never-broken", text }];
  }
  if (usual.slow <= 0.01) return [];
  const text = `Of stable's own requests ${percent(100 * usual.slow)} take longer than ${max}ms, so its 99th percentile breaks the limit of request-duration: no version as fast as stable passes.`;
  return [{ code: "stable-breaks-limit", text }];
}

function limitsOf({ name, thresholdRange, threshold }: MetricSpec): { min?: number; max?: number } {
  if (thresholdRange) return thresholdRange;
  if (threshold === undefined) return {};
  return name === builtIn.successRate ? { min: threshold } : { max: threshold };
}

function ofSuccess(min: number, stable: number): Remark[] {
  if (min <= 0)
    return [{ code: "limit-never-broken", text: `request-success-rate allows ${min} %: no version can break it.` }];
  if (stable >= min) return [];
  const text = `Stable's own success rate is ${percent(stable)}, below the limit of ${percent(min)}: no version as good as stable passes.`;
  return [{ code: "stable-breaks-limit", text }];
}

/** Checks fail one by one while the weight stays, so a high threshold is a long time with a bad version. */
function ofThreshold({ policy }: PlanInput, { run, versions }: Found): Remark[] {
  const { threshold, intervalMs } = policy;
  const isLong = threshold * intervalMs > 1_000 * run.leastSeconds;
  const worst = versions.find(({ fault, percent: share }) => fault === "failures" && share === 100);
  if (!isLong || policy.comparison.mode !== "off" || !worst) return [];
  const text = `analysis.threshold ${threshold} is reached after ${formatDuration(threshold * intervalMs)} of failed checks, longer than the whole run takes, and the comparison that would end it sooner is off.`;
  return [{ code: "threshold-out-of-reach", text }];
}

/** Five percent are what people call broken. */
function ofMargin({ comparison }: Policy, versions: readonly VersionPlan[]): Remark[] {
  const hidden = versions.filter(({ percent: share, promoted }) => share === 5 && promoted.percent >= 10);
  return hidden.map(({ fault, promoted }) => {
    const { marginPercent } = comparison;
    const margin =
      marginPercent === undefined ? "nothing compares failures" : `the margin is ${percent(marginPercent)}`;
    const why = fault === "failures" ? `: ${margin}` : "";
    const what = fault === "failures" ? "fails" : "is slow in";
    return {
      code: "margin-hides",
      text: `A version that ${what} 5 % of requests is promoted in ${percent(promoted.percent)} of runs${why}.`,
    };
  });
}

function ofGates({ hooks, pauses }: Policy): Remark[] {
  const untimed = pauses.filter(({ durationMs }) => durationMs === undefined).map(({ weight }) => `weight ${weight}`);
  const gates = [...hooks.map(({ name }) => name), ...untimed];
  if (gates.length === 0) return [];
  const text = `What webhooks answer and when people resume is not known; here they let the run through at once: ${gates.join(", ")}.`;
  return [{ code: "gates-taken-to-pass", text }];
}

/** What happens before the first user is not known. */
function ofUnused({ policy, rps }: PlanInput): Remark[] {
  const unused = policy.weights.filter((weight) => weight === 0).length;
  if (unused === 0) return [];
  const first = unused === 1 ? "In the first iteration" : `In the first ${unused} iterations`;
  const text = `${first} no user is on the canary. What load tests, webhooks and your own queries find there cannot be known: here they find nothing. Then all users (${rps} requests/s) get the version at once, and the times of versions that go back begin there.`;
  return [{ code: "before-users-not-known", text }];
}

function ofWhatIsNotJudged({ metrics: all, comparison }: Policy): Remark[] {
  const metrics = deciding(all);
  const names = new Set(metrics.filter(isBuiltIn).map(({ name }) => name));
  const own = metrics.filter((metric) => !isBuiltIn(metric)).map(({ name }) => name);
  const remarks: [boolean, Remark][] = [
    [
      !names.has(builtIn.successRate) && comparison.mode === "off",
      {
        code: "failures-not-judged",
        text: "Failures are not judged: there is no request-success-rate among the metrics.",
      },
    ],
    [
      !names.has(builtIn.duration),
      { code: "slowness-not-judged", text: "Slowness is not judged: there is no request-duration among the metrics." },
    ],
    [
      comparison.mode === "off",
      { code: "comparison-off", text: "comparison.mode is off: a bad version goes back by failed checks alone." },
    ],
    [
      own.length > 0,
      {
        code: "own-queries-taken-to-pass",
        text: `What your own queries will say is not known; here they pass: ${own.join(", ")}.`,
      },
    ],
  ];
  return remarks.flatMap(([isSo, remark]) => (isSo ? [remark] : []));
}

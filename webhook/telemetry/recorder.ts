/**
 * The controller's own metrics. Flagger's eight keep their names, labels and meaning, so that its dashboards and alerts go on
 * working; ours stand beside them. Labels are bounded by the canaries there are: `forget` drops the series of one that is gone.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { CheckStatus, Outcome, Phase } from "../../shared/core/objects/canary-status.ts";
import { loopGauges, type LoopState } from "./loop-gauges.ts";
import { standstills, type Wait } from "./standstills.ts";
import { alertCounter, type AlertResult } from "./alert-counter.ts";

/** `name` is the target's name, as with Flagger. */
export interface Subject {
  name: string;
  namespace: string;
}

const strategies = ["canary", "blue-green", "ab-testing"] as const;

export interface Ending {
  strategy: (typeof strategies)[number];
  analysis: "completed" | "skipped";
}

export interface Recorder {
  /** Answers a scrape, with its content type. */
  text(): Promise<{ contentType: string; body: string }>;
  /** How many canaries there are in each namespace; replaces what was said before. */
  canaries(byNamespace: ReadonlyMap<string, number>): void;
  status(subject: Subject, phase: Phase, strategy: Ending["strategy"]): void;
  /** Percent of traffic that the canary has. */
  weight(subject: Subject, canaryPercent: number): void;
  /** Measured values (durations in seconds), and the count of verdicts. */
  checks(subject: Subject, checks: readonly CheckStatus[]): void;
  /** Evidence that the canary is worse than the primary; undefined where nothing is compared. */
  comparison(subject: Subject, evidence: number | undefined): void;
  /** What a verdict needs: users' requests, and evidence for the comparison to take the canary back (none where nothing is compared). */
  needs(subject: Subject, needed: { requests: number; evidence: number | undefined }): void;
  /** The code of what keeps a canary from starting or moving; undefined where nothing does. */
  blocked(subject: Subject, code: string | undefined): void;
  /** Why a run waits, and for whom or what; undefined where it does not. */
  waiting(subject: Subject, wait: Wait | undefined): void;
  /** How long one check of a canary took, Prometheus included. */
  checked(subject: Subject, seconds: number): void;
  succeeded(subject: Subject, ending: Ending): void;
  failed(subject: Subject, ending: Ending): void;
  forget(subject: Subject): void;
  admission(answer: "allowed" | "patched" | "denied" | "error", seconds: number): void;
  /** An object of this resource was left out of the caches, for it has not the shape of its kind. */
  unreadable(resource: string): void;
  /** Of this replica. */
  loop(state: LoopState): void;
  certificateDaysLeft(days: number): void;
  /** An alert to a provider of this type (or an Event to the event webhook) has come to its end. */
  alert(type: string, result: AlertResult): void;
}

/** Metrics in a registry of their own; `version` and `meshProvider` go into `flagger_info`. */
export function createRecorder(about: { version: string; meshProvider: string }): Recorder {
  const registry = new Registry();
  // Memory, CPU and event loop of the process.
  collectDefaultMetrics({ register: registry });
  const flaggers = flaggerMetrics(registry, about);
  const own = ownMetrics(registry);
  const forget = (subject: Subject): void => {
    flaggers.forget(subject);
    own.comparison(subject, undefined);
    own.forget(subject);
  };
  return { ...flaggers, ...own, forget, text: () => textOf(registry) };
}

async function textOf(registry: Registry): Promise<{ contentType: string; body: string }> {
  return { contentType: registry.contentType, body: await registry.metrics() };
}

type FlaggerPart = Omit<Recorder, "text" | Exclude<keyof OwnPart, "forget">>;
type OwnPart = Pick<
  Recorder,
  | "comparison"
  | "needs"
  | "blocked"
  | "waiting"
  | "forget"
  | "admission"
  | "loop"
  | "unreadable"
  | "certificateDaysLeft"
  | "alert"
>;

function flaggerMetrics(registry: Registry, about: { version: string; meshProvider: string }): FlaggerPart {
  const metrics = defineFlaggers(registry);
  const verdicts = defineVerdicts(registry);
  /** Names of the metrics that each canary has series for. */
  const measured = new Map<string, Set<string>>();
  metrics.info.set({ version: about.version, mesh_provider: about.meshProvider }, 1);
  return {
    canaries(byNamespace) {
      metrics.total.reset();
      for (const [namespace, count] of byNamespace) metrics.total.set({ namespace }, count);
    },
    status(subject, phase, strategy) {
      metrics.status.set(labelsOf(subject), statusValue(phase));
      // Present from the start, so that a first end is seen as an increase.
      const usual = endingLabels(subject, { strategy, analysis: "completed" });
      for (const ends of [metrics.successes, metrics.failures]) ends.inc(usual, 0);
    },
    weight({ name, namespace }, percent) {
      // Tracks as Flagger names them: the target's own name is the canary's, though here its pods are stable's.
      metrics.weight.set({ workload: `${name}-primary`, namespace }, 100 - percent);
      metrics.weight.set({ workload: name, namespace }, percent);
    },
    checks(subject, checks) {
      const names = measured.get(keyOf(subject)) ?? new Set();
      measured.set(keyOf(subject), names);
      for (const { metric, value, unit, outcome, min, max, requests } of checks) {
        verdicts.inc({ outcome });
        const scale = unit === "milliseconds" ? 1000 : 1;
        if (min !== undefined) metrics.limit.set({ ...labelsOf(subject), metric, bound: "min" }, min / scale);
        if (max !== undefined) metrics.limit.set({ ...labelsOf(subject), metric, bound: "max" }, max / scale);
        if (requests !== null) metrics.requests.set({ ...labelsOf(subject), metric }, requests);
        names.add(metric);
        const inSeconds = unit === "milliseconds" && value !== null ? value / 1000 : value;
        if (inSeconds === null) continue;
        metrics.analysis.set({ ...labelsOf(subject), metric }, inSeconds);
      }
    },
    checked: (subject, seconds) => metrics.duration.observe(labelsOf(subject), seconds),
    succeeded: (subject, ending) => metrics.successes.inc(endingLabels(subject, ending)),
    failed: (subject, ending) => metrics.failures.inc(endingLabels(subject, ending)),
    forget(subject) {
      forget(metrics, subject, measured.get(keyOf(subject)) ?? []);
      measured.delete(keyOf(subject));
    },
  };
}

function ownMetrics(registry: Registry): OwnPart {
  const registers = [registry];
  const evidence = new Gauge({
    name: "kubectl_canary_comparison_evidence",
    help: "Evidence that the canary is worse than the primary by more than the margin; 1 says nothing, 1/alpha takes it back",
    labelNames: ["name", "namespace"] as const,
    registers,
  });
  const needed = defineNeeds(registers);
  const still = standstills(registers);
  const admission = new Histogram({
    name: "kubectl_canary_admission_duration_seconds",
    help: "Time to answer an admission request, by answer",
    labelNames: ["answer"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  });
  const unreadable = new Counter({
    name: "kubectl_canary_unreadable_objects_total",
    help: "Objects that were left out because they have not the shape of their kind",
    labelNames: ["resource"],
    registers,
  });
  const certificate = certificateGauge(registers);
  return {
    comparison(subject, value) {
      if (value === undefined) evidence.remove(labelsOf(subject));
      else evidence.set(labelsOf(subject), value);
    },
    needs(subject, { requests, evidence: enough }) {
      needed.requests.set(labelsOf(subject), requests);
      if (enough === undefined) needed.evidence.remove(labelsOf(subject));
      else needed.evidence.set(labelsOf(subject), enough);
    },
    ...still,
    forget(subject) {
      still.blocked(subject, undefined);
      still.waiting(subject, undefined);
      needed.requests.remove(labelsOf(subject));
      needed.evidence.remove(labelsOf(subject));
    },
    admission: (answer, seconds) => admission.observe({ answer }, seconds),
    unreadable: (resource) => unreadable.inc({ resource }),
    loop: loopGauges(registers),
    certificateDaysLeft: (days) => certificate.set(days),
    alert: alertCounter(registers),
  };
}

function certificateGauge(registers: Registry[]): Gauge {
  const help = "Days until the webhook's serving certificate expires";
  return new Gauge({ name: "kubectl_canary_certificate_days_left", help, registers });
}

function defineNeeds(registers: Registry[]): Record<"requests" | "evidence", Gauge<"name" | "namespace">> {
  const labelNames = ["name", "namespace"] as const;
  return {
    requests: new Gauge({
      name: "kubectl_canary_requests_needed",
      help: "Users' requests in a metric's window below which there is no verdict",
      labelNames,
      registers,
    }),
    evidence: new Gauge({
      name: "kubectl_canary_comparison_evidence_needed",
      help: "Evidence at which the comparison takes the canary back: 1/alpha",
      labelNames,
      registers,
    }),
  };
}

type FlaggerMetrics = ReturnType<typeof defineFlaggers>;

function defineFlaggers(registry: Registry) {
  const registers = [registry];
  const one = ["name", "namespace"] as const;
  const ending = [...one, "deployment_strategy", "analysis_status"] as const;
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> =>
    new Gauge({ name: `flagger_${name}`, help, labelNames, registers });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name: `flagger_${name}`, help, labelNames, registers });
  return {
    info: gauge("info", "Version and mesh provider of the controller", ["version", "mesh_provider"]),
    total: gauge("canary_total", "Total number of canary objects", ["namespace"]),
    status: gauge("canary_status", "Last canary analysis result: 0 running, 1 successful, 2 failed", one),
    weight: gauge("canary_weight", "Percent of traffic of each workload", ["workload", "namespace"]),
    analysis: gauge("canary_metric_analysis", "Last measured value of each metric", [...one, "metric"]),
    requests: new Gauge({
      name: "kubectl_canary_metric_requests",
      help: "Users' requests behind the last value of each metric",
      labelNames: [...one, "metric"] as const,
      registers,
    }),
    limit: new Gauge({
      name: "kubectl_canary_metric_limit",
      help: "Limit of each metric, in the unit of flagger_canary_metric_analysis",
      labelNames: [...one, "metric", "bound"] as const,
      registers,
    }),
    duration: new Histogram({
      name: "flagger_canary_duration_seconds",
      help: "Seconds spent on one check of a canary",
      labelNames: one,
      registers,
    }),
    successes: counter("canary_successes_total", "Canaries that were promoted", ending),
    failures: counter("canary_failures_total", "Canaries that were rolled back", ending),
  };
}

function defineVerdicts(registry: Registry): Counter<"outcome"> {
  const verdicts = new Counter({
    name: "kubectl_canary_verdicts_total",
    help: "Checks of metrics by outcome",
    labelNames: ["outcome"] as const,
    registers: [registry],
  });
  const outcomes: readonly Outcome[] = ["pass", "fail", "no-evidence", "cannot-ask"];
  // Present from the start, so that a first failure is seen as an increase.
  for (const outcome of outcomes) verdicts.inc({ outcome }, 0);
  return verdicts;
}

function labelsOf({ name, namespace }: Subject): { name: string; namespace: string } {
  return { name, namespace };
}

function keyOf({ name, namespace }: Subject): string {
  return `${namespace}/${name}`;
}

function endingLabels(subject: Subject, { strategy, analysis }: Ending) {
  return { ...labelsOf(subject), deployment_strategy: strategy, analysis_status: analysis };
}

/** Flagger's encoding, in which everything that neither runs nor failed is a success. */
function statusValue(phase: Phase): number {
  if (phase === "Progressing") return 0;
  return phase === "Failed" ? 2 : 1;
}

/** Counters go too: one that comes again starts at 0, which Prometheus takes for a restart. */
function forget(metrics: FlaggerMetrics, subject: Subject, measured: Iterable<string>): void {
  const labels = labelsOf(subject);
  metrics.status.remove(labels);
  metrics.duration.remove(labels);
  for (const workload of [`${subject.name}-primary`, subject.name]) {
    metrics.weight.remove({ workload, namespace: subject.namespace });
  }
  for (const metric of measured) {
    metrics.analysis.remove({ ...labels, metric });
    metrics.requests.remove({ ...labels, metric });
    for (const bound of ["min", "max"] as const) metrics.limit.remove({ ...labels, metric, bound });
  }
  for (const strategy of strategies) {
    for (const analysis of ["completed", "skipped"] as const) {
      metrics.successes.remove(endingLabels(subject, { strategy, analysis }));
      metrics.failures.remove(endingLabels(subject, { strategy, analysis }));
    }
  }
}

/** Any state and any observation that the types allow, sensible or not: what holds for these holds after every accident. */
import fc from "fast-check";
import { anyChecks, anyFailures } from "./arbitrary-checks.ts";
import {
  runOutcomes,
  type RunOutcome,
  type Stage,
  runStages,
  phases,
} from "../../shared/core/objects/canary-status.ts";
import { type Command, commandVerbs } from "../../shared/core/objects/command.ts";
import type { Policy } from "../../shared/core/spec/policy.ts";
import { anyStepping } from "./arbitrary-steps.ts";
import { anyAlerts, anyDeliveries, anySeverity } from "./arbitrary-alerts.ts";
import { anyAnswers, anyGate, anyHooks, anyPassed, anyPauses } from "./arbitrary-hooks.ts";
import type { CanaryState, Pause, Run, Unvetted } from "../../shared/core/state.ts";
import type { CountersSeen, MetricsSeen, Observation, Workload, Target } from "../../shared/core/observation.ts";
import { anyBack, anyHistory, anyWindow } from "./arbitrary-history.ts";
import { anyAutoscaler, anyReplicas, anyCallers, anyFloor, anyUnmet, anyWaitCause } from "./findings.ts";
import {
  aCheck,
  aPolicy,
  aTrack,
  aVersion,
  canaryRevision,
  endpoints,
  hashOf,
  imagesAt,
  someMetrics,
  start,
} from "../builders.ts";
import { anyClientErrors, anyComparison, anyShare, anyComparisonPolicy, counts } from "./arbitrary-counts.ts";

const tags = ["1.7.0", "1.7.1", "1.7.2"] as const;
const stages: readonly Stage[] = runStages;
const outcomes: readonly RunOutcome[] = runOutcomes;

const aTag = fc.constantFrom(...tags);
const weight = fc.constantFrom(0, 5, 10, 50, 99, 100);
/** Around the moment of the test, with the limits of every timer among them. */
const time = fc.constantFrom(-3_600_000, -60_000, -10_000, -6_000, -1, 0, 1, 10_000).map((ms) => start + ms);
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

/** An object without the keys whose value is undefined, as JSON has it. */
function present<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

/** Drops `undefined` from the optional keys of `T`. */
function arbitraryOf<T extends object>(shape: {
  [K in keyof Required<T>]: fc.Arbitrary<T[K] | undefined>;
}): fc.Arbitrary<T> {
  const record = fc.record<Record<string, unknown>>(shape);
  return record.map((value) => present(value) as T);
}

const ending = maybe(fc.record({ outcome: fc.constantFrom(...outcomes), cause: fc.constant("some cause") }));

export const anyRun: fc.Arbitrary<Run> = aTag.chain((tag) =>
  arbitraryOf<Run>({
    id: fc.constantFrom("cafe1710-1", "cafe1720-2"),
    intent: fc.constant(hashOf(tag)),
    images: fc.constant(imagesAt(tag)),
    requestedBy: fc.constant("alice"),
    stage: fc.constantFrom(...stages),
    step: fc.nat({ max: 12 }),
    startedAt: time,
    stageAt: time,
    checkAt: maybe(time),
    wait: maybe(anyWaitCause),
    waitSince: maybe(time),
    waitCode: maybe(fc.constantFrom("timeout" as const, "unauthorized" as const)),
    paused: maybe(
      arbitraryOf<Pause>({ by: fc.constant("bob"), at: time, until: maybe(time), reason: maybe(fc.constant("lunch")) }),
    ),
    ...{ ceiling: fc.option(weight, { nil: undefined, freq: 3 }), metricFailures: maybe(anyFailures) },
    only: maybe(fc.constant([{ headers: [{ name: "x-canary", type: "Exact" as const, value: "yes" }] }])),
    canaryTemplate: fc.option(fc.constantFrom("stored-1.7.1", "stored-1.7.2"), { nil: undefined, freq: 2 }),
    ...{ losses: maybe(fc.nat({ max: 5 })), givenFor: maybe(fc.nat({ max: 12 })) },
    clientErrors: maybe(anyClientErrors),
    comparison: maybe(anyComparison),
    share: maybe(anyShare),
    gate: fc.option(anyGate, { nil: undefined, freq: 2 }),
    passed: maybe(anyPassed),
    hooksAt: maybe(time),
    back: fc.option(anyBack, { nil: undefined, freq: 3 }),
    ending,
  }),
);

const anyUnvetted = aTag.chain((tag) =>
  arbitraryOf<Unvetted>({
    hash: fc.constant(hashOf(tag)),
    images: fc.constant(imagesAt(tag)),
    by: fc.constant("carol"),
    how: fc.constant("break-glass"),
    at: time,
    undoneBy: maybe(fc.constant("bob")),
    spent: maybe(fc.constant(true)),
  }),
);

export const anyState: fc.Arbitrary<CanaryState> = arbitraryOf<CanaryState>({
  phase: fc.constantFrom(...phases),
  weight,
  failedChecks: fc.nat({ max: 6 }),
  stable: maybe(aTag.map(aVersion)),
  run: maybe(anyRun),
  rejected: fc.array(
    aTag.map((tag) => ({ hash: hashOf(tag), at: start, cause: "it failed" })),
    { maxLength: 2 },
  ),
  checks: fc.array(
    fc.constantFrom("pass", "fail", "no-evidence", "cannot-ask").map((outcome) => aCheck({ outcome })),
    { maxLength: 2 },
  ),
  reasonCode: fc.constant(undefined),
  tracks: fc.constant(undefined),
  trend: fc.constant(undefined),
  staleCallers: anyCallers,
  ...{ warnings: fc.constant([]), alerts: anyAlerts },
  blocked: maybe(fc.record({ kind: fc.constantFrom("obstacle", "missing"), what: fc.constant("Service gone.") })),
  lastCommand: maybe(
    fc.record({
      id: fc.constantFrom("one", "two"),
      verb: fc.constantFrom("promote", "rollback"),
      by: fc.constant("bob"),
      accepted: fc.boolean(),
      message: fc.constant("done"),
      at: time,
    }),
  ),
  history: anyHistory,
  afterRun: maybe(
    fc.record({ run: fc.constant("cafe1710-1"), phase: fc.constantFrom("Succeeded", "Failed"), at: time }),
  ),
  unvetted: fc.option(anyUnvetted, { nil: undefined, freq: 3 }),
  configs: fc.constant(undefined),
  ...{ leafEmptySince: maybe(time), keptUntil: maybe(time), floor: maybe(anyFloor(time)) },
  targetMissingSince: fc.option(time, { nil: undefined, freq: 3 }),
  runs: fc.nat({ max: 3 }),
  reason: fc.constantFrom("", "some reason"),
  next: fc.constantFrom("", "something"),
  transitionAt: time,
});

const anyOver = maybe(fc.constantFrom("cafe1710-1", "cafe1720-2"));

export const anyTarget: fc.Arbitrary<Target> = aTag.chain((tag) =>
  arbitraryOf<Target>({
    uid: fc.constant("uid-1"),
    intent: fc.constant(hashOf(tag)),
    images: fc.constant(imagesAt(tag)),
    optedIn: fc.boolean(),
    ...{ held: fc.boolean(), bypass: fc.boolean() },
    changedBy: fc.constant("kubectl-set"),
    stableKept: fc.boolean(),
    kept: fc.subarray(tags.map((name) => `pod${name}`)),
    pausedByUser: fc.boolean(),
    paused: fc.boolean(),
    requestedBy: fc.constant("alice"),
    ...{ promoting: anyOver, stableMark: maybe(aTag.map((name) => `pod${name}`)) },
    markedRejected: fc.boolean(),
    replicas: fc.nat({ max: 10 }),
    ...{ rolledOut: fc.boolean(), available: maybe(fc.nat({ max: 10 })) },
    readyPods: fc.nat({ max: 2 }),
    podTemplateHash: maybe(fc.constantFrom(`pod${tag}`)),
    ...{ mayLeaveNobody: maybe(fc.constant<true>(true)), configMark: maybe(fc.constantFrom("a", "b")) },
    stuck: maybe(fc.constant("it has timed out progressing.")),
    active: fc.uniqueArray(aTag).map((names) => names.map(aVersion)),
  }),
);

const anyWorkload: fc.Arbitrary<Workload> = aTag.chain((tag) =>
  arbitraryOf<Workload>({
    intent: fc.constant(hashOf(tag)),
    template: fc.constantFrom(`stored-${tag}`, "edited"),
    isUnsealed: maybe(fc.constant<true>(true)),
    replicas: fc.nat({ max: 10 }),
    over: anyOver,
    podTemplateHash: maybe(fc.constant(canaryRevision(tag))),
    failure: maybe(fc.constant("pod podinfo-canary-1 does not start")),
  }),
);

const anyMetrics: fc.Arbitrary<MetricsSeen> = fc.oneof(
  time.map((askedAt): MetricsSeen => ({ ok: false, askedAt, error: "no answer within 5s", code: "timeout" })),
  fc
    .record({
      askedAt: time,
      sampledAt: time,
      requests: fc.constantFrom(0, 1, 500),
      checks: anyChecks,
      staleCallers: anyCallers,
    })
    .map(({ askedAt, requests, ...seen }) => someMetrics(askedAt, { ...seen, canary: aTrack({ requests }) })),
);

const anyCounters: fc.Arbitrary<CountersSeen> = arbitraryOf<CountersSeen>({
  epoch: fc.constantFrom(start - 60_000, start - 1),
  at: time,
  sampledAt: maybe(time),
  canary: counts,
  primary: counts,
  deniedBy: maybe(fc.constant({ server: "http", stableServer: "https", label: "app=podinfo" })),
  canaryOrigin: maybe(fc.constant({ side: "both" as const, unanswered: 3 })),
  warmup: maybe(fc.record({ canary: counts, primary: counts, pods: fc.nat({ max: 2 }), evidenceAt: time })),
  share: maybe(
    fc.record({
      source: fc.constantFrom("callers", "inbound"),
      canary: fc.constant(0),
      all: fc.constant(1_000),
      low: fc.constant(10),
      high: fc.constant(20),
      scrapes: fc.constantFrom(0, 2, 3),
      staleCallers: anyCallers,
    }),
  ),
});

const anyCommand: fc.Arbitrary<Command> = arbitraryOf<Command>({
  id: fc.constantFrom("one", "two"),
  verb: fc.constantFrom(...commandVerbs),
  toStep: maybe(fc.nat({ max: 12 })),
  for: maybe(fc.constantFrom("30m", "soon")),
  run: maybe(fc.constantFrom("cafe1710-1", "cafe1720-2")),
  force: maybe(fc.boolean()),
  reason: maybe(fc.constant("because")),
  by: maybe(fc.constant("bob")),
});

const ready = fc.nat({ max: 10 });

export const anyObservation: fc.Arbitrary<Observation> = arbitraryOf<Observation>({
  now: fc.constant(start),
  name: fc.constant("podinfo"),
  namespace: fc.constant("test"),
  targetName: fc.constant("podinfo"),
  apexName: fc.constant("podinfo"),
  command: fc.option(anyCommand, { nil: undefined, freq: 2 }),
  unmet: anyUnmet,
  warnings: fc.constant([]),
  target: fc.option(anyTarget, { nil: undefined, freq: 9 }),
  servicesReady: fc.boolean(),
  ...{ oursExist: fc.boolean(), hasOtherRoute: maybe(fc.boolean()) },
  configs: fc.constant(undefined),
  refusal: maybe(
    fc.constant({ write: "runCanary/Invalid", what: "The API server refuses Deployment podinfo-canary." }),
  ),
  workload: maybe(anyWorkload),
  endpoints: fc.record({
    primary: fc.record({ "pod1.7.0": ready, "pod1.7.1": ready, "pod1.7.2": ready }).map(endpoints),
    canary: fc.record({ [canaryRevision("1.7.1")]: ready, [canaryRevision("1.7.2")]: ready }).map(endpoints),
  }),
  staleCallers: fc.constant(undefined),
  route: fc.option(
    arbitraryOf<NonNullable<Observation["route"]>>({
      weight,
      ownWeight: weight,
      over: anyOver,
      ...{ isAbsent: fc.constant(undefined), isBehind: maybe(fc.constant<true>(true)) },
      restsOnCanary: fc.constantFrom("ours", "theirs", undefined),
      rules: fc.constantFrom("cafe0001", undefined),
      problem: maybe(fc.constant("BackendNotFound")),
    }),
    { nil: undefined, freq: 9 },
  ),
  ...{ metrics: maybe(anyMetrics), autoscaler: maybe(anyAutoscaler) },
  counters: maybe(anyCounters),
  answers: maybe(anyAnswers),
  ...{ chartAlerts: maybe(anySeverity), deliveries: maybe(anyDeliveries) },
  scrapeIntervalMs: fc.constant(10_000),
});

const deadline = fc.constantFrom(1_000, 1_800_000);
export const anyPolicy: fc.Arbitrary<Policy> = fc
  .record({
    stepping: anyStepping,
    stepWeightPromotion: maybe(fc.constantFrom(1, 40, 100)),
    skipAnalysis: fc.boolean(),
    suspend: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
    threshold: fc.constantFrom(1, 5),
    ...{ primaryReadyPercent: fc.constantFrom(100, 50), canaryReadyPercent: fc.constantFrom(100, 50) },
    canaryReplicas: fc.option(anyReplicas, { nil: undefined, freq: 2 }),
    ...{ countsRequests: fc.boolean(), minRequests: fc.constantFrom(1, 100) },
    warmupMs: fc.constantFrom(0, 30_000),
    noEvidence: fc.record({ policy: fc.constantFrom("hold", "fail", "pass"), deadlineMs: deadline }),
    cannotAskDeadlineMs: deadline,
    comparison: anyComparisonPolicy,
    hooks: anyHooks,
    pauses: anyPauses,
    ...{ rollbackWindow: maybe(anyWindow), keepFailedMs: maybe(fc.constantFrom(1_000, 600_000)) },
  })
  .map(({ stepping, ...over }) => aPolicy({ ...(present<object>(over) as Partial<Policy>), ...stepping }));

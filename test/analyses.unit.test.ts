/**
 * Whole runs by generated analyses: strategies, steps, gates, pauses, thresholds and limits in any combination, with versions, webhooks,
 * traffic and people of any kind. What admission accepts comes to an end, and what it does not is refused with the field.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { impossibleIn } from "../shared/core/admission/impossible.ts";
import { isBuiltIn } from "../shared/core/analysis/verdict.ts";
import { parseDuration } from "../shared/core/format/duration.ts";
import type { AnalysisSpec, Canary, CanarySpec, MetricSpec } from "../shared/core/objects/canary.ts";
import { hookTypes } from "../shared/core/objects/hook-types.ts";
import { waitCauses } from "../shared/core/objects/wait-causes.ts";
import { byText, unmetPreconditions } from "../shared/core/preconditions/preconditions.ts";
import { formatErrors, parsePolicy, type Policy } from "../shared/core/spec/policy.ts";
import { strategyOf } from "../shared/core/spec/strategy.ts";
import { createPatternReader, createQueryReader } from "../shared/promql.ts";
import { aSpec, hashOf } from "./builders.ts";
import { build, cue, newImage } from "./simulation/cues.ts";
import type { HookSays } from "./simulation/hooks.ts";
import { type Cue, play, type Played, type Stage } from "./simulation/play.ts";
import { ask, aWorld, type World } from "./simulation/world.ts";

const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined, freq: 2 });

/** As a spec has it: a key whose value is undefined is not there. */
const present = <T extends object>(object: T): T => JSON.parse(JSON.stringify(object)) as T;

/** What a team may mean, and, where `isAny`, what it may write by mistake. */
const analysisOf = (isAny: boolean): fc.Arbitrary<AnalysisSpec> => {
  const rarely = isAny ? 1 : 0;
  const among = <T>(sound: T[], faulty: T[], ofSound = 60): fc.Arbitrary<T> =>
    fc.oneof(
      { weight: ofSound, arbitrary: fc.constantFrom(...sound) },
      { weight: rarely, arbitrary: fc.constantFrom(...faulty) },
    );
  const isAstray = fc.oneof(
    { weight: 20, arbitrary: fc.constant(false) },
    { weight: rarely, arbitrary: fc.constant(true) },
  );
  const percent = among([1, 10, 25, 50, 99, 100], [0, 101, 0.5]);
  const duration = among(["1s", "10s", "1m"], ["soon", "0s"]);
  const rising = fc
    .tuple(fc.uniqueArray(percent, { minLength: 1, maxLength: 4 }), isAstray)
    .map(([weights, asTheyCome]) => ({
      stepWeights: asTheyCome ? weights : weights.sort((one, other) => one - other),
    }));
  const routing = fc.record({
    preview: maybe(among([{ header: { name: "x-canary", value: "mine" } }], [{ header: { name: "x-canary" } }])),
    sessionAffinity: maybe(
      among<AnalysisSpec["sessionAffinity"]>([{ cookieName: "track" }], [{ cookieName: "a;b" }, { maxAge: 60 }]),
    ),
  });
  const match = among<AnalysisSpec["match"]>(
    [[{ headers: { "x-canary": { exact: "insider" } } }], [{ queryParams: { beta: { prefix: "y" } } }]],
    [[{}], [{ sourceLabels: { app: "web" } }], [{ headers: { "x canary": { exact: "yes" } } }]],
  );
  const iterations = among([1, 3], [-1, 0]);
  const weighted = fc.oneof(
    fc.record({ stepWeight: among([10, 40, 100], [0, 101]), maxWeight: maybe(percent) }),
    rising,
  );
  const astray = [
    ...[{}, { iterations: 1, stepWeight: 10 }, { stepWeight: 10, match: [{ headers: { a: { exact: "b" } } }] }],
    ...[
      { iterations: 1, sessionAffinity: { cookieName: "track" } },
      { iterations: 1, mirror: true },
    ],
  ];
  const routed = fc.tuple(weighted, routing).map(([how, beside]) => ({ ...how, ...beside }));
  const sound = fc.oneof(routed, weighted, fc.record({ iterations }), fc.record({ iterations, match }));
  const steps = fc.oneof({ weight: 60, arbitrary: sound }, { weight: rarely, arbitrary: fc.constantFrom(...astray) });
  const webhook = fc.record({
    name: fc.constantFrom("qa", "load"),
    type: maybe(fc.constantFrom(...hookTypes)),
    url: among(["http://qa.test/"], ["qa"]),
    timeout: maybe(among(["1s", "10s"], ["2h"])),
    retries: maybe(among([0, 2], [11])),
  });
  const counted = among<MetricSpec>(
    [
      { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" },
      { name: "request-duration", thresholdRange: { max: 500 }, interval: "30s" },
      { name: "request-success-rate", thresholdRange: { min: 99 }, failureLimit: 2 },
      { name: "request-duration", thresholdRange: { max: 500 }, dryRun: true },
    ],
    [{ name: "request-duration", thresholdRange: { max: -1 }, interval: "1m" }],
  );
  const own = among<MetricSpec>(
    [
      { name: "errors", query: 'sum(errors{deployment="{{ target }}"})', thresholdRange: { max: 1 } },
      { name: "request-duration", query: 'sum(late{deployment="{{ target }}"})', threshold: 1, interval: "10s" },
    ],
    [
      { name: "errors", query: 'sum(errors{deployment="podinfo"})', thresholdRange: { max: 1 } },
      { name: "errors", query: "sum(errors{host={{ ingress }}})", thresholdRange: { max: 1 } },
      { name: "errors", query: 'sum(errors{deployment="{{ target }}"})', thresholdRange: { max: 1 }, interval: "1h" },
    ],
    8,
  );
  const metricsOf = (one: fc.Arbitrary<MetricSpec>): fc.Arbitrary<MetricSpec[]> =>
    fc.uniqueArray(one, { maxLength: 2, selector: ({ name }) => name });
  const rest = fc.record({
    interval: duration,
    threshold: among([0, 1, 3], [-1]),
    stepWeightPromotion: maybe(percent),
    canaryReadyThreshold: maybe(percent),
    primaryReadyThreshold: maybe(percent),
    canaryReplicas: maybe(among<number | string>([9, "100%"], [0, "150%"])),
    warmup: maybe(among(["0s", "5s", "30s"], ["soon", "1h"])),
    minRequests: maybe(among([1, 20], [0])),
    comparison: maybe(
      among<NonNullable<AnalysisSpec["comparison"]>>(
        [{ mode: "off" }, { mode: "always", marginPercent: 2 }, { clientErrors: "rollback" }],
        [{ alpha: 0 }],
      ),
    ),
    webhooks: maybe(fc.array(webhook, { maxLength: 3 })),
    metrics: metricsOf(fc.oneof(counted, counted, own)),
    noEvidence: fc.record({ policy: fc.constantFrom("hold", "fail", "pass"), deadline: duration }),
    cannotAsk: fc.record({ deadline: duration }),
    rollbackWindow: maybe(
      among<AnalysisSpec["rollbackWindow"]>([{ versions: 1 }, { duration: "1h" }], [{ versions: 0 }]),
    ),
    keepFailedCanary: maybe(among(["0s", "10m"], ["25h"])),
  });
  const worker = fc.record({ requests: fc.constant("none" as const), metrics: metricsOf(own) });
  const pause = fc.record({ index: fc.nat({ max: 4 }), weight: percent, duration: maybe(duration) });
  const kind = fc.oneof({ weight: 5, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: worker });
  const stops = maybe(fc.array(pause, { maxLength: 2 }));
  return fc.tuple(steps, rest, stops, kind, isAstray).map(([how, others, pauses, none, asTheyCome]) => {
    const weights = [0, ...strategyOf(present(how) as AnalysisSpec).weights];
    const at = pauses?.map(({ index, weight, duration: time }) => ({
      weight: asTheyCome ? weight : weights[index % weights.length],
      duration: time,
    }));
    // Two at one weight are a mistake.
    const first = at?.filter(
      ({ weight }, index) => asTheyCome || at.findIndex((one) => one.weight === weight) === index,
    );
    const all = present({ ...others, ...how, pauses: first, ...none }) as AnalysisSpec;
    return asTheyCome ? all : soundTogether(all);
  });
};

/** What each is sound by itself, and not beside the rest. */
function soundTogether({ warmup, metrics = [], ...analysis }: AnalysisSpec): AnalysisSpec {
  const { requests, noEvidence = {} } = analysis;
  const deadlineMs = parseDuration(noEvidence.deadline ?? "") ?? 0;
  const isWithin = (text: string): boolean => (parseDuration(text) ?? 0) < deadlineMs;
  const fitting = metrics.map((one) =>
    one.query === undefined || isWithin(one.interval ?? "1m") ? one : { ...one, interval: noEvidence.deadline },
  );
  const whole = { ...analysis, metrics: fitting, warmup: isWithin(warmup ?? "0s") ? warmup : undefined };
  const about = ["minRequests", "warmup", "comparison", "match", "sessionAffinity", "preview"] as const;
  const left = requests === "none" ? Object.fromEntries(about.map((field) => [field, undefined])) : {};
  return present({ ...whole, ...left }) as AnalysisSpec;
}

const anyProvider = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom(undefined, "gatewayapi:v1") },
  { weight: 1, arbitrary: fc.constantFrom("linkerd", "istio") },
);

/** With and without a Service where nobody need send anything, on any route where none has rules. */
const specOf = (isAny: boolean): fc.Arbitrary<CanarySpec> =>
  fc.tuple(analysisOf(isAny), anyProvider, fc.boolean()).map(([analysis, provider, isWorker]) => {
    const { service, ...spec } = aSpec({ analysis });
    const isRouted = isAny || (provider !== "istio" && !(isRuled(analysis) && provider === "linkerd"));
    return present({
      ...spec,
      ...(isWorker && analysis.requests === "none" ? {} : { service }),
      ...(isRouted ? { provider } : {}),
    }) as CanarySpec;
  });

const says = fc.constantFrom<HookSays>("opens", "opens", "refuses", "silent");

const anyWorld = fc.record({
  version: fc.record({
    successPercent: fc.constantFrom(99.8, 99.8, 99.8, 90, 0),
    latencyMs: fc.constantFrom(12, 12, 12, 900),
    readyAfterMs: fc.constantFrom(3_000, 3_000, 3_000, Infinity),
  }),
  says: fc.dictionary(fc.constantFrom(...hookTypes.flatMap((type) => [`${type}/qa`, `${type}/load`])), says),
  requestsPerSecond: fc.constantFrom(50, 50, 50, 50, 0),
  loadTestPerSecond: fc.constantFrom(0, 20),
  matching: fc.constantFrom(20, 20, 20, 0),
  prometheus: fc.constantFrom<World["prometheus"]>("up", "up", "up", "up", "up", "down"),
  obeyed: fc.constantFrom(true, true, true, true, false),
  stopsFirst: fc.boolean(),
});

type GivenWorld = typeof anyWorld extends fc.Arbitrary<infer T> ? T : never;

const word = fc.constantFrom<["resume" | "promote" | "rollback", boolean]>(
  ["resume", false],
  ["resume", false],
  ["promote", false],
  ["promote", true],
  ["rollback", false],
);

/** What a person has to do, and nobody else. */
function isWaitingForPerson({ state: { run, phase } }: Stage): boolean {
  if (!run || run.ending) return false;
  const { kind, goesOn } = { goesOn: false, ...(run.wait ? waitCauses[run.wait] : { kind: "none" }) };
  return (kind === "person" && !goesOn) || phase === "WaitingPromotion" || phase === "Waiting";
}

const isStuck = ({ state }: Stage): boolean => /-stuck$/.test(state.reasonCode ?? "");

type Word = readonly ["resume" | "promote" | "rollback", boolean];

/** People who let the run through, as often as it has gates; whoever comes last takes it back. */
function people(words: readonly Word[]): Cue[] {
  const isNeeded = (stage: Stage): boolean => isWaitingForPerson(stage) || isStuck(stage);
  const says = (verb: Word[0], force: boolean) => (world: World) => ask(world, { verb, ...(force ? { force } : {}) });
  return [...words, ["rollback", false] as const].map(([verb, force]) =>
    cue(`bob: kubectl canary ${verb} podinfo`, isNeeded, says(verb, force), 60_000),
  );
}

type Given = [CanarySpec, GivenWorld, Word[]];

const given = (isAny: boolean): fc.Arbitrary<Given> =>
  fc.tuple(specOf(isAny), anyWorld, fc.array(word, { maxLength: 6 }));

/** Only an HTTPRoute has rules. */
function isRuled({ match = [], preview, sessionAffinity }: AnalysisSpec): boolean {
  return match.length > 0 || preview !== undefined || sessionAffinity !== undefined;
}

const readers = { readQuery: createQueryReader(), isPattern: createPatternReader() };

function playedBy(policy: Policy, [spec, { version, says: hooks, stopsFirst, ...rest }, words]: Given): Played {
  const { target } = aWorld();
  const world: Partial<World> = {
    ...rest,
    ...(isRuled(spec.analysis) ? { takesRules: true as const } : {}),
    ...(spec.service ? {} : { isWorker: true as const, services: true }),
    unmet: unmetPreconditions({ ...byText(canaryOf(spec)), ...readers }),
    hooks,
    builds: { "1.7.1": build("1.7.1", version) },
    target: { ...target, ...(stopsFirst ? { stopsFirst } : {}) },
  };
  return play({ title: "generated", policy, world, cues: [newImage, ...people(words)] });
}

function canaryOf(spec: CanarySpec): Canary {
  const metadata = { name: "podinfo", namespace: "test" };
  return { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata, spec };
}

/** Refused by admission though its text has no fault, with the field. */
function isImpossible(spec: CanarySpec): boolean {
  const found = impossibleIn(canaryOf(spec), undefined, () => readers);
  for (const { fields } of found) for (const field of fields) expect(field).toMatch(/^spec\./);
  return found.length > 0;
}

/** How the run ends: promoted with exactly what was asked for, or on stable. */
function endOf(policy: Policy, from: Given): string {
  const { state, world, turns } = playedBy(policy, from);
  expect(world.violations).toEqual([]);
  expect(state.run).toBeUndefined();
  const { outcome } = state.history[0] ?? { outcome: "never begun" };
  expect(outcome).not.toBe("never begun");
  const tag = outcome === "promoted" ? "1.7.1" : "1.7.0";
  expect(state.stable?.hash).toBe(hashOf(tag));
  expect(new Set(world.target.pods.map((pod) => pod.tag))).toEqual(new Set([tag]));
  expect([world.route?.weight ?? 0, world.canary?.replicas ?? 0]).toEqual([0, 0]);
  for (const entry of turns) if (entry.kind === "turn") expectWords(entry.turn.decision.state);
  return outcome;
}

/** Of many examples; each end must be among them often, for nothing holds of none. */
function always(isAny: boolean, endsIn: (parsed: ReturnType<typeof parsePolicy>, from: Given) => string): void {
  const ends: Record<string, number> = {};
  const count = (what: string): number => (ends[what] = (ends[what] ?? 0) + 1);
  const property = fc.property(given(isAny), (from) => {
    const parsed = parsePolicy(from[0]);
    const end = endsIn(parsed, from);
    count(end);
    if (parsed.ok) for (const way of waysOf(parsed.policy, from[0])) count(`${way} ${end}`);
  });
  fc.assert(property, { numRuns: 300, seed: 20261126 });
  for (const end of ["promoted", "rejected", ...(isAny ? ["refused"] : [])])
    expect(ends[end] ?? 0, end).toBeGreaterThan(30);
  const sound = isAny ? [] : ways.flatMap((way) => [`${way} promoted`, `${way} rejected`]);
  for (const end of sound) expect(ends[end] ?? 0, end).toBeGreaterThan(5);
}

const ways =
  "canary blue-green ab-testing preview affinity thresholds own-queries uncounted without-service warmup".split(" ");

/** What a run goes by; each must be seen to be promoted and to be rejected. */
function waysOf(policy: Policy, { service }: CanarySpec): string[] {
  const { strategy, canaryReadyPercent, primaryReadyPercent } = policy;
  const all: [string, boolean][] = [
    [strategy.kind, true],
    ["preview", policy.preview !== undefined],
    ["affinity", policy.affinity !== undefined],
    ["thresholds", canaryReadyPercent < 100 || primaryReadyPercent < 100],
    ["own-queries", policy.metrics.some((metric) => !isBuiltIn(metric))],
    ["uncounted", !policy.countsRequests],
    ["without-service", service === undefined],
    ["warmup", policy.warmupMs > 0],
  ];
  return all.flatMap(([way, isSo]) => (isSo ? [way] : []));
}

describe("an analysis", () => {
  it("that is sound is accepted, and its run ends: promoted with exactly what was asked for, or on stable", () => {
    always(false, (parsed, from) => {
      expect(parsed).toMatchObject({ ok: true });
      expect(isImpossible(from[0])).toBe(false);
      return parsed.ok ? endOf(parsed.policy, from) : "";
    });
  }, 60_000);

  it("of any kind is refused with its field, or its run ends in the same way", () => {
    always(true, (parsed, from) => {
      if (parsed.ok) return isImpossible(from[0]) ? "refused" : endOf(parsed.policy, from);
      expect(formatErrors(parsed.errors)).toMatch(/^spec\.analysis/);
      isImpossible(from[0]);
      return "refused";
    });
  }, 60_000);
});

/** Whoever looks is told why it stands there, and what comes next or who can do what. */
function expectWords({ run, reason, next }: Stage["state"]): void {
  if (!run) return;
  expect(reason).not.toBe("");
  if (run.wait) expect(next).not.toBe("");
}

describe("what would stall in Flagger", () => {
  it.each<[string, AnalysisSpec]>([
    ["no step at all", {}],
    ["a step of nothing", { stepWeight: 0 }],
    ["steps to nothing", { stepWeight: 10, maxWeight: 0 }],
    ["a list without a weight", { stepWeights: [] }],
    ["weights that do not rise", { stepWeights: [50, 50] }],
    ["weights that fall", { stepWeights: [50, 10] }],
    ["no iteration", { iterations: 0 }],
    ["a pause at the weight of no step", { stepWeight: 50, pauses: [{ weight: 30 }] }],
    [
      "a limit that nothing keeps",
      { stepWeight: 50, metrics: [{ name: "request-success-rate", thresholdRange: { min: 101 } }] },
    ],
    ["an interval that is none", { stepWeight: 50, interval: "soon" }],
    ["a match that everybody meets", { iterations: 1, match: [{}] }],
    ["a match by a caller's labels", { iterations: 1, match: [{ sourceLabels: { app: "web" } }] }],
    ["a match beside weights", { stepWeight: 50, match: [{ headers: { a: { exact: "b" } } }] }],
    ["session affinity beside iterations", { iterations: 1, sessionAffinity: { cookieName: "track" } }],
    ["a threshold of no pod", { stepWeight: 50, canaryReadyThreshold: 0 }],
  ])("%s is refused at admission", (_, over) => {
    const analysis = { interval: "10s", threshold: 1, ...over };
    expect(parsePolicy({ ...aSpec(), analysis }).ok).toBe(false);
  });
});

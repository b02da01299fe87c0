/**
 * What `kubectl canary plan` promises, and what real runs do: the median of ten of each situation lies inside what was printed. Three
 * namespaces at once, since six leave two cores no time for Prometheus; steps of a few seconds, scrapes of two. RUNS=2 takes a look only;
 * SITUATIONS=good-at-50,fails-20-at-5 at some.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AnalysisSpec } from "../../../shared/core/objects/canary.ts";
import { usualEffort } from "../../../shared/core/plan/plan.ts";
import { quantile, spreadOf, type Spread } from "../../../shared/core/plan/statistics.ts";
import { badRequests, runsOf, type Fault } from "../../../shared/core/plan/versions.ts";
import { parsePolicy, type Policy } from "../../../shared/core/spec/policy.ts";
import { importFaultyImages } from "../../app/install.ts";
import { podinfoImage } from "../../app/podinfo.ts";
import { installChart } from "../../chart/install.ts";
import { deleteNamespace } from "../../cluster/client.ts";
import { paths } from "../../cluster/layout.ts";
import { setScrapeInterval } from "../../cluster/parts/prometheus.ts";
import { canaryFor, Scenario } from "../../e2e/scenario.ts";

const runs = Number(process.env["RUNS"] ?? 10);
const scrapeMs = 2_000;
const atOnce = 3;
const seed = 1;

/** Three steps of four seconds; the limit leaves room for a busy machine. */
const analysis: Partial<AnalysisSpec> = {
  interval: "4s",
  threshold: 3,
  stepWeight: 30,
  maxWeight: 90,
  metrics: [
    { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "20s" },
    { name: "request-duration", thresholdRange: { max: 1_000 }, interval: "20s" },
  ],
};

interface Situation {
  name: string;
  fault: Fault;
  percent: number;
  rps: number;
  /** What makes a version of it. */
  env: Record<string, string>;
}

const failing = (share: number) => ({ FAULT: "status", STATUS: "500", SHARE: String(share), BY_CHANCE: "1" });

const all: readonly Situation[] = [
  { name: "fails-5-at-50", fault: "failures", percent: 5, rps: 50, env: failing(0.05) },
  { name: "fails-20-at-50", fault: "failures", percent: 20, rps: 50, env: failing(0.2) },
  { name: "fails-5-at-5", fault: "failures", percent: 5, rps: 5, env: failing(0.05) },
  { name: "fails-20-at-5", fault: "failures", percent: 20, rps: 5, env: failing(0.2) },
  {
    name: "slow-20-at-50",
    fault: "slow",
    percent: 20,
    rps: 50,
    env: { FAULT: "slow", DELAY_MS: "1600", SHARE: "0.2", BY_CHANCE: "1" },
  },
  { name: "good-at-50", fault: "none", percent: 0, rps: 50, env: failing(0) },
];

const wanted = process.env["SITUATIONS"]?.split(",");
const situations = all.filter(({ name }) => wanted?.includes(name) ?? true);

interface Taken {
  outcome: string;
  seconds: number;
  badRequests: number;
}

const place = (name: string): string => `plan-${name}`;

function policyOf(namespace: string): Policy {
  const parsed = parsePolicy(canaryFor(namespace, { analysis }).spec);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.policy;
}

/** One change, to its end; the time is from the first weight to weight 0, or to the promotion. */
async function play(scenario: Scenario, { env }: Situation, round: number): Promise<Taken> {
  const load = await scenario.load();
  await load.reset();
  const variables = Object.entries({ ...env, ROUND: `${round}` }).map(([name, value]) => ({ name, value }));
  const image = podinfoImage("1.8.7-broken");
  const patch = { spec: { template: { spec: { containers: [{ name: "podinfod", image, env: variables }] } } } };
  await scenario.kubectl("patch", "deploy", "podinfo", "-p", JSON.stringify(patch));
  await scenario.until("the first weight", ({ canaryWeight = 0 }) => canaryWeight > 0);
  const from = Date.now();
  const over = await scenario.until(
    "its end",
    ({ canaryWeight = 0, run }) => (run?.ending && canaryWeight === 0) || run?.stage === "promoting" || !run,
  );
  const seconds = (Date.now() - from) / 1_000;
  const counts = await load.counts();
  await scenario.until("rest", ({ run }) => !run);
  const { history = [] } = await scenario.status();
  const outcome = over.run?.ending?.outcome ?? history[0]?.outcome ?? "";
  return { outcome, seconds, badRequests: env["FAULT"] === "slow" ? counts.slow : counts.failed };
}

async function playAll(situation: Situation): Promise<Taken[]> {
  const { name, rps } = situation;
  const scenario = await Scenario.start(place(name), { provider: "gatewayapi:v1", rate: rps, analysis });
  const taken: Taken[] = [];
  for (let round = 1; round <= runs; round += 1) {
    const one = await play(scenario, situation, round);
    process.stdout.write(`${situation.name}: ${one.outcome} after ${one.seconds} s, ${one.badRequests} bad requests\n`);
    taken.push(one);
  }
  await deleteNamespace(place(name));
  return taken;
}

beforeAll(async () => {
  await importFaultyImages(["1.8.7-broken"]);
  await setScrapeInterval("2s");
  const helmArgs = ["--set", "metrics.scrapeInterval=2s"];
  await installChart({ kubeconfig: paths.kubeconfig, rebuild: false, helmArgs });
});

afterAll(async () => {
  await Promise.all(situations.map(({ name }) => deleteNamespace(place(name))));
  await installChart({ kubeconfig: paths.kubeconfig, rebuild: false });
  await setScrapeInterval("10s");
});

/** Bounds that were printed, to the second; a status is seen a moment after it was written. */
function expectInside(values: readonly number[], { low, high }: Spread, what: string): void {
  const median = quantile(values, 0.5);
  const words = `${what}: median ${median.toFixed(1)} of ${values.map((value) => value.toFixed(1)).join(", ")}`;
  expect(median, `${words}, printed ${low} to ${high}`).toBeGreaterThanOrEqual(low - 1);
  expect(median, `${words}, printed ${low} to ${high}`).toBeLessThanOrEqual(high + 1);
}

function compare({ name, fault, percent, rps }: Situation, taken: readonly Taken[]): void {
  const played = { policy: policyOf(place(name)), rps, scrapeIntervalMs: scrapeMs };
  const planned = runsOf(played, { failures: 0, slow: 0 }, { fault, percent, seed, effort: usualEffort });
  const same = taken.filter(({ outcome }) => outcome === (fault === "none" ? "promoted" : "rejected"));
  expect(same.length, `${name}: ${taken.map(({ outcome }) => outcome).join(", ")}`).toBeGreaterThan(runs / 2);
  const inside = (values: readonly number[], printed: Spread | undefined, what: string): void => {
    if (printed) expectInside(values, printed, `${name}, ${what}`);
  };
  inside(
    same.map(({ seconds }) => seconds),
    spreadOf(planned.map(({ ms }) => ms / 1_000)),
    "seconds",
  );
  if (fault === "none") return;
  inside(
    same.map((run) => run.badRequests),
    spreadOf(planned.map((run) => badRequests(run, fault))),
    "bad requests",
  );
}

describe("the plan's promises", () => {
  it("hold for real runs", async () => {
    const played: Taken[][] = [];
    for (let at = 0; at < situations.length; at += atOnce)
      played.push(...(await Promise.all(situations.slice(at, at + atOnce).map(playAll))));
    expect(played.map((taken) => taken.length)).toEqual(situations.map(() => runs));
    for (const [index, situation] of situations.entries()) compare(situation, played[index] ?? []);
  });
});

// A whole promotion over an HTTPRoute: running clients follow it, capacity comes before weight, and nobody notices.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { podsFor } from "../../shared/core/turn/capacity.ts";
import { httpRoute } from "../../shared/core/routes/routes.ts";
import { getJson } from "../cluster/get.ts";
import { auditMark, callsSince, weightsWritten } from "../cluster/parts/audit.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { Scenario } from "./scenario.ts";

const replicas = 4;
let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start("e2e-route", { provider: "gatewayapi:v1", replicas, rate: 100 });
});

afterAll(() => scenario.end());

interface Slice {
  items: { endpoints?: { conditions?: { ready?: boolean } }[] }[];
}

async function readyCanaries(): Promise<number> {
  const { items } = await getJson<Slice>([
    "endpointslices",
    "-l",
    "kubernetes.io/service-name=podinfo-canary",
    "-n",
    scenario.namespace,
  ]);
  return items.flatMap((slice) => slice.endpoints ?? []).filter((endpoint) => endpoint.conditions?.ready !== false)
    .length;
}

const reactionsMs: number[] = [];

/** The canary's pods of the run before have been told to go: what changes its Deployment then is the next run. */
async function closed(): Promise<void> {
  const replicas = (): Promise<string> =>
    scenario.kubectl("get", "deploy", "podinfo-canary", "-o", "jsonpath={.spec.replicas}");
  const look = async () => ((await replicas()) === "0" ? true : unmet(await replicas()));
  await waitFor(look, 30_000, "the canary's pods to go");
}

/** Makes a change and waits until the canary Deployment has been given it; keeps how long that took after the answer. */
async function untilCanaryRuns(change: () => Promise<unknown>): Promise<void> {
  const generation = async (): Promise<string> =>
    (await scenario.try("get", "deploy", "podinfo-canary", "-o", "jsonpath={.metadata.labels}")).stdout;
  const before = await generation();
  await change();
  const answeredAt = Date.now();
  await waitFor(
    async () => ((await generation()) === before ? unmet(before) : true),
    60_000,
    "the canary Deployment",
    5,
  );
  reactionsMs.push(Date.now() - answeredAt);
}

/** Follows a run to its end; returns each weight with the fewest ready canary pods seen under it. */
async function follow(): Promise<Map<number, number>> {
  const fewest = new Map<number, number>();
  await waitFor(
    async () => {
      const weight = await scenario.weight();
      const ready = await readyCanaries();
      // Read again: pods are counted for a weight only if it stood before and after.
      if ((await scenario.weight()) === weight) fewest.set(weight, Math.min(ready, fewest.get(weight) ?? ready));
      const { phase, reason } = await scenario.status();
      return phase === "Succeeded" ? true : unmet(`${phase} at ${weight}%: ${reason}`);
    },
    180_000,
    "the promotion",
  );
  return fewest;
}

describe("a promotion over an HTTPRoute", () => {
  it("brings ceil(replicas x weight) pods up before each weight, restarts no caller and fails no request", async () => {
    const load = await scenario.load();
    await load.reset();
    const callers = await scenario.podUids("load");
    const startedAt = Date.now();
    const mark = await auditMark();
    await untilCanaryRuns(() => scenario.setImage("1.7.1"));
    const fewest = await follow();
    process.stdout.write(`run of 5 steps of 1 s: ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`);
    expect(fewest.size, "weights at which pods were counted").toBeGreaterThan(2);
    for (const [weight, ready] of fewest)
      expect(ready, `ready canary pods at weight ${weight}`).toBeGreaterThanOrEqual(podsFor(weight, replicas));
    const weights = weightsWritten(await callsSince(mark), scenario.namespace, httpRoute).map(({ weight }) => weight);
    expect(weights.filter((weight, at) => weight > 0 && weight !== weights[at - 1])).toEqual([20, 40, 60, 80, 100]);
    expect(await scenario.podUids("load")).toEqual(callers);
    const counts = await load.rest();
    process.stdout.write(`${counts.requests} requests, ${counts.failed} failed: ${JSON.stringify(counts.failures)}\n`);
    expect(counts.failed).toBe(0);
    expect(counts.byVersion["1.7.1"]).toBeGreaterThan(0);
  });
});

describe("a promotion of one pod", () => {
  beforeAll(async () => {
    await scenario.end();
    scenario = await Scenario.start("e2e-route-one", { provider: "gatewayapi:v1", analysis: { stepWeight: 50 } });
  });

  it.each([
    ["an environment variable", ["set", "env", "deploy/podinfo", "CANARY_TEST=1"]],
    [
      "a pod annotation",
      [
        "patch",
        "deploy",
        "podinfo",
        "-p",
        '{"spec":{"template":{"metadata":{"annotations":{"example.com/rev":"2"}}}}}',
      ],
    ],
  ])("is started by a change of %s as well", async (_what, command) => {
    const { runs = 0 } = await scenario.status();
    await untilCanaryRuns(() => scenario.kubectl(...command));
    const done = await scenario.until(
      "a promotion",
      (status) => status.phase === "Succeeded" && status.runs === runs + 1,
    );
    expect(done.canaryWeight).toBe(0);
    await scenario.kubectl("rollout", "status", "deploy", "podinfo", "--timeout=60s");
    await closed();
  });

  it("has its canary Deployment a moment after each change", () => {
    const [, median] = [...reactionsMs].sort((a, b) => a - b);
    process.stdout.write(`change to canary Deployment, median of ${reactionsMs.length}: ${median} ms\n`);
    expect(reactionsMs).toHaveLength(3);
  });
});

// What breaks around a run does not move its weight: a killed leader, an API server that is away, a hand on the route.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leaseName } from "../../shared/core/objects/names.ts";
import { httpRoute } from "../../shared/core/routes/routes.ts";
import { apply, mustKubectl } from "../cluster/client.ts";
import { startComponent, stopComponent } from "../cluster/machine/processes.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { Scenario } from "./scenario.ts";

let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start("e2e-resilience", {
    provider: "gatewayapi:v1",
    analysis: { interval: "8s", stepWeight: 25 },
  });
});

afterAll(() => scenario.end());

async function leader(): Promise<string> {
  return mustKubectl(["-n", "kubectl-canary", "get", "lease", leaseName, "-o", "jsonpath={.spec.holderIdentity}"]);
}

/** The weights that Events tell of, in order. */
async function advances(): Promise<number[]> {
  const found = (await scenario.events()).map((message) => /Advance .* canary weight (\d+)/.exec(message)?.[1]);
  return found.flatMap((weight) => (weight === undefined ? [] : [Number(weight)]));
}

/** Weights of the route as they come, without repeats, until the run is over. */
async function weightsUntilEnd(): Promise<number[]> {
  const weights: number[] = [];
  await waitFor(
    async () => {
      const weight = await scenario.weight();
      if (weights.at(-1) !== weight) weights.push(weight);
      const { phase, reason } = await scenario.status();
      return phase === "Succeeded" ? true : unmet(`${phase} at ${weight}%: ${reason}`);
    },
    240_000,
    "the promotion",
    200,
  );
  return weights;
}

describe("a run", () => {
  it("goes on where it was when the leader's pod is killed, and no weight jumps", async () => {
    await scenario.setImage("1.7.1");
    await scenario.until("the second step", (status) => status.canaryWeight === 50);
    const before = await leader();
    await mustKubectl(["-n", "kubectl-canary", "delete", "pod", before, "--grace-period=0", "--force"]);
    const weights = await weightsUntilEnd();
    expect(weights).toEqual([50, 75, 100, 0]);
    expect(await leader()).not.toBe(before);
  });

  it("goes on where it was when the API server is away for 1,500 requests, some 30 s, and fails none of them", async () => {
    const load = await scenario.load();
    await scenario.setImage("1.7.4");
    await scenario.until("the second step", (status) => status.canaryWeight === 50);
    await load.reset();
    await stopComponent("kube-apiserver");
    await waitFor(
      async () => {
        const { requests } = await load.counts();
        return requests >= 1_500 || unmet(`${requests} requests`);
      },
      120_000,
      "requests without an API server",
    );
    await startComponent("kube-apiserver");
    const weights = await weightsUntilEnd();
    // The next step was due while nobody could see it.
    expect([50, ...weights.filter((weight) => weight !== 50)]).toEqual([50, 75, 100, 0]);
    expect((await advances()).slice(-4)).toEqual([25, 50, 75, 100]);
    const { requests, failed, failures } = await load.counts();
    process.stdout.write(`${requests} requests, ${failed} failed ${JSON.stringify(failures)}\n`);
    expect(failed).toBe(0);
  });

  it("never raises a weight that someone lowered by hand: it holds, says why, and rollback ends it", async () => {
    await scenario.kubectl("set", "env", "deploy/podinfo", "ROUND=3");
    await scenario.until("the first step", (status) => status.canaryWeight === 25);
    await apply([httpRoute.withWeight(await scenario.route(), "podinfo", 5)].map(keepOurStamp));
    let status = await scenario.until("the hold", ({ reason }) => reason?.includes("lowered by hand to 5") ?? false);
    // Through two more checks: nothing may raise it.
    for (const check of ["a check", "another check"]) {
      const before = status.checks?.[0]?.at;
      status = await scenario.until(check, ({ checks }) => checks?.[0]?.at !== before);
    }
    expect(await scenario.weight()).toBe(5);
    expect((await scenario.plugin("rollback")).code).toBe(0);
    await scenario.phase("Failed");
    expect(await scenario.weight()).toBe(0);
  });
});

/** A person who edits weights does not know of our annotation. */
function keepOurStamp(route: ReturnType<typeof httpRoute.withWeight>): object {
  const { annotations: _annotations, managedFields: _managed, ...metadata } = route.metadata;
  return { ...route, metadata };
}

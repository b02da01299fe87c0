// The API server is away for half a minute of a run: traffic stays as it was, and the run goes on where it was.
import { afterAll, beforeAll, expect, it } from "vitest";
import { startComponent, stopComponent } from "../../cluster/machine/processes.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { Scenario } from "../../e2e/scenario.ts";

let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start("api-server-away", {
    provider: "gatewayapi:v1",
    analysis: { interval: "8s", stepWeight: 25 },
  });
});

afterAll(() => scenario.end());

/** The weights that Events tell of, in order. */
async function advances(): Promise<number[]> {
  const found = (await scenario.events()).map((message) => /Advance .* canary weight (\d+)/.exec(message)?.[1]);
  return found.flatMap((weight) => (weight === undefined ? [] : [Number(weight)]));
}

it("a run goes on where it was when the API server is away for 1,500 requests, some 30 s, and fails none of them", async () => {
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
  const weights = await scenario.weightsUntilEnd();
  // The next step was due while nobody could see it.
  expect([50, ...weights.filter((weight) => weight !== 50)]).toEqual([50, 75, 100, 0]);
  expect((await advances()).slice(-4)).toEqual([25, 50, 75, 100]);
  const { requests, failed, failures } = await load.counts();
  process.stdout.write(`${requests} requests, ${failed} failed ${JSON.stringify(failures)}\n`);
  expect(failed).toBe(0);
});

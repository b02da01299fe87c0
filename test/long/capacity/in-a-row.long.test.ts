// Promotions and rollbacks, one after the other, under a steady load with requests of 5 s in it: none fails but those that the bad version
// answered itself. Two apps side by side, for each run waits more than it computes.
import { afterAll, beforeAll, expect, it } from "vitest";
import { longRequests, podinfoImage, type PodinfoTag } from "../../app/podinfo.ts";
import { ReadyPods } from "../../e2e/ready-pods.ts";
import { Scenario } from "../../e2e/scenario.ts";

const times = Number(process.env["RUNS"] ?? 20);
const replicas = 2;

interface App {
  scenario: Scenario;
  ready: ReadyPods;
}
let [promoted, rejected]: App[] = [];

async function start(namespace: string): Promise<App> {
  const scenario = await Scenario.start(namespace, {
    ...{ provider: "gatewayapi:v1", replicas, rate: 10, app: { without: ["frontend"], ...longRequests } },
    analysis: { stepWeight: 50 },
  });
  return { scenario, ready: await ReadyPods.watch(namespace) };
}

beforeAll(async () => {
  [promoted, rejected] = await Promise.all([start("in-a-row-promoted"), start("in-a-row-rejected")]);
});
afterAll(async () => {
  for (const app of [promoted, rejected]) await app?.ready.stop();
  await Promise.all([promoted?.scenario.end(), rejected?.scenario.end()]);
});

/** A version that has not been there: what was rejected once does not start again, and what was promoted once is known. */
const release = ({ scenario }: App, tag: PodinfoTag, round: number): Promise<void> =>
  scenario.setContainer({ image: podinfoImage(tag), env: [{ name: "ROUND", value: String(round) }] });

async function promotions(app: App): Promise<void> {
  for (let round = 1; round <= times; round++) {
    await release(app, round % 2 === 0 ? "1.7.0" : "1.7.1", round);
    await app.scenario.phase("Succeeded", 240_000);
    const { requests, failed, failures } = await (await app.scenario.load()).counts();
    process.stdout.write(
      `promotion ${round}: ${failed} of ${requests} failed, ready ${JSON.stringify(app.ready.least())}\n`,
    );
    expect(failed, JSON.stringify(failures)).toBe(0);
  }
}

async function rollbacks(app: App): Promise<void> {
  const pods = await app.scenario.podUids();
  for (let round = 1; round <= times; round++) {
    await release(app, "1.7.2-failing", round);
    const { history } = await app.scenario.phase("Failed", 240_000);
    const { requests, failed, failedInMesh, failures } = await (await app.scenario.load()).counts();
    process.stdout.write(
      `rollback ${round}: ${failed} of ${requests} failed, ${failedInMesh} of them not by the version itself: ${history?.[0]?.cause}\n`,
    );
    expect(failedInMesh, JSON.stringify(failures)).toBe(0);
    expect(failed).toBeGreaterThan(0);
    expect(await app.scenario.podUids()).toEqual(pods);
  }
}

it(`${times} of each cost no request that the version did not fail itself`, async () => {
  await Promise.all([promotions(promoted!), rollbacks(rejected!)]);
  for (const { scenario, ready } of [promoted!, rejected!]) {
    const load = await scenario.load();
    const { byPath } = await load.until((await load.counts()).requests + 100);
    expect(byPath["/delay/5"]?.["200"]).toBeGreaterThan(0);
    expect(ready.least().both).toBeGreaterThanOrEqual(replicas);
    const { runs } = await scenario.status();
    expect(runs).toBe(times);
  }
  expect(rejected!.ready.least().stable).toBe(replicas);
  const { failed } = await (await promoted!.scenario.load()).counts();
  expect(failed).toBe(0);
  expect((await (await rejected!.scenario.load()).counts()).failedInMesh).toBe(0);
});

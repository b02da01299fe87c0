// Where pods are hard to get a run waits with that cause, stable keeps all of its pods, and no request fails: short ones, and ones of 5 s.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { longRequests, podinfoImage } from "../app/podinfo.ts";
import { getJson } from "../cluster/client.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { ReadyPods } from "./ready-pods.ts";
import { Scenario } from "./scenario.ts";

const namespace = "e2e-crowded";
const replicas = 2;
let scenario: Scenario;
let ready: ReadyPods;

beforeAll(async () => {
  scenario = await Scenario.start(namespace, {
    ...{ provider: "gatewayapi:v1", replicas, rate: 10 },
    app: { without: ["frontend"], ...longRequests },
    analysis: {
      ...{ stepWeight: undefined as never, stepWeights: [50, 100], maxWeight: undefined as never },
      pauses: [{ weight: 50 }],
    },
  });
  ready = await ReadyPods.watch(namespace);
});
afterAll(async () => {
  await ready?.stop();
  await scenario?.end();
});

/** As many pods as there are, once there are `pods`: one that is going counts too. */
async function full(pods: number): Promise<void> {
  const look = async (): Promise<true | ReturnType<typeof unmet>> => {
    const { items } = await getJson<{ items: object[] }>(["pods", "-n", namespace]);
    return items.length === pods || unmet(`${items.length} pods`);
  };
  await waitFor(look, 60_000, `${pods} pods in ${namespace}`);
  await scenario.kubectl("create", "quota", "full", `--hard=pods=${pods}`);
  const used = ["get", "quota", "full", "-o", "jsonpath={.status.used.pods}"];
  await waitFor(
    async () => (await scenario.kubectl(...used)) === String(pods) || unmet("not counted"),
    30_000,
    "the quota",
  );
}

async function release(): Promise<void> {
  await scenario.kubectl("delete", "quota", "full");
  // Kubernetes tries refused pods again ever more rarely; a change makes it look at once.
  await scenario.kubectl("annotate", "deploy/podinfo-canary", "example.org/looked=1");
}

describe("a run waits", () => {
  it("for a node that has room, with nobody on it", async () => {
    await scenario.setContainer({ resources: { requests: { cpu: "1000" } } });
    const said = /cannot be scheduled: .*Insufficient cpu/;
    const { canaryWeight } = await scenario.until("the cause", ({ run, reason = "" }) => !!run && said.test(reason));
    expect([canaryWeight, await scenario.weight()]).toEqual([0, 0]);
  });

  it("for pods that start slowly, and at its weight where a quota allows no more of them", async () => {
    await scenario.setContainer({
      image: podinfoImage("1.7.1"),
      resources: { requests: { cpu: "10m" } },
      readinessProbe: { initialDelaySeconds: 3 },
    });
    await scenario.untilOfRun("the pause at 50", ({ run }) => run?.hold === "declared-pause");
    await full(replicas + 2);
    expect((await scenario.plugin("resume")).code).toBe(0);
    const said = /Waiting for 2 ready canary pods .*no pod can be made: .*exceeded quota: full/;
    const { canaryWeight } = await scenario.until("the cause", ({ reason = "" }) => said.test(reason));
    expect([canaryWeight, await scenario.weight()]).toEqual([50, 50]);
    expect(ready.least().stable).toBe(replicas);
  });

  it("and is promoted once there is room", async () => {
    await release();
    await scenario.phase("Succeeded");
    expect(ready.least().both).toBeGreaterThanOrEqual(replicas);
    const load = await scenario.load();
    const { failed, failures, byPath } = await load.until((await load.counts()).requests + 20);
    expect(failed, JSON.stringify(failures)).toBe(0);
    expect(byPath["/delay/5"]?.["200"]).toBeGreaterThan(0);
  });
});

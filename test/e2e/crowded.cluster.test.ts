// Where pods are hard to get a run waits with that cause, stable keeps all of its pods, and no request fails: short ones, and ones of 5 s.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { longRequests, podinfoImage } from "../app/podinfo.ts";
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
    analysis: { stepWeight: undefined as never, stepWeights: [50, 100], maxWeight: undefined as never },
  });
  ready = await ReadyPods.watch(namespace);
});
afterAll(async () => {
  await ready?.stop();
  await scenario?.end();
});

describe("a run waits", () => {
  it("for a node that has room, with nobody on it", async () => {
    await scenario.setContainer({ resources: { requests: { cpu: "1000" } } });
    const said = /cannot be scheduled: .*Insufficient cpu/;
    const { canaryWeight } = await scenario.until("the cause", ({ run, reason = "" }) => !!run && said.test(reason));
    expect([canaryWeight, await scenario.weight()]).toEqual([0, 0]);
  });

  it("for pods that start slowly, and is promoted once they have", async () => {
    await scenario.setContainer({
      image: podinfoImage("1.7.1"),
      resources: { requests: { cpu: "10m" } },
      readinessProbe: { initialDelaySeconds: 3 },
    });
    await scenario.phase("Succeeded");
    expect(ready.least().both).toBeGreaterThanOrEqual(replicas);
    const load = await scenario.load();
    const { failed, failures, byPath } = await load.until((await load.counts()).requests + 20);
    expect(failed, JSON.stringify(failures)).toBe(0);
    expect(byPath["/delay/5"]?.["200"]).toBeGreaterThan(0);
  });
});

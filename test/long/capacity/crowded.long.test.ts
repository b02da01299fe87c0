// What else may happen to the pods of a run under way: it waits or goes back with that cause, and stable has all of its pods meanwhile.
import type { V1Pod } from "@kubernetes/client-node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { longRequests, podinfoImage } from "../../app/podinfo.ts";
import { apply, kubectl } from "../../cluster/client.ts";
import { getJson } from "../../cluster/get.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { ReadyPods } from "../../e2e/ready-pods.ts";
import { Scenario } from "../../e2e/scenario.ts";

const namespace = "crowded";
const replicas = 2;
const deadlineSeconds = 60;
let scenario: Scenario;
let ready: ReadyPods;
let round = 0;

const autoscaler = (minReplicas: number): object => ({
  ...{ apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", metadata: { name: "podinfo", namespace } },
  spec: {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
    ...{ minReplicas, maxReplicas: 4 },
    metrics: [
      {
        type: "Pods",
        pods: { metric: { name: "nobody-serves" }, target: { type: "AverageValue", averageValue: "1" } },
      },
    ],
  },
});

const budget = {
  ...{ apiVersion: "policy/v1", kind: "PodDisruptionBudget", metadata: { name: "none", namespace } },
  spec: {
    maxUnavailable: 0,
    selector: { matchExpressions: [{ key: "app", operator: "In", values: ["podinfo", "podinfo-canary"] }] },
  },
};

/** To the pause at 50, where the canary has one pod of two. */
async function toHalf(): Promise<void> {
  round += 1;
  await scenario.setContainer({ image: podinfoImage("1.7.1"), env: [{ name: "ROUND", value: String(round) }] });
  await scenario.untilOfRun("the pause at 50", ({ run }) => run?.hold === "declared-pause");
}

async function resume(): Promise<void> {
  expect((await scenario.plugin("resume")).code).toBe(0);
}

async function pods(app: string): Promise<V1Pod[]> {
  const { items } = await getJson<{ items: V1Pod[] }>(["pods", "-l", `app=${app}`, "-n", namespace]);
  return items.filter(({ metadata }) => !metadata?.deletionTimestamp);
}

/** Of no more pods than there are: once none is going. */
async function fill(): Promise<void> {
  const count = replicas + 2;
  const look = async (): Promise<true | ReturnType<typeof unmet>> => {
    const { items } = await getJson<{ items: V1Pod[] }>(["pods", "-n", namespace]);
    return items.length === count || unmet(`${items.length} pods`);
  };
  await waitFor(look, 120_000, `${count} pods in ${namespace}`, 500);
  await scenario.kubectl("create", "quota", "full", `--hard=pods=${count}`);
  const used = ["get", "quota", "full", "-o", "jsonpath={.status.used.pods}"];
  const counted = async (): Promise<true | ReturnType<typeof unmet>> =>
    (await scenario.kubectl(...used)) === String(count) || unmet("not counted");
  await waitFor(counted, 60_000, "the quota to count");
}

/** Kubernetes tries refused pods again ever more rarely; a change makes it look at once. */
async function makeRoom(): Promise<void> {
  await scenario.kubectl("delete", "quota", "full");
  for (const name of ["podinfo", "podinfo-canary"])
    await scenario.kubectl("annotate", "deploy", name, "--overwrite", `example.org/looked=${round}`);
}

beforeAll(async () => {
  scenario = await Scenario.start(namespace, {
    ...{ provider: "gatewayapi:v1", replicas, rate: 10, app: { without: ["frontend"], ...longRequests } },
    spec: { progressDeadlineSeconds: deadlineSeconds },
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

beforeEach(async () => {
  ready.forget();
  await (await scenario.load()).reset();
});
afterEach(async () => {
  const { failed, failures } = await (await scenario.load()).counts();
  expect(failed, JSON.stringify(failures)).toBe(0);
  expect(ready.least().both).toBeGreaterThanOrEqual(replicas);
});

const quota = /no pod can be made: .*exceeded quota: full/;

describe("a run under way", () => {
  it("goes back where a pod fails its probe after a while", async () => {
    await toHalf();
    for (const { status } of await pods("podinfo-canary"))
      await fetch(`http://${status?.podIP}:9898/readyz/disable`, { method: "POST" });
    const { history } = await scenario.phase("Failed", 240_000);
    expect(history?.[0]?.cause).toMatch(/its readiness probe \(GET \/readyz on port http\) fails/);
    expect(ready.least().stable).toBe(replicas);
  });

  it("goes back where a quota allows too few pods for the next step", async () => {
    await toHalf();
    await fill();
    await resume();
    const { history } = await scenario.phase("Failed", 240_000);
    expect(history?.[0]?.cause).toContain(`canary pods were not ready within ${deadlineSeconds / 60}m`);
    expect(history?.[0]?.cause).toMatch(quota);
    expect(ready.least().stable).toBe(replicas);
    await makeRoom();
  });

  it("waits where an autoscaler asks for more than there is room for, and grows when there is", async () => {
    await apply([autoscaler(replicas)]);
    await toHalf();
    await fill();
    await apply([autoscaler(2 * replicas)]);
    await scenario.until("the floor to follow", ({ floor }) => floor?.replicas === 2 * replicas);
    await resume();
    const { canaryWeight } = await scenario.until("the cause", ({ reason = "" }) => quota.test(reason));
    expect([canaryWeight, await scenario.weight()]).toEqual([50, 50]);
    expect(ready.least().stable).toBe(replicas);
    await makeRoom();
    await scenario.phase("Succeeded", 240_000);
    expect(ready.now().stable).toBe(2 * replicas);
    await scenario.kubectl("delete", "hpa", "podinfo");
    await scenario.kubectl("scale", "deploy/podinfo", `--replicas=${replicas}`);
  });

  it("is promoted where a budget lets nothing be evicted", async () => {
    await apply([budget]);
    await toHalf();
    for (const { metadata } of [...(await pods("podinfo")), ...(await pods("podinfo-canary"))]) {
      const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: metadata?.name, namespace } };
      const path = `/api/v1/namespaces/${namespace}/pods/${metadata?.name}/eviction`;
      const { code, stderr } = await kubectl(["create", "--raw", path, "-f", "-"], { input: JSON.stringify(eviction) });
      expect([code, stderr]).toEqual([1, expect.stringContaining("disruption budget") as string]);
    }
    await resume();
    await scenario.phase("Succeeded", 240_000);
    const areGone = async (): Promise<true | ReturnType<typeof unmet>> => {
      const { length } = await pods("podinfo-canary");
      return length === 0 || unmet(`${length} pods`);
    };
    expect(await waitFor(areGone, 60_000, "the canary's pods to go", 500)).toBe(true);
  });
});

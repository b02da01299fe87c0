// A worker that nobody sends a request to: judged by its own queries and by its pods, without a Service and a route.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Canary } from "../../shared/core/objects/canary.ts";
import type { CanaryStatus } from "../../shared/core/objects/canary-status.ts";
import { podinfoImage } from "../app/podinfo.ts";
import { apply, deleteNamespace, mustKubectl, waitForRollout } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import { unmet, waitFor } from "../cluster/wait.ts";

const namespace = "e2e-worker";
const labels = { app: "worker" };
const targetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "worker" };

function worker(): object[] {
  const containers = [{ name: "worker", image: podinfoImage("1.7.0"), imagePullPolicy: "IfNotPresent" }];
  const template = { metadata: { labels }, spec: { containers, terminationGracePeriodSeconds: 1 } };
  const metadata = { name: "worker", namespace };
  const metrics = [{ name: "alive", query: "vector(1)", thresholdRange: { min: 1 }, interval: "1s" }];
  const analysis = { requests: "none", interval: "2s", threshold: 2, stepWeights: [50, 100], metrics };
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: { replicas: 2, selector: { matchLabels: labels }, template },
    },
    { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata, spec: { targetRef, analysis } },
  ];
}

function until(what: string, met: (status: CanaryStatus) => boolean): Promise<CanaryStatus> {
  return waitFor(
    async () => {
      const { status = {} } = await getJson<Canary>(["canary", "worker", "-n", namespace]);
      return met(status) ? status : unmet(`${status.phase} at ${status.canaryWeight}: ${status.reason}`);
    },
    90_000,
    what,
    200,
  );
}

beforeAll(async () => {
  await deleteNamespace(namespace);
  await apply(worker());
  await waitForRollout(namespace, "worker");
  await until("initialization", ({ phase }) => phase === "Initialized");
});

afterAll(() => deleteNamespace(namespace));

it("is promoted step by step, with as many pods beside stable as the weight says", async () => {
  await mustKubectl(["-n", namespace, "set", "image", "deploy/worker", `worker=${podinfoImage("1.7.1")}`]);
  const { history } = await until("the promotion", ({ phase }) => phase === "Succeeded");
  expect(history?.[0]?.outcome).toBe("promoted");
  await waitFor(
    async () => {
      const said = await mustKubectl(["-n", namespace, "get", "events", "-o", "jsonpath={.items[*].message}"]);
      const steps = [50, 100].map((weight) => `Advance worker.${namespace} canary weight ${weight}`);
      return steps.every((step) => said.includes(step)) || unmet(said);
    },
    30_000,
    "the Events of both steps",
  );
  await mustKubectl(["-n", namespace, "rollout", "status", "deploy/worker", "--timeout=60s"]);
  const { items } = await getJson<{ items: unknown[] }>(["services,trafficsplits,httproutes", "-n", namespace]);
  expect(items).toEqual([]);
});

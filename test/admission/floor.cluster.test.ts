// What the chart's floor lets autoscalers do, on an API server of the test's own without a controller: it holds while we are away.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadAll } from "js-yaml";
import { helm, kubectl } from "../cluster/client.ts";
import { release } from "../chart/install.ts";
import type { Output } from "../cluster/run.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { defineResources, startPlane, type Plane } from "../plugin/fixtures/plane.ts";

const namespace = "default";
const hpa = "system:serviceaccount:kube-system:horizontal-pod-autoscaler";
const autoscalers = [hpa, "system:kube-controller-manager", "system:serviceaccount:keda:keda-operator"];
let plane: Plane;

const run = (args: readonly string[], input?: object): Promise<Output> =>
  kubectl(
    ["--kubeconfig", plane.kubeconfig, "-n", namespace, ...args],
    input === undefined ? {} : { input: JSON.stringify(input) },
  );

async function must(done: Promise<Output>): Promise<void> {
  const { code, stderr } = await done;
  expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
}

/** As the controller of HorizontalPodAutoscalers does it: the whole Scale is put. */
const scale = (user: string | undefined, name: string, replicas: number): Promise<Output> => {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}/scale`;
  const body = { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name, namespace }, spec: { replicas } };
  return run([...(user === undefined ? [] : ["--as", user]), "replace", "--raw", path, "-f", "-"], body);
};

const deployment = (name: string, replicas: number): object => {
  const app = { app: name };
  const template = { metadata: { labels: app }, spec: { containers: [{ name: "app", image: "podinfo:1" }] } };
  const spec = { replicas, selector: { matchLabels: app }, template };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name }, spec };
};

const canary = (target: string): object => ({
  apiVersion: "flagger.app/v1beta1",
  kind: "Canary",
  metadata: { name: target },
  spec: {
    targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: target },
    service: { port: 9898 },
    analysis: { interval: "10s", threshold: 5, stepWeight: 10 },
  },
});

const setFloor = (name: string, floor: object | null): Promise<void> => {
  const status = { phase: "Progressing", canaryWeight: 50, failedChecks: 0, floor };
  const body = JSON.stringify({ status });
  return must(run(["patch", "canary", name, "--subresource=status", "--type=merge", "-p", body]));
};

beforeAll(async () => {
  plane = await startPlane();
  await defineResources(plane.cluster);
  const { stdout } = await helm(
    ["template", release.name, release.chart, "--namespace", "canary"].concat(
      ["--set", "image.repository=registry.example/canary"],
      ["--show-only", "templates/floor.yaml"],
    ),
  );
  const items = (loadAll(stdout) as (object | null)[]).filter((one) => one !== null);
  await must(run(["apply", "-f", "-"], { apiVersion: "v1", kind: "List", items }));
  for (const name of ["podinfo", "other"]) await must(run(["create", "-f", "-"], deployment(name, 8)));
  for (const name of ["podinfo", "calm"]) await must(run(["create", "-f", "-"], canary(name)));
  await setFloor("podinfo", { replicas: 8 });
  const users = autoscalers.map((user) => `--user=${user}`);
  await must(run(["create", "clusterrolebinding", "autoscalers", "--clusterrole=cluster-admin", ...users]));
  const isHeld = async (): Promise<true | ReturnType<typeof unmet>> => {
    const { code } = await scale(hpa, "podinfo", 7);
    await must(scale(undefined, "podinfo", 8));
    return code !== 0 || unmet("an autoscaler took a replica away");
  };
  await waitFor(isHeld, 30_000, "the floor to be in force", 200);
});
afterAll(() => plane.stop());

describe("an autoscaler", () => {
  it.each(autoscalers)("%s takes nothing from a target below its floor, and is told why", async (user) => {
    const { code, stderr } = await scale(user, "podinfo", 2);
    expect(code).toBe(1);
    expect(stderr).toContain(
      "Canary podinfo keeps 8 replicas of Deployment podinfo, for all traffic needs them: an autoscaler sees stable's share alone. They may go 5 minutes after the run: kubectl canary status podinfo -n default",
    );
  });

  it("may add replicas, and take away what is above the floor", async () => {
    expect.hasAssertions();
    for (const replicas of [12, 9, 8]) await must(scale(hpa, "podinfo", replicas));
  });

  it("may do with another Deployment of the namespace what it likes", async () => {
    expect.hasAssertions();
    await must(scale(hpa, "other", 0));
  });

  it("may take them when the Canary holds no floor any more", async () => {
    await setFloor("podinfo", null);
    const isFree = async (): Promise<true | ReturnType<typeof unmet>> => {
      const { code, stderr } = await scale(hpa, "podinfo", 2);
      return code === 0 || unmet(stderr);
    };
    await waitFor(isFree, 30_000, "the floor to be gone", 200);
    await setFloor("podinfo", { replicas: 8 });
  });
});

describe("a person", () => {
  it("may scale a target to what it should be, its floor or not", async () => {
    expect.hasAssertions();
    await must(scale(undefined, "podinfo", 1));
  });
});

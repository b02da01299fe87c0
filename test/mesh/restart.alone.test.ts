// Pods and the stand-in mesh's control plane come and go without a failed request. Alone, since for a moment new pods of
// every namespace wait for their sidecar.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { importAppImages, installApp, kubectl, removeApp } from "../app/install.ts";
import { LoadClient } from "../app/load-client.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { installMesh } from "./install.ts";
import { addLeaves, apply, httpRoute } from "./leaves.ts";

const namespace = "mesh-restart";

const kube = (...args: string[]): Promise<string> => kubectl(["-n", namespace, ...args]);

async function restart(name: string): Promise<void> {
  await kube("rollout", "restart", `deployment/${name}`);
  await kube("rollout", "status", `deployment/${name}`, "--timeout=120s");
}

beforeAll(async () => {
  await installMesh();
  await importAppImages();
  await removeApp(namespace);
  await installApp(namespace, { rate: 100, replicas: 2, without: ["frontend"] });
  await addLeaves(namespace);
});

afterAll(() => removeApp(namespace));

describe("traffic", () => {
  it("goes on without a failed request while podinfo's pods are replaced and the control plane restarts", async () => {
    const load = await LoadClient.of(namespace);
    await load.reset();
    await restart("podinfo");
    await kubectl(["-n", "linkerd", "rollout", "restart", "deployment/stand-in-mesh"]);
    await restart("podinfo");
    await kubectl(["-n", "linkerd", "rollout", "status", "deployment/stand-in-mesh", "--timeout=120s"]);
    await restart("podinfo");
    const counts = await load.counts();
    process.stdout.write(
      `three rollouts, one of the control plane: ${counts.requests} requests, ${counts.failed} failed\n`,
    );
    expect(counts.failures).toEqual([]);
    const names = '{range .items[*]}{.spec.initContainers[*].name}{"\\n"}{end}';
    const sidecars = (await kube("get", "pods", "-l", "app=podinfo", "-o", `jsonpath=${names}`)).trim().split("\n");
    for (const containers of sidecars) expect(containers).toContain("linkerd-proxy");
    await apply([httpRoute(namespace, [0, 100])]);
    await waitFor(
      async () => {
        await load.reset();
        await waitFor(async () => (await load.counts()).requests >= 20 || unmet("few requests"), 10_000, "20 requests");
        const { byVersion } = await load.counts();
        return (byVersion["1.7.0"] ?? 0) === 0 || unmet(JSON.stringify(byVersion));
      },
      10_000,
      "the restarted control plane's weights",
    );
  });
});

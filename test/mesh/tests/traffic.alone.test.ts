// Traffic through the stand-in mesh while pods and its control plane come and go, and much of it. Alone, since for a moment new
// pods of every namespace wait for their sidecar, and no request may fail.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { importAppImages, installApp, kubectl, removeApp } from "../../app/install.ts";
import { LoadClient } from "../../app/load-client.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { installMesh } from "../install.ts";
import { addLeaves, apply, httpRoute } from "./leaves.ts";

const namespace = "mesh-traffic";
const RATE = 50;

const kube = (...args: string[]): Promise<string> => kubectl(["-n", namespace, ...args]);

async function restart(name: string): Promise<void> {
  await kube("rollout", "restart", `deployment/${name}`);
  await kube("rollout", "status", `deployment/${name}`, "--timeout=120s");
}

beforeAll(async () => {
  await installMesh();
  await importAppImages();
  await removeApp(namespace);
  await installApp(namespace, { rate: RATE, replicas: 2, without: ["frontend"] });
  await addLeaves(namespace);
});

afterAll(() => removeApp(namespace));

describe("traffic", () => {
  it("goes on without a failed request while podinfo's pods are replaced and the control plane restarts", async () => {
    const load = await LoadClient.of(namespace);
    await load.setRate(100);
    await load.reset();
    await restart("podinfo");
    await kubectl(["-n", "linkerd", "rollout", "restart", "deployment/stand-in-mesh"]);
    await restart("podinfo");
    await kubectl(["-n", "linkerd", "rollout", "status", "deployment/stand-in-mesh", "--timeout=120s"]);
    await restart("podinfo");
    const counts = await load.rest();
    await load.setRate(RATE);
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
        const { byVersion } = await load.gather(20);
        return (byVersion["1.7.0"] ?? 0) === 0 || unmet(JSON.stringify(byVersion));
      },
      60_000,
      "the restarted control plane's weights",
    );
    await kube("delete", "httproute", "podinfo");
    await load.setRate(RATE);
  });

  it("of 500 requests per second is carried, in less than 80 MB", async () => {
    const load = await LoadClient.of(namespace);
    await load.gather(300);
    const easy = await load.counts();
    const counts = await load.exactly(5000, 500);
    await load.setRate(RATE);
    const memory = await memoryMb("load");
    process.stdout.write(
      `p50 at ${RATE}/s ${easy.latencyMs.p50} ms, at 500/s ${counts.latencyMs.p50} ms; sidecar ${memory.toFixed(0)} MB\n`,
    );
    expect(counts.failed).toBe(0);
    expect(memory).toBeLessThan(80);
  });
});

/** Memory of the sidecar's process in MB: its own, and its part of the pages that all sidecars share (Node itself). */
async function memoryMb(app: string): Promise<number> {
  const script = `process.stdout.write(require("node:fs").readFileSync("/proc/1/smaps_rollup", "utf8"))`;
  const container = ["-c", "linkerd-proxy", "--", "/bin/node", "-e", script];
  const rollup = await kube("exec", `deployment/${app}`, ...container);
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]) / 1000;
}

// The controller removed first, in mid-run, then the namespace: stable goes on serving and nothing hangs.
import { afterAll, beforeAll, expect, it } from "vitest";
import { installChart, release } from "../chart/install.ts";
import { helm, kubectl } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import { paths } from "../cluster/layout.ts";
import { Scenario } from "./scenario.ts";

let scenario: Scenario;
/** What the chart was installed with, to be given again. */
let values: Record<string, unknown>;

beforeAll(async () => {
  const { stdout } = await helm(["get", "values", release.name, "-n", release.namespace, "-o", "json"]);
  values = JSON.parse(stdout) as typeof values;
  scenario = await Scenario.start("e2e-uninstall", { provider: "gatewayapi:v1", analysis: { interval: "60s" } });
});

afterAll(async () => {
  await scenario.end();
  const helmArgs = Object.entries(values).flatMap(([key, value]) => ["--set-json", `${key}=${JSON.stringify(value)}`]);
  await installChart({ kubeconfig: paths.kubeconfig, rebuild: false, helmArgs });
});

it("helm uninstall in mid-run gives the Deployment back on stable, fails no request, and leaves nothing that hangs", async () => {
  const before = await scenario.podUids();
  const load = await scenario.load();
  await scenario.setImage("1.7.1");
  await scenario.until("traffic on the canary", (status) => status.canaryWeight === 20);
  await load.reset();
  const waiting = scenario.try("rollout", "status", "deploy/podinfo", "--timeout=200s");
  const removed = await helm(["uninstall", "kubectl-canary", "-n", "kubectl-canary", "--wait", "--timeout", "3m"]);
  expect(removed.code, removed.stderr).toBe(0);
  // The version that is waited for did not go out, and stable's own rollout is not to pass for it.
  expect(await waiting).toMatchObject({ code: 1, stderr: expect.stringContaining("progress deadline") as string });
  const target = await getJson<{
    metadata: { labels: object };
    spec: { paused?: boolean; template: { spec: { containers: { image: string }[] } } };
  }>(["deploy", "podinfo", "-n", scenario.namespace]);
  expect(target.spec.paused).toBeUndefined();
  expect(target.spec.template.spec.containers[0]?.image).toContain(":1.7.0");
  expect(Object.keys(target.metadata.labels).filter((key) => key.startsWith("kubectl-canary"))).toEqual([]);
  expect(await scenario.podUids()).toEqual(before);
  const left = await kubectl(["-n", release.namespace, "get", "secrets,leases,roles,rolebindings", "-o", "name"]);
  expect(left.stdout).toBe("");
  const { failed, failures } = await load.rest();
  expect(failed, JSON.stringify(failures)).toBe(0);
  const gone = await kubectl(["delete", "namespace", scenario.namespace, "--wait", "--timeout=90s"]);
  expect(gone.code, gone.stderr).toBe(0);
});

/**
 * `helm uninstall` in every phase at once, with the controller there and with its pods gone already: every Deployment is its
 * user's again, no request fails, and nothing of ours is left but the Canaries. The documented way out without a controller.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { V1Deployment } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leave } from "../../chart/away.ts";
import { installChart, release } from "../../chart/install.ts";
import { clusterEnv, helm, mustKubectl } from "../../cluster/client.ts";
import { getJson } from "../../cluster/get.ts";
import { paths, repository } from "../../cluster/layout.ts";
import { mustRun } from "../../cluster/run.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { phases, Stage } from "../../e2e/stage.ts";

let stages: Stage[];
const each = (act: (stage: Stage) => Promise<unknown>): Promise<unknown> => Promise.all(stages.map(act));
const stageOf = (phase: string): Stage => stages.find((stage) => stage.phase === phase)!;
const install = (): Promise<void> => installChart({ kubeconfig: paths.kubeconfig, rebuild: false });

beforeAll(async () => {
  const provider = "gatewayapi:v1";
  stages = await Promise.all(phases.map((phase) => Stage.start("uninstalled", phase, provider)));
});

afterAll(async () => {
  await install();
  await each((stage) => stage.end());
});

/** Rollouts that the phases have stopped may go on once the controller's own part is over. */
async function uninstall(): Promise<void> {
  const removed = helm(["uninstall", release.name, "-n", release.namespace, "--wait", "--timeout", "4m"]);
  const job = ["-n", release.namespace, "get", "job", "-o", "name"];
  const look = async (): Promise<string | ReturnType<typeof unmet>> => (await mustKubectl(job)) || unmet("no job yet");
  await waitFor(look, 60_000, "the hook to run");
  await each((stage) => stage.free());
  const { code, stderr } = await removed;
  expect(code, stderr).toBe(0);
}

describe.each([["there"], ["gone"]])("helm uninstall while the controller is %s", (is) => {
  beforeAll(async () => {
    await each((stage) => stage.enter());
    if (is === "gone") await leave();
    await uninstall();
  });

  afterAll(install);

  describe.concurrent("gives the Deployment back and leaves nothing", () => {
    it.each(phases)("%s", async (phase) => {
      const stage = stageOf(phase);
      expect(await stage.leftovers()).toBe("");
      await stage.isItsUsers();
      await stage.noneFails();
      expect(await stage.scenario.kubectl("get", "canary", "podinfo", "-o", "jsonpath={.status.reason}")).toContain(
        "was uninstalled",
      );
    });
  });
});

describe("where the controller is away for good", () => {
  beforeAll(async () => {
    await each((stage) => stage.enter());
    await leave();
    await mustKubectl(["delete", "mutatingwebhookconfiguration", "zz-kubectl-canary"]);
  });

  // Without its webhook configuration the controller is not ready again: the chart brings both.
  afterAll(install);

  describe.concurrent("the docs' one command puts a held Deployment back on stable, and no pod restarts", () => {
    it.each(["progressing", "failed"])("%s", async (phase) => {
      const stage = stageOf(phase);
      const held = await stage.readTarget();
      expect(held.spec?.paused).toBe(true);
      const command = (await documented()).replaceAll("NAMESPACE", stage.namespace).replaceAll("NAME", "podinfo");
      await mustRun("bash", ["-c", command], { env: clusterEnv });
      const target = await getJson<V1Deployment>(["deploy", "podinfo", "-n", stage.namespace]);
      expect(JSON.stringify(target.spec)).toBe(stage.before.spec);
      await stage.scenario.kubectl("rollout", "status", "deploy/podinfo", "--timeout=60s");
      expect(await stage.scenario.podUids()).toEqual(stage.before.pods);
      await stage.noneFails();
    });
  });
});

/** The command in the docs, as it is pasted. */
async function documented(): Promise<string> {
  const text = await readFile(join(repository, "docs/deployments.md"), "utf8");
  const [, command] = /## Without the controller[\s\S]*?```sh\n([\s\S]*?)```/.exec(text) ?? [];
  if (!command) throw new Error("docs/deployments.md has no command under Without the controller");
  return command;
}

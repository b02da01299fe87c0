// An upgrade of the chart with runs under way, one of them being promoted, and twenty Canaries at rest: no run starts, none
// ends, no weight moves, and no request fails.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { Gated } from "../../admission/gated.ts";
import { serverSideApply } from "../../admission/tools.ts";
import { installChart } from "../../chart/install.ts";
import { apply, deleteNamespace, mustKubectl } from "../../cluster/client.ts";
import { getJson } from "../../cluster/get.ts";
import { pauseImage } from "../../cluster/parts/config.ts";
import { paths } from "../../cluster/layout.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { canaryFor } from "../../e2e/scenario.ts";
import { share, Stage } from "../../e2e/stage.ts";

const namespace = "upgrade-idle";
const names = Array.from({ length: 20 }, (_, index) => `idle-${index}`);
let gated: Gated;
let stages: Stage[];

function target(name: string): object {
  const labels = { app: name };
  const spec = { terminationGracePeriodSeconds: 1, containers: [{ name: "app", image: pauseImage }] };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
}

function canary(name: string): Canary {
  const found = canaryFor(namespace, { provider: "gatewayapi:v1", analysis: { interval: "600s" } });
  const targetRef = { ...found.spec.targetRef, name };
  return { ...found, metadata: { name, namespace }, spec: { ...found.spec, targetRef, service: { port: 80 } } };
}

/** What an upgrade must leave as it is. */
async function standing(): Promise<Record<string, unknown>> {
  const { items } = await getJson<{ items: Canary[] }>(["canaries", "-A"]);
  return Object.fromEntries(
    items.map(({ metadata, status = {} }) => [
      `${metadata.namespace}/${metadata.name}`,
      [status.phase, status.canaryWeight, status.runs, status.run?.id, status.run?.stage, status.lastTransitionTime],
    ]),
  );
}

beforeAll(async () => {
  await deleteNamespace(namespace);
  await mustKubectl(["create", "namespace", namespace]);
  await apply(names.map(target));
  await apply(names.map(canary));
  stages = await Promise.all([
    Stage.start("upgrade", "progressing", "gatewayapi:v1"),
    Stage.start("upgrade", "promoting", "gatewayapi:v1"),
  ]);
  gated = await Gated.start("upgrade-running", serverSideApply);
  await gated.write("v2");
  await gated.running("v2");
  await waitFor(
    async () => {
      const phases = Object.values(await standing()).map((facts) => (facts as unknown[])[0]);
      const ready = phases.filter((phase) => phase === "Initialized").length;
      return ready >= names.length ? true : unmet(`${ready} of ${names.length} initialized`);
    },
    120_000,
    "every idle Canary",
  );
  for (const stage of stages) await stage.enter();
});

afterAll(async () => {
  await gated.end();
  for (const stage of stages) await stage.end();
  await deleteNamespace(namespace);
});

it("changes nothing of any Canary, fails no request, and each run goes on to its end as ever", async () => {
  const before = await standing();
  const pods = await gated.scenario.podUids();
  const helmArgs = ["--set-string", `podAnnotations.upgraded=at-${process.pid}`];
  await installChart({ kubeconfig: paths.kubeconfig, rebuild: false, helmArgs });
  // The new leader has looked at everything once it has answered a command.
  expect((await gated.scenario.plugin("pause")).code).toBe(0);
  expect(await standing()).toEqual(before);
  for (const stage of stages) {
    await stage.noneFails();
    expect(await stage.scenario.weight()).toBe(share);
  }
  expect((await gated.scenario.plugin("rollback")).code).toBe(0);
  await gated.scenario.phase("Failed", 60_000);
  expect(await gated.scenario.podUids()).toEqual(pods);
  for (const stage of stages) {
    await stage.settle();
    await stage.noneFails();
  }
  const [progressing, promoting] = await Promise.all(stages.map(({ scenario }) => scenario.status()));
  expect([progressing?.history?.[0]?.outcome, promoting?.history?.[0]?.outcome]).toEqual(["reverted", "promoted"]);
});

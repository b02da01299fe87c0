// Every kubectl verb on a Deployment whose version is held: what docs/deployments.md says of each.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { V1Deployment } from "@kubernetes/client-node";
import { sameTemplate } from "../../shared/core/objects/pod-template.ts";
import { podinfoImage } from "../app/podinfo.ts";
import { clusterEnv, kubectl } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import { pauseImage } from "../cluster/parts/config.ts";
import type { Output } from "../cluster/run.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { Gated, deployment, expectVersion } from "./gated.ts";
import { expectRevert } from "./intents.ts";
import { clientSideApply, replace } from "./tools.ts";

let gated: Gated;

beforeAll(async () => {
  gated = await Gated.start("verbs", clientSideApply);
});

afterAll(() => gated.end());

/** What a person does in the editor that `kubectl edit` opens. */
const editor = `sed -i /image:.${podinfoImage("1.7.1").replaceAll("/", ".")}/s/1.7.1/1.7.0/`;

const on = (name: string, ...args: string[]): Promise<Output> =>
  kubectl(["-n", gated.namespace, ...args.map((arg) => (arg === "X" ? `deploy/${name}` : arg))], {
    env: { ...clusterEnv, KUBE_EDITOR: editor },
  });

const named = (name: string): Promise<V1Deployment> => getJson<V1Deployment>(["-n", gated.namespace, "deploy", name]);

describe("a verb that changes no template, while version 2 is held", () => {
  beforeAll(async () => {
    await gated.write("v2");
    await gated.running("v2");
  });

  it.each([
    ["rollout undo", ["rollout", "undo", "X"], 1, /cannot rollback a paused|no rollout history/],
    ["rollout restart", ["rollout", "restart", "X"], 1, /can't restart paused deployment/],
    ["rollout pause", ["rollout", "pause", "X"], 1, /is already paused/],
    ["rollout resume", ["rollout", "resume", "X"], 0, /holds this rollout[^]*kubectl canary promote[^]*rollback/],
    ["annotate", ["annotate", "X", "team=a", "--overwrite"], 0, /^$/],
    ["label", ["label", "X", "--overwrite", "tier=web"], 0, /^$/],
    ["autoscale", ["autoscale", "X", "--min=1", "--max=2", "--cpu=80%"], 0, /^$/],
    ["scale", ["scale", "X", "--replicas=2"], 0, /^$/],
  ])("%s leaves the run as it is", async (_, args, code, said) => {
    const { runs, run } = await gated.scenario.status();
    const pods = await gated.scenario.podUids();
    const output = await on("podinfo", ...args);
    expect([output.code, output.stderr]).toEqual([code, expect.stringMatching(said)]);
    const target = await gated.target();
    expectVersion(target, "v2");
    expect(target.spec?.paused).toBe(true);
    const after = await gated.scenario.status();
    expect([after.runs, after.run?.id]).toEqual([runs, run?.id]);
    expect(await gated.scenario.podUids()).toEqual(expect.arrayContaining(pods));
  });

  it("scaled up, the primary gets its second pod of stable", async () => {
    await waitFor(
      async () => {
        const { readyReplicas } = { ...(await gated.target()).status };
        return readyReplicas === 2 ? true : unmet(`${readyReplicas} ready`);
      },
      30_000,
      "two pods of stable",
    );
    await on("podinfo", "delete", "hpa", "podinfo");
  });

  it("version 1 again ends the run; a restart where nothing is held is a run of its own", async () => {
    // With fewer pods stable would be waited for: a moment before it needed both.
    const both = deployment("v1");
    both.spec!.replicas = 2;
    await expectRevert(gated, () => gated.write(both));
    await on("podinfo", "scale", "X", "--replicas=1");
    await on("podinfo", "rollout", "restart", "X");
    await gated.scenario.until("a run of the restart", ({ run }) => run?.images["podinfod"] === podinfoImage("1.7.0"));
    // No applier knows of what a restart put in.
    const patch = JSON.stringify([{ op: "remove", path: "/spec/template/metadata/annotations" }]);
    await expectRevert(gated, () => on("podinfo", "patch", "X", "--type=json", "-p", patch));
  });
});

describe("a change of the template, while version 2 is held", () => {
  const containers = (list: object[]): string => JSON.stringify({ spec: { template: { spec: { containers: list } } } });

  beforeAll(async () => {
    // The same without a Canary, and without pods: what plain Kubernetes makes of each change.
    const plain = deployment("v2");
    plain.metadata = { name: "plain" };
    plain.spec!.replicas = 0;
    plain.spec!.selector = { matchLabels: { app: "plain" } };
    plain.spec!.template.metadata = { labels: { app: "plain" } };
    await gated.write(plain);
    await gated.write("v2");
    await gated.running("v2");
  });

  it.each([
    ["edit", ["edit", "X"]],
    ["set env", ["set", "env", "X", "X=1", "BAR-"]],
    ["set image", ["set", "image", "X", `podinfod=${podinfoImage("1.7.4")}`]],
    ["set resources", ["set", "resources", "X", "--requests=cpu=10m,memory=16Mi"]],
    ["a strategic patch", ["patch", "X", "-p", containers([{ name: "podinfod", env: [{ name: "Y", value: "2" }] }])]],
    [
      "a merge patch",
      ["patch", "X", "--type=merge", "-p", '{"spec":{"template":{"metadata":{"annotations":{"a":"b"}}}}}'],
    ],
    [
      "a JSON patch",
      ["patch", "X", "--type=json", "-p", '[{"op":"remove","path":"/spec/template/spec/containers/0/readinessProbe"}]'],
    ],
    ["another container", ["patch", "X", "-p", containers([{ name: "other", image: "example.org/other:1" }])]],
    ["set image of the other container", ["set", "image", "X", `other=${pauseImage}`]],
  ])("%s gives what plain Kubernetes gives", async (_, args) => {
    for (const name of ["plain", "podinfo"]) {
      const output = await on(name, ...args);
      expect(output.code, output.stderr).toBe(0);
    }
    const [plain, target] = [await named("plain"), await gated.target()];
    plain.spec!.template.metadata!.labels = { app: "podinfo" };
    expect(sameTemplate(target.spec?.template, plain.spec?.template)).toBe(true);
    expect(target.spec?.paused).toBe(true);
  });

  it("five of them within two seconds restart the run once", async () => {
    await gated.scenario.until("the run of the last change", ({ canaryWeight }) => canaryWeight === 20);
    const { runs = 0 } = await gated.scenario.status();
    for (let change = 0; change < 5; change++) await on("podinfo", "set", "env", "X", `BURST=${change}`);
    const wanted = JSON.stringify((await gated.target()).spec?.template.spec?.containers[0]?.env);
    await waitFor(
      async () => {
        const env = JSON.stringify((await gated.canaryWorkload()).spec?.template.spec?.containers[0]?.env);
        const { canaryWeight } = await gated.scenario.status();
        return env === wanted && canaryWeight === 20 ? true : unmet(`${canaryWeight}%, ${env}`);
      },
      60_000,
      "the canary of the last change",
    );
    expect((await gated.scenario.status()).runs).toBe(runs + 1);
  });
});

describe("a Deployment that its user has paused", () => {
  it("waits with a new version until its user resumes it, and is not promoted before", async () => {
    await expectRevert(gated, () => gated.write("v1", replace));
    const { runs } = await gated.scenario.status();
    expect((await on("podinfo", "rollout", "pause", "X")).code).toBe(0);
    await on("podinfo", "set", "image", "X", `podinfod=${podinfoImage("1.7.1")}`);
    await gated.scenario.until("the wait", ({ reason }) => reason?.includes("paused by its user") ?? false, 30_000);
    expect((await gated.scenario.status()).runs).toBe(runs);
    expect((await gated.scenario.plugin("promote")).code).not.toBe(0);
    expect((await gated.target()).spec?.paused).toBe(true);
    expect((await on("podinfo", "rollout", "resume", "X")).code).toBe(0);
    await gated.scenario.until("its run", ({ canaryWeight }) => canaryWeight === 20);
    expect((await gated.target()).spec?.paused).toBe(true);
  });
});

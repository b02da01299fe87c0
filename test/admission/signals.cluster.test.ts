// What other tools read from the Deployment itself: wait while it is held, succeed with a promotion, fail with a rejection.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { V1Deployment } from "@kubernetes/client-node";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { label } from "../../shared/core/objects/names.ts";
import { apply, kubectl } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import type { Output } from "../cluster/run.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { Gated, deployment, expectVersion } from "./gated.ts";
import { deploymentStatus, generalStatus, type Kstatus } from "./kstatus.ts";
import { clientSideApply, serverSideApply } from "./tools.ts";

let gated: Gated;
/** Its resourceVersion before everything. */
let bystander: string;

beforeAll(async () => {
  gated = await Gated.start("signals", clientSideApply);
  const labels = { app: "bystander" };
  const template = { ...deployment("v1").spec!.template, metadata: { labels } };
  const spec = { replicas: 0, selector: { matchLabels: labels }, template };
  await apply([{ ...deployment("v1"), metadata: { name: "bystander" }, spec }], gated.namespace);
  // The last that its own controller writes of it.
  const complete = `jsonpath={.status.conditions[?(@.type=="Progressing")].reason}=NewReplicaSetAvailable`;
  await gated.scenario.kubectl("wait", "deploy/bystander", `--for=${complete}`, "--timeout=60s");
  bystander = await gated.scenario.kubectl("get", "deploy", "bystander", "-o", "jsonpath={.metadata.resourceVersion}");
});

afterAll(() => gated.end());

const rolloutStatus = (timeout: string): Promise<Output> =>
  gated.scenario.try("rollout", "status", "deploy/podinfo", `--timeout=${timeout}`);

async function kstatuses(): Promise<[Kstatus, Kstatus | undefined]> {
  const canary: Canary = await gated.scenario.canary();
  return [deploymentStatus(await gated.target()), generalStatus(canary)];
}

const becomes = (deploymentIs: Kstatus, canaryIs: Kstatus): Promise<true> =>
  waitFor(
    async () => {
      const found = await kstatuses();
      return found.join() === [deploymentIs, canaryIs].join() ? true : unmet(found.join());
    },
    30_000,
    `Deployment ${deploymentIs}, Canary ${canaryIs}`,
  );

const diff = (...args: string[]): Promise<Output> =>
  kubectl(["-n", gated.namespace, "diff", ...args, "-f", "-"], { input: JSON.stringify(deployment("v2")) });

describe("while a version is held", () => {
  it("rollout status and kstatus wait, and kubectl diff finds no drift", async () => {
    expect(await kstatuses()).toEqual(["Current", "Current"]);
    await gated.write("v2");
    await gated.running("v2");
    await becomes("InProgress", "InProgress");
    const waited = await rolloutStatus("2s");
    expect(waited.code).toBe(1);
    expect(waited.stderr).toContain("timed out waiting");
    expect(await diff()).toMatchObject({ code: 0, stdout: "" });
    expect(await diff("--server-side", "--force-conflicts")).toMatchObject({ code: 0, stdout: "" });
  });

  it("a dry-run of another version says what would happen, and leaves nothing behind", async () => {
    const { runs } = await gated.scenario.status();
    const before = await gated.unwritten();
    const manifest = JSON.stringify(deployment("v3"));
    for (const args of [["apply"], ["apply", "--server-side", "--force-conflicts"]]) {
      const all = ["-n", gated.namespace, ...args, "--dry-run=server", "-f", "-"];
      const { code, stderr } = await kubectl(all, { input: manifest });
      expect([code, stderr]).toEqual([0, expect.stringContaining("holds image podinfod 1.7.1 -> 1.7.4")]);
    }
    expect(await gated.unwritten()).toEqual(before);
    expect((await gated.scenario.status()).runs).toBe(runs);
  });
});

describe("a version that was rejected", () => {
  it("fails rollout status and kstatus at once, with the cause on the Deployment", async () => {
    expect((await gated.scenario.plugin("rollback", "--reason", "a test")).code).toBe(0);
    await gated.scenario.phase("Failed");
    await becomes("Failed", "Failed");
    expect(await rolloutStatus("30s")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("deadline") as string,
    });
    const { conditions = [] } = { ...(await gated.target()).status };
    const said = conditions.find(({ type }) => type === "Progressing")?.message;
    expect(said).toMatch(/^canary rejected: .*rolled back by admin.*a test/);
  });

  it("stays rejected when it is applied again, by whatever tool: no run, no pod, one event", async () => {
    const { runs } = await gated.scenario.status();
    const [before, pods] = [await gated.scenario.events(), await gated.scenario.podUids()];
    for (let round = 0; round < 3; round++)
      for (const tool of [clientSideApply, serverSideApply])
        await tool.write(deployment("v2"), gated.namespace).then(({ code }) => expect([0, 1]).toContain(code));
    await gated.unwritten();
    expect((await gated.scenario.status()).runs).toBe(runs);
    expect(await gated.scenario.podUids()).toEqual(pods);
    expect((await gated.scenario.events()).length).toBe(before.length);
    expect((await gated.scenario.status()).reason).toContain("was rejected: rolled back by admin");
    expect(await kstatuses()).toEqual(["Failed", "Failed"]);
  });

  it("gives way to another version at once: tools that failed wait again, and succeed with its promotion", async () => {
    await gated.write("v3");
    await gated.running("v3");
    await becomes("InProgress", "InProgress");
    const waiting = rolloutStatus("90s");
    expect((await gated.scenario.plugin("promote")).code).toBe(0);
    expect(await waiting).toMatchObject({ code: 0 });
    await gated.scenario.phase("Succeeded");
    await becomes("Current", "Current");
    expectVersion(await gated.target(), "v3");
  });

  it("is not overtaken while it is promoted: a change is refused with the reason, and passes seconds later", async () => {
    await gated.scenario.untilFree();
    await gated.scenario.kubectl("set", "env", "deploy/podinfo", "ROUND=2");
    await gated.scenario.until("the canary's traffic", ({ canaryWeight }) => canaryWeight === 20);
    const promoted = gated.scenario.plugin("promote");
    await waitFor(
      async () => (label.promoting in ((await gated.target()).metadata?.labels ?? {}) ? true : unmet("not promoting")),
      30_000,
      "the promotion",
    );
    const change = (): Promise<Output> => gated.scenario.try("set", "env", "deploy/podinfo", "ROUND=3");
    expect(await change()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/promoting a judged version/) as string,
    });
    await waitFor(async () => ((await change()).code === 0 ? true : unmet("refused")), 60_000, "the change to pass");
    expect((await promoted).code).toBe(0);
    await gated.scenario.until("its run", ({ run, canaryWeight }) => run !== undefined && canaryWeight === 20);
  });
});

describe("a Deployment without a Canary", () => {
  it("is never written by us", async () => {
    expect(
      await gated.scenario.kubectl("get", "deploy", "bystander", "-o", "jsonpath={.metadata.resourceVersion}"),
    ).toBe(bystander);
    const all = await getJson<{ items: V1Deployment[] }>(["deploy", "-A", "--show-managed-fields"]);
    const strangers = all.items.filter(({ metadata }) => {
      const labels = metadata?.labels ?? {};
      return !(label.target in labels) && !(label.canary in labels);
    });
    expect(strangers.length).toBeGreaterThan(1);
    for (const { metadata } of strangers)
      expect(metadata?.managedFields?.map(({ manager }) => manager)).not.toContain("kubectl-canary");
  });
});

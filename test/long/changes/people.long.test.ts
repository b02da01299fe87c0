// A person steps in: pauses, tries again, lets a change go without a canary, deletes what is judged.
import type { V1Deployment } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mustKubectl } from "../../cluster/client.ts";
import { bypassLabel, Scenario } from "../../e2e/scenario.ts";

let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start("long-people", {
    provider: "gatewayapi:v1",
    replicas: 2,
    analysis: { interval: "2s", threshold: 1, stepWeight: 25 },
  });
});

afterAll(() => scenario.end());

async function images(): Promise<string> {
  return scenario.kubectl("get", "deploy", "podinfo", "-o", "jsonpath={.spec.template.spec.containers[0].image}");
}

/** The manifest as its author has it, with other images. */
function recreated({ apiVersion, kind, metadata, spec }: V1Deployment, imageOf: (image: string) => string): string {
  const containers = (spec?.template.spec?.containers ?? []).map((one) => ({
    ...one,
    image: imageOf(one.image ?? ""),
  }));
  const template = { ...spec!.template, spec: { ...spec!.template.spec, containers } };
  const { paused: _paused, ...rest } = spec!;
  const { name, namespace } = metadata ?? {};
  return JSON.stringify({ apiVersion, kind, metadata: { name, namespace }, spec: { ...rest, template } });
}

/** With the controller's own words, because a refusal is a failure of the test. */
async function mustPlugin(verb: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await scenario.plugin(verb, ...args);
  expect(code, stderr).toBe(0);
  return stdout;
}

describe("during a run", () => {
  it("pause keeps the weight while checks go on, and resume goes on from there", async () => {
    await scenario.setImage("1.7.1");
    await scenario.until("traffic on the canary", (status) => (status.canaryWeight ?? 0) >= 25);
    await mustPlugin("pause", "--reason", "looking at traces");
    const held = await scenario.until("the pause", (status) => /^Paused by .*checks go on/.test(status.reason ?? ""));
    expect(held.run).toMatchObject({ hold: "paused", paused: { reason: "looking at traces" } });
    const { canaryWeight, checks } = held;
    const later = await scenario.until("another check", (status) => status.checks?.[0]?.at !== checks?.[0]?.at);
    expect(later.canaryWeight).toBe(canaryWeight);
    await mustPlugin("resume");
    const done = await scenario.phase("Succeeded");
    expect(done.history?.[0]).toMatchObject({ outcome: "promoted" });
  });

  it("rollback is answered although something else forbids to go on", async () => {
    const before = await scenario.podUids();
    await scenario.kubectl("set", "env", "deploy/podinfo", "ROUND=2");
    await scenario.until("traffic on the canary", (status) => (status.canaryWeight ?? 0) >= 25);
    await scenario.kubectl("create", "deployment", "podinfo-primary", "--image=none", "--replicas=0");
    await scenario.until("the obstacle", (status) => status.reason?.includes("podinfo-primary is there") ?? false);
    await mustPlugin("rollback", "--reason", "enough");
    const ended = await scenario.until("the end of the run", (status) => status.run === undefined);
    expect(ended.history?.[0]).toMatchObject({
      outcome: "rejected",
      cause: expect.stringContaining("enough") as string,
    });
    expect(await scenario.weight()).toBe(0);
    expect(await scenario.podUids()).toEqual(before);
    await scenario.kubectl("delete", "deployment", "podinfo-primary");
    await scenario.phase("Failed");
  });

  it("retry starts exactly one run of what was rejected", async () => {
    const { runs = 0 } = await scenario.status();
    await mustPlugin("retry");
    const again = await scenario.phase("Succeeded");
    expect(again.runs).toBe(runs + 1);
    expect(await scenario.kubectl("get", "deploy", "podinfo", "-o", "jsonpath={.spec.template}")).toContain("ROUND");
  });
});

describe("a change that goes past the canary by break-glass", () => {
  it("ends the run under way, is named with its author, and is taken back by undo", async () => {
    await scenario.setImage("1.7.4");
    await scenario.until("traffic on the canary", (status) => (status.canaryWeight ?? 0) >= 25);
    await scenario.kubectl("label", "deploy", "podinfo", `${bypassLabel}=incident-42`);
    await scenario.until(
      "the warning",
      (status) => status.warnings?.some((line) => line.includes("Break-glass")) ?? false,
    );
    await scenario.kubectl("rollout", "resume", "deploy", "podinfo");
    const said = await scenario.until("the unvetted change", (status) => status.unvetted !== undefined);
    expect(said.history?.[0]).toMatchObject({ outcome: "aborted" });
    expect(said.unvetted?.how).toBe("break-glass");
    await scenario.kubectl("rollout", "status", "deploy", "podinfo", "--timeout=60s");
    expect(await scenario.kubectl("get", "deploy", "podinfo", "-o", "jsonpath={.metadata.labels}")).not.toContain(
      "bypass",
    );
    await mustPlugin("undo");
    await scenario.until("stable again", (status) => status.unvetted === undefined && status.run === undefined);
    expect(await images()).toContain(":1.7.1");
    await scenario.kubectl("rollout", "status", "deploy", "podinfo", "--timeout=60s");
  });

  it("becomes stable when it is adopted, and the next change starts a canary again", async () => {
    await scenario.kubectl("label", "deploy", "podinfo", `${bypassLabel}=incident-43`);
    await scenario.setImage("1.7.4");
    await scenario.until("the unvetted change", (status) => /runs everywhere/.test(status.reason ?? ""));
    await mustPlugin("adopt");
    const adopted = await scenario.until("the adoption", (status) => status.unvetted === undefined);
    expect(Object.values(adopted.stable?.images ?? {})).toEqual([expect.stringContaining(":1.7.4")]);
    await scenario.setImage("1.7.1");
    await scenario.until("a run", (status) => status.run !== undefined);
    await mustPlugin("rollback");
    await scenario.phase("Failed");
  });
});

it("a Deployment that is recreated with another template is unvetted, and undo puts back what only we still know", async () => {
  const found = JSON.parse(await scenario.kubectl("get", "deploy", "podinfo", "-o", "json")) as V1Deployment;
  const manifest = recreated(found, (image) => image.replace(/:[^:]*$/, ":1.7.0"));
  const stable = Object.values((await scenario.status()).stable?.images ?? {});
  await mustKubectl(["replace", "--force", "-f", "-"], { input: manifest });
  const said = await scenario.until("the unvetted change", (status) => status.unvetted !== undefined);
  expect(said.unvetted).toMatchObject({
    how: "recreated or unlabelled",
    by: expect.stringContaining("kubectl") as string,
  });
  await scenario.kubectl("rollout", "status", "deploy", "podinfo", "--timeout=60s");
  await mustPlugin("undo");
  await scenario.until("stable again", (status) => status.unvetted === undefined);
  expect(stable).toEqual([await images()]);
});

it("a Deployment that is deleted in mid-run ends it as aborted, and nothing of its canary runs on", async () => {
  await scenario.kubectl("set", "env", "deploy/podinfo", "ROUND=3");
  await scenario.until("traffic on the canary", (status) => (status.canaryWeight ?? 0) >= 25);
  await scenario.kubectl("delete", "deploy", "podinfo");
  const ended = await scenario.until("the end of the run", (status) => status.run === undefined);
  expect(ended.history?.[0]).toMatchObject({ outcome: "aborted", cause: "Deployment podinfo was deleted" });
  await scenario.until("the sentence about it", (status) => /was not found/.test(status.reason ?? ""));
  expect(await scenario.kubectl("get", "deploy", "podinfo-canary", "-o", "jsonpath={.spec.replicas}")).toBe("0");
  expect(await scenario.weight()).toBe(0);
});

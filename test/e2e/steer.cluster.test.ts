// promote and rollback, in each phase, and what they say where they cannot.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kubectl, mustKubectl } from "../cluster/client.ts";
import { Scenario } from "./scenario.ts";

let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start("e2e-steer", {
    provider: "gatewayapi:v1",
    replicas: 2,
    analysis: { interval: "30s", stepWeight: 50 },
  });
});

afterAll(() => scenario.end());

/** A pod that is ready counts so many seconds later in a rollout: so long a promotion takes at least, and can be rolled back meanwhile. */
async function newPodsCountAfter(minReadySeconds: number): Promise<void> {
  await scenario.kubectl("patch", "deploy", "podinfo", "-p", JSON.stringify({ spec: { minReadySeconds } }));
}

describe("where nothing can be done", () => {
  it.each(["promote", "rollback"])("%s says that nothing is running", async (verb) => {
    const { code, stderr } = await scenario.plugin(verb);
    expect(code).toBe(1);
    expect(stderr).toContain("nothing is running");
  });

  it("an unknown name, an unknown namespace and a missing permission are each said", async () => {
    const unknown = await kubectl(["canary", "promote", "nobody", "-n", scenario.namespace]);
    expect([unknown.code, unknown.stderr]).toEqual([7, expect.stringContaining("nobody")]);
    const nowhere = await kubectl(["canary", "promote", "podinfo", "-n", "no-such-namespace"]);
    expect([nowhere.code, nowhere.stderr]).toEqual([7, expect.stringContaining("no-such-namespace")]);
    const stranger = await scenario.plugin("promote", "--as", "stranger");
    expect(stranger.code).toBe(1);
    expect(stranger.stderr).toMatch(/stranger|permi|forbidden/i);
  });
});

describe("during the analysis", () => {
  it("rollback takes all traffic back at once and names who asked", async () => {
    const before = await scenario.podUids();
    await scenario.setImage("1.7.1");
    await scenario.until("traffic on the canary", (status) => status.canaryWeight === 50);
    const { code, stdout, stderr } = await scenario.plugin("rollback", "--reason", "just a test");
    expect(code, stderr).toBe(0);
    expect(stdout + stderr).toContain("all traffic goes to stable");
    const failed = await scenario.phase("Failed");
    expect(failed.reason).toMatch(/rolled back by .*just a test/);
    expect(await scenario.weight()).toBe(0);
    expect(await scenario.podUids()).toEqual(before);
  });

  it("promote refuses a canary that is not ready, unless forced", async () => {
    await mustKubectl([
      ...["-n", scenario.namespace, "set", "image", "deployment/podinfo"],
      "podinfod=quay.io/stefanprodan/podinfo:does-not-exist",
    ]);
    await scenario.until("the cause of the wait", (status) => /ErrImage|ImagePull/.test(status.reason ?? ""));
    const { code, stderr } = await scenario.plugin("promote");
    expect(code).toBe(1);
    expect(stderr).toContain("not ready");
    expect((await scenario.plugin("rollback")).code).toBe(0);
    await scenario.phase("Failed");
  });

  it("promote ends the analysis and runs the normal order; rollback while promoting puts stable's template back first", async () => {
    await scenario.setImage("1.7.4");
    await scenario.until("traffic on the canary", (status) => status.canaryWeight === 50);
    await newPodsCountAfter(20);
    const promoted = await scenario.plugin("promote");
    expect(promoted.code, promoted.stderr).toBe(0);
    const back = await scenario.plugin("rollback");
    expect(back.code, back.stderr).toBe(0);
    expect(back.stdout + back.stderr).toContain("goes back to stable first");
    await scenario.phase("Failed");
    await newPodsCountAfter(0);
    const image = await scenario.kubectl(
      "get",
      "deploy",
      "podinfo",
      "-o",
      "jsonpath={.spec.template.spec.containers[0].image} {.spec.paused}",
    );
    expect(image).toBe("quay.io/stefanprodan/podinfo:1.7.0 ");
    await scenario.kubectl("rollout", "status", "deploy", "podinfo", "--timeout=60s");
    expect(await scenario.weight()).toBe(0);
  });

  it("promote brings a version all the way", async () => {
    await scenario.setImage("1.7.1");
    await scenario.until(
      "the rejection of 1.7.1 to be said",
      (status) => status.phase === "Failed" && (status.reason?.includes("1.7.1") ?? false),
    );
    await scenario.kubectl("set", "env", "deploy/podinfo", "ROUND=2");
    await scenario.until("traffic on the canary", (status) => status.canaryWeight === 50);
    expect((await scenario.plugin("promote")).code).toBe(0);
    const done = await scenario.phase("Succeeded");
    expect(done.history?.[0]).toMatchObject({ outcome: "promoted" });
    await scenario.kubectl("rollout", "status", "deploy", "podinfo", "--timeout=30s");
  });
});

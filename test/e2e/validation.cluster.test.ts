// Faults in a Canary's text are refused at once, all of them; what may still arrive is warned of, and waited for.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deleteNamespace, kubectl, mustKubectl } from "../cluster/client.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { installApp } from "../app/install.ts";
import { canaryFor, type ScenarioOptions } from "./scenario.ts";

const namespace = "e2e-validation";
const applied = (options: ScenarioOptions): ReturnType<typeof kubectl> =>
  kubectl(["apply", "-f", "-"], { input: JSON.stringify(canaryFor(namespace, options)) });

beforeAll(async () => {
  await kubectl(["create", "namespace", namespace]);
});

afterAll(() => deleteNamespace(namespace));

describe("a Canary's text", () => {
  it("is refused with every fault and its field path at once", async () => {
    const { code, stderr } = await applied({
      analysis: { stepWeight: 30, maxWeight: 20, stepWeightPromotion: 0.5, metrics: [{ name: "nothing-known" }] },
    });
    expect(code).not.toBe(0);
    for (const path of ["spec.analysis.stepWeightPromotion", "spec.analysis.metrics[0]"])
      expect(stderr).toContain(path);
  });

  it.each([
    ["an interval that is none", { interval: "10x" }, "interval"],
    ["a step above 100", { stepWeight: 101 }, "stepWeight"],
    ["stepWeight and iterations", { iterations: 5 }, "iterations"],
  ])("is refused for %s", async (_what, analysis, word) => {
    const { code, stderr } = await applied({ analysis });
    expect(code).not.toBe(0);
    expect(stderr).toContain(word);
  });

  it("is accepted without its target, with a warning, and starts once the target is there", async () => {
    const { code, stderr } = await applied({ provider: "gatewayapi:v1" });
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/Warning: .*podinfo/);
    const reason = async (): Promise<string> =>
      mustKubectl(["-n", namespace, "get", "canary", "podinfo", "-o", "jsonpath={.status.reason}"]);
    await waitFor(
      async () => ((await reason()).includes("was not found") ? true : unmet(await reason())),
      20_000,
      "the cause",
    );
    await installApp(namespace);
    await waitFor(
      async () => ((await reason()).includes("is stable") ? true : unmet(await reason())),
      60_000,
      "initialization",
    );
  });
});

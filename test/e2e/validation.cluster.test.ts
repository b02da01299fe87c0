// Faults in a Canary's text are refused at once, all of them; what may still arrive is waited for, and the status says so.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { apply, deleteNamespace, kubectl, mustKubectl } from "../cluster/client.ts";
import { getJson } from "../cluster/get.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { installApp } from "../app/install.ts";
import { canaryFor, type ScenarioOptions } from "./scenario.ts";

const namespace = "e2e-validation";
const applied = (options: ScenarioOptions): ReturnType<typeof kubectl> =>
  kubectl(["apply", "-f", "-"], { input: JSON.stringify(canaryFor(namespace, options)) });

const errorsTemplate = {
  apiVersion: "flagger.app/v1beta1",
  kind: "MetricTemplate",
  metadata: { name: "errors", namespace },
  spec: { provider: { type: "prometheus", address: "http://prometheus.linkerd-viz:9090" }, query: "vector(0)" },
};

const canary = (): Promise<Canary> => getJson<Canary>(["-n", namespace, "canary", "podinfo"]);
const runs = async (): Promise<number> => (await canary()).status?.runs ?? 0;

async function untilReady(status: string, reason: string, words: string): Promise<void> {
  await waitFor(
    async () => {
      const ready = (await canary()).status?.conditions?.find(({ type }) => type === "Ready");
      const met = ready?.status === status && ready.reason === reason && ready.message.includes(words);
      return met || unmet(JSON.stringify(ready));
    },
    60_000,
    `Ready ${status} for ${reason}`,
  );
}

beforeAll(async () => {
  await kubectl(["create", "namespace", namespace]);
});

afterAll(() => deleteNamespace(namespace));

describe("a Canary's text", () => {
  it("is refused with every fault and whatever else could never run, each by its field path at once", async () => {
    const query = 'rate(errors{deployment="podinfo"}[1m])';
    const metrics = [{ name: "nothing-known" }, { name: "errors", query, thresholdRange: { max: 1 } }];
    const { code, stderr } = await applied({
      analysis: { stepWeight: 30, maxWeight: 20, stepWeightPromotion: 0.5, mirror: true, metrics },
    });
    expect(code).not.toBe(0);
    const fields = ["stepWeightPromotion", "metrics[0]", "mirror", "metrics[errors].query"];
    for (const field of fields) expect(stderr).toContain(`spec.analysis.${field}`);
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
    const reason = async (): Promise<string> =>
      mustKubectl(["-n", namespace, "get", "canary", "podinfo", "-o", "jsonpath={.status.reason}"]);
    await waitFor(
      async () => ((await reason()).includes("was not found") ? true : unmet(await reason())),
      60_000,
      "the cause",
    );
    await installApp(namespace);
    await waitFor(
      async () => ((await reason()).includes("is stable") ? true : unmet(await reason())),
      60_000,
      "initialization",
    );
  });

  it("may name a port and a template that are not there: a condition names them, and no run starts until they are", async () => {
    const metrics = [{ name: "errors", templateRef: { name: "errors" }, thresholdRange: { max: 1 } }];
    const spec = { service: { port: 9999 }, progressDeadlineSeconds: 60 };
    const { code, stderr } = await applied({ provider: "gatewayapi:v1", spec, analysis: { metrics } });
    expect(code, stderr).toBe(0);
    await untilReady("False", "Missing", "Service podinfo has no port 9999 (it has 9898)");
    await mustKubectl(["-n", namespace, "set", "env", "deploy/podinfo", "TRY=1"]);
    await untilReady("False", "Missing", "Service podinfo has no port 9999 (it has 9898)");
    expect(await runs()).toBe(0);
    const port = JSON.stringify({ spec: { service: { port: 9898 } } });
    await mustKubectl(["-n", namespace, "patch", "canary", "podinfo", "--type=merge", "-p", port]);
    await untilReady("False", "Missing", "errors");
    expect(await runs()).toBe(0);
    await apply([errorsTemplate]);
    await waitFor(
      async () => (await runs()) === 1 || unmet(`${await runs()} runs`),
      60_000,
      "the run that had to wait",
    );
    await mustKubectl(["-n", namespace, "set", "env", "deploy/podinfo", "TRY-"]);
    await untilReady("True", "Initialized", "is stable");
  });

  it("may name an autoscaler that is not there, which is a warning until it is", async () => {
    const autoscalerRef = { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "shop" };
    const { code, stderr } = await applied({ provider: "gatewayapi:v1", spec: { autoscalerRef } });
    expect(code, stderr).toBe(0);
    const isSaid = async (): Promise<boolean> => {
      const { status } = await canary();
      return (status?.warnings ?? []).some((warning) => warning.includes("HorizontalPodAutoscaler shop"));
    };
    await waitFor(async () => (await isSaid()) || unmet("no warning"), 60_000, "the warning");
    const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" };
    const { name, ...kind } = autoscalerRef;
    await apply([{ ...kind, metadata: { name, namespace }, spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 3 } }]);
    await waitFor(async () => !(await isSaid()) || unmet("the warning is still there"), 60_000, "the warning to go");
  });
});

// Flagger's own manifest for Linkerd, with its acceptance test, its load test straight at the canary and a gate: to its end, with a server
// that speaks its load tester's protocol. Nobody else calls the app. Only the interval is
// shorter, and latency has no limit, so that a busy machine is not what decides.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { AnalysisSpec } from "../../shared/core/objects/canary.ts";
import { installApp } from "../app/install.ts";
import { apply, deleteNamespace, waitForRollout } from "../cluster/client.ts";
import { flaggerTester, testerName } from "./flagger-tester.ts";
import { canaryFor, Scenario } from "./scenario.ts";

const namespace = "e2e-gates";
const scenario = Scenario.of(namespace);
const analysis: Partial<AnalysisSpec> = {
  interval: "2s",
  threshold: 15,
  maxWeight: 50,
  stepWeight: 25,
  metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "30s" }],
  webhooks: [
    {
      name: "acceptance-test",
      type: "pre-rollout",
      url: `http://${testerName}.${namespace}/`,
      timeout: "30s",
      metadata: {
        type: "bash",
        cmd: `curl -sd 'test' http://podinfo-canary.${namespace}:9898/token | grep token`,
      },
    },
    {
      name: "load-test",
      type: "rollout",
      url: `http://${testerName}.${namespace}/`,
      metadata: { cmd: `hey -z 2m -q 10 -c 2 http://podinfo-canary.${namespace}:9898/` },
    },
    { name: "promotion-gate", type: "confirm-promotion", url: `http://${testerName}.${namespace}/gate/check` },
  ],
};

beforeAll(async () => {
  await deleteNamespace(namespace);
  await installApp(namespace, { without: ["load", "frontend"] });
  await apply([...flaggerTester(namespace), canaryFor(namespace, { provider: scenario.provider, analysis })]);
  await waitForRollout(namespace, testerName);
  await scenario.phase("Initialized");
});

afterAll(() => deleteNamespace(namespace));

it("goes through its tests, waits at its gate, and is promoted when that is opened", async () => {
  await scenario.setImage("1.7.1");
  const waiting = await scenario.until(
    "the gate",
    ({ run, phase }) => phase === "WaitingPromotion" && run?.hold === "gate",
  );
  expect(waiting.reason).toBe("Waiting at gate promotion-gate (confirm-promotion): it answered 403.");
  expect((await scenario.plugin("status")).stdout).toContain("webhook promotion-gate (confirm-promotion)");
  await openGate();
  await scenario.phase("Succeeded");
  const events = await scenario.told("Confirm-promotion check promotion-gate passed");
  expect(events).toContain("Pre-rollout check acceptance-test passed");
  expect(events).toContain(`Halt podinfo.${namespace} advancement waiting for promotion approval promotion-gate`);
});

/** As whoever approves does it: at the gate's own server. */
async function openGate(): Promise<void> {
  const ip = await scenario.kubectl("get", "svc", testerName, "-o", "jsonpath={.spec.clusterIP}");
  const body = JSON.stringify({ name: "podinfo", namespace });
  const { status } = await fetch(`http://${ip}/gate/open`, { method: "POST", body });
  expect(status).toBe(202);
}

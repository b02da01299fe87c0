// When the controller is gone, the plugin says since when, and how to take traffic back without it.
import { afterAll, beforeAll, expect, it } from "vitest";
import { mustKubectl, waitForRollout } from "../cluster/client.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { Scenario } from "./scenario.ts";

const controller = ["-n", "kubectl-canary"];
let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start("e2e-gone", {
    provider: "gatewayapi:v1",
    analysis: { interval: "60s", stepWeight: 50 },
  });
});

afterAll(async () => {
  await mustKubectl([...controller, "scale", "deploy", "kubectl-canary", "--replicas=2"]);
  await waitForRollout("kubectl-canary", "kubectl-canary", 90_000);
  await scenario.end();
});

it("promote and rollback say so and print the patch that puts the weights at 100/0, and the patch does it", async () => {
  await scenario.setImage("1.7.1");
  await scenario.until("traffic on the canary", (status) => status.canaryWeight === 50);
  await mustKubectl([...controller, "scale", "deploy", "kubectl-canary", "--replicas=0"]);
  const said = await waitFor(
    async () => {
      const { code, stderr } = await scenario.plugin("rollback", "--timeout", "2s");
      return code !== 0 && stderr.includes("kubectl patch") ? stderr : unmet(stderr);
    },
    90_000,
    "the plugin to find the controller gone",
    1_000,
  );
  const patch = said.split("\n").find((line) => line.includes("kubectl patch"));
  expect(patch).toBeDefined();
  const words = [...(patch ?? "").trim().matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? "",
  );
  await mustKubectl(words.slice(words.indexOf("patch")));
  expect(await scenario.weight()).toBe(0);
});

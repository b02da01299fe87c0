// A killed leader does not move a run's weight. A hand on the route is in `lowered.cluster.test.ts`, and an API server that is away in
// `test/long/operation/api-server-away.long.test.ts`.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leaseName } from "../../shared/core/objects/names.ts";
import { mustKubectl } from "../cluster/client.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { Scenario } from "./scenario.ts";

let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start("e2e-resilience", {
    provider: "gatewayapi:v1",
    analysis: { interval: "8s", stepWeight: 25 },
  });
});

afterAll(() => scenario.end());

async function leader(): Promise<string> {
  return mustKubectl(["-n", "kubectl-canary", "get", "lease", leaseName, "-o", "jsonpath={.spec.holderIdentity}"]);
}

describe("a run", () => {
  it("goes on where it was when the leader's pod is killed, and no weight jumps", async () => {
    await scenario.setImage("1.7.1");
    await scenario.until("the second step", (status) => status.canaryWeight === 50);
    // The status tells of a weight a moment before the route has it.
    await waitFor(
      async () => (await scenario.weight()) === 50 || unmet("another weight"),
      10_000,
      "the route's weight",
    );
    const before = await leader();
    await mustKubectl(["-n", "kubectl-canary", "delete", "pod", before, "--grace-period=0", "--force"]);
    const weights = await scenario.weightsUntilEnd();
    expect(weights).toEqual([50, 75, 100, 0]);
    expect(await leader()).not.toBe(before);
  });
});

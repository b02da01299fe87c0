// What breaks around a run does not move its weight: a killed leader, a hand on the route. An API server that is away is in
// `test/long/operation/api-server-away.long.test.ts`.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leaseName } from "../../shared/core/objects/names.ts";
import { httpRoute } from "../../shared/core/routes/routes.ts";
import { apply, mustKubectl } from "../cluster/client.ts";
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
    const before = await leader();
    await mustKubectl(["-n", "kubectl-canary", "delete", "pod", before, "--grace-period=0", "--force"]);
    const weights = await scenario.weightsUntilEnd();
    expect(weights).toEqual([50, 75, 100, 0]);
    expect(await leader()).not.toBe(before);
  });

  it("never raises a weight that someone lowered by hand: it holds, says why, and rollback ends it", async () => {
    await scenario.kubectl("set", "env", "deploy/podinfo", "ROUND=3");
    await scenario.until("the first step", (status) => status.canaryWeight === 25);
    await apply([httpRoute.withWeight(await scenario.route(), "podinfo", 5)].map(keepOurStamp));
    let status = await scenario.until("the hold", ({ reason }) => reason?.includes("lowered by hand to 5") ?? false);
    // Through two more checks: nothing may raise it.
    for (const check of ["a check", "another check"]) {
      const before = status.checks?.[0]?.at;
      status = await scenario.until(check, ({ checks }) => checks?.[0]?.at !== before);
    }
    expect(await scenario.weight()).toBe(5);
    expect((await scenario.plugin("rollback")).code).toBe(0);
    await scenario.phase("Failed");
    expect(await scenario.weight()).toBe(0);
  });
});

/** A person who edits weights does not know of our annotation. */
function keepOurStamp(route: ReturnType<typeof httpRoute.withWeight>): object {
  const { annotations: _annotations, managedFields: _managed, ...metadata } = route.metadata;
  return { ...route, metadata };
}

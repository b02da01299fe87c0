// A hand on the route does not move a run's weight up again. What else breaks around a run is in resilience.alone.test.ts.
import { afterAll, beforeAll, expect, it } from "vitest";
import { httpRoute } from "../../shared/core/routes/routes.ts";
import { apply } from "../cluster/client.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { Scenario } from "./scenario.ts";

let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start("e2e-lowered", {
    provider: "gatewayapi:v1",
    analysis: { interval: "8s", stepWeight: 25 },
  });
});

afterAll(() => scenario.end());

it("never raises a weight that someone lowered by hand: it holds, says why, and rollback ends it", async () => {
  await scenario.kubectl("set", "env", "deploy/podinfo", "ROUND=3");
  await scenario.until("the first step", (status) => status.canaryWeight === 25);
  await waitFor(async () => (await scenario.weight()) === 25 || unmet("no weight yet"), 10_000, "the route's weight");
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

/** A person who edits weights does not know of our annotation. */
function keepOurStamp(route: ReturnType<typeof httpRoute.withWeight>): object {
  const { annotations: _annotations, managedFields: _managed, resourceVersion: _read, ...metadata } = route.metadata;
  return { ...route, metadata };
}

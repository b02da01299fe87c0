// A canary that users do not reach is never judged: probes and scrapes are no users.
import { afterAll, beforeAll, expect, it } from "vitest";
import { Scenario } from "../scenario.ts";

let scenario: Scenario;

beforeAll(async () => {
  scenario = await Scenario.start("e2e-unreached", { keepStaleCallers: true, rate: 20 });
});

afterAll(() => scenario.end());

it("holds the first weight while callers ignore the TrafficSplit, names them and the cure, and goes on once they are restarted", async () => {
  await scenario.until("the callers to be named", (status) =>
    (status.staleCallers ?? []).some((pod) => pod.includes("/load-")),
  );
  await scenario.setImage("1.7.1");
  const held = await scenario.until(
    "the hold",
    (status) => status.reason?.includes("older than the TrafficSplit") ?? false,
  );
  expect(held.canaryWeight).toBe(20);
  expect(held.failedChecks).toBe(0);
  expect(held.reason).toContain("kubectl -n e2e-unreached rollout restart deploy/load");
  const shown = await scenario.plugin("status");
  expect(shown.stdout).toContain("kubectl -n e2e-unreached rollout restart deploy/load");
  await scenario.restartCallers();
  await (await scenario.load()).setRate(50);
  expect((await scenario.phase("Succeeded")).history?.[0]?.outcome).toBe("promoted");
});

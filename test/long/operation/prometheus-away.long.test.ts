// Prometheus is away in mid-run for longer than the run's own deadline.
import { afterAll, beforeAll, expect, it } from "vitest";
import { bringBack, takeAway } from "../../e2e/judging/prometheus.ts";
import { Scenario } from "../../e2e/scenario.ts";

let scenario: Scenario;

beforeAll(async () => {
  const analysis = { stepWeight: 25, cannotAsk: { deadline: "10s" } };
  scenario = await Scenario.start("prometheus-away", { provider: "gatewayapi:v1", analysis });
});

afterAll(async () => {
  await bringBack();
  await scenario.end();
});

it("a run whose deadline passes meanwhile ends at weight 0 with that cause, and no request fails", async () => {
  await scenario.setImage("1.7.1");
  await scenario.until("traffic on the canary", ({ canaryWeight }) => canaryWeight === 25);
  await takeAway();
  const { history, reason } = await scenario.phase("Failed", 60_000);
  expect(await scenario.weight()).toBe(0);
  expect(history?.[0]).toMatchObject({ outcome: "rejected" });
  expect(history?.[0]?.cause).toMatch(/^no verdict within 10s: Prometheus cannot be asked: /);
  expect(reason).toContain("no verdict within 10s");
  expect((await (await scenario.load()).counts()).failed).toBe(0);
});

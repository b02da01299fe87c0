// Prometheus goes away in mid-run: nothing moves and nothing counts until it is back.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { Scenario } from "../scenario.ts";
import { bringBack, takeAway } from "./prometheus.ts";

let scenario: Scenario;

/** Resolves when the load generator has made this many more requests. */
async function untilRequests(count: number): Promise<void> {
  const load = await scenario.load();
  const from = (await load.counts()).requests;
  await waitFor(
    async () => {
      const made = (await load.counts()).requests - from;
      return made >= count || unmet(`${made} requests`);
    },
    120_000,
    `${count} requests`,
  );
}

beforeAll(async () => {
  scenario = await Scenario.start("e2e-outage", {
    provider: "gatewayapi:v1",
    // There it waits while Prometheus goes: a run of short steps may be over by then.
    analysis: { stepWeight: 25, pauses: [{ weight: 25 }] },
  });
});

afterAll(async () => {
  await bringBack();
  await scenario.end();
});

describe("while Prometheus is away", () => {
  it("the weight stays, nothing counts, and the run goes on by itself when it is back", async () => {
    const load = await scenario.load();
    await load.reset();
    await scenario.setImage("1.7.1");
    await scenario.until("the pause", ({ run }) => run?.hold === "declared-pause");
    await takeAway();
    expect((await scenario.plugin("resume", "--timeout", "60s")).code).toBe(0);
    const held = await scenario.until("the outage to be noticed", ({ run }) => run?.hold === "cannot-ask");
    expect(held.reason).toMatch(/^Prometheus cannot be asked: Prometheus at http:\/\/prometheus.linkerd-viz:9090 /);
    // Twenty intervals' worth: a step that moved or a check that counted would have done so many times.
    await untilRequests(1_000);
    const { run, failedChecks, canaryWeight } = await scenario.status();
    const { step } = { ...held.run };
    expect([run?.hold, run?.step, failedChecks, canaryWeight]).toEqual(["cannot-ask", step, 0, held.canaryWeight]);
    expect(await scenario.weight()).toBe(held.canaryWeight);
    await bringBack();
    const done = await scenario.phase("Succeeded");
    expect(done.history?.[0]).toMatchObject({ outcome: "promoted" });
    const { requests, failed } = await load.rest();
    process.stdout.write(`promoted after the outage: ${requests} requests, ${failed} failed\n`);
    expect(failed).toBe(0);
  });
});

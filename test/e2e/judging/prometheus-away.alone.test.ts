// Prometheus goes away in mid-run: nothing moves and nothing counts until it is back, or until the run's own deadline.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mustKubectl, waitForRollout } from "../../cluster/client.ts";
import { vizNamespace } from "../../cluster/parts/prometheus.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { Scenario } from "../scenario.ts";

let scenario: Scenario;

async function takeAway(): Promise<void> {
  await mustKubectl(["-n", vizNamespace, "scale", "deploy", "prometheus", "--replicas=0"]);
  await mustKubectl(["-n", vizNamespace, "wait", "pod", "--for=delete", "-l", "app=prometheus", "--timeout=60s"]);
}

async function bringBack(): Promise<void> {
  await mustKubectl(["-n", vizNamespace, "scale", "deploy", "prometheus", "--replicas=1"]);
  await waitForRollout(vizNamespace, "prometheus", 90_000);
}

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
  scenario = await Scenario.start("e2e-outage", { provider: "gatewayapi:v1", analysis: { stepWeight: 25 } });
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
    await scenario.until("traffic on the canary", ({ canaryWeight }) => canaryWeight === 25);
    await takeAway();
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
    const { requests, failed } = await load.counts();
    process.stdout.write(`promoted after the outage: ${requests} requests, ${failed} failed\n`);
    expect(failed).toBe(0);
  });

  it("for longer than the run's own deadline, it ends at weight 0 with that cause", async () => {
    const analysis = { cannotAsk: { deadline: "10s" } };
    const patch = JSON.stringify({ spec: { analysis } });
    await scenario.kubectl("patch", "canary", "podinfo", "--type=merge", "-p", patch);
    await scenario.setImage("1.7.0");
    await scenario.until("traffic on the canary", ({ canaryWeight }) => canaryWeight === 25);
    await takeAway();
    const { history, reason } = await scenario.phase("Failed", 60_000);
    expect(await scenario.weight()).toBe(0);
    expect(history?.[0]).toMatchObject({ outcome: "rejected" });
    expect(history?.[0]?.cause).toMatch(/^no verdict within 10s: Prometheus cannot be asked: /);
    expect(reason).toContain("no verdict within 10s");
    expect((await (await scenario.load()).counts()).failed).toBe(0);
  });
});

// A version that is worse than stable goes back between two checks, as soon as what was scraped suffices.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { LoadClient } from "../../app/load-client.ts";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { Scenario } from "../scenario.ts";

/** The whole suite runs with Prometheus scraping every 2 s. */
const namespace = "e2e-comparison";

let scenario: Scenario;
let load: LoadClient;

beforeAll(async () => {
  scenario = await Scenario.start(namespace, {
    provider: "gatewayapi:v1",
    analysis: {
      // Checks are so rare that none can be what ends the run.
      interval: "5m",
      stepWeight: 10,
      comparison: { mode: "always", marginPercent: 0 },
    },
  });
  load = await scenario.load();
});

afterEach(async () => {
  await makeHearing();
  await scenario.setImage("1.7.0");
  await scenario.phase("Initialized");
});

afterAll(() => scenario.end());

const probe = (path: string, port: number | string): object => ({ httpGet: { path, port } });

async function patchContainer(container: object): Promise<void> {
  const containers = [{ name: "podinfod", ...container }];
  const patch = JSON.stringify({ spec: { template: { spec: { containers } } } });
  await scenario.kubectl("patch", "deployment", "podinfo", "--type=strategic", "-p", patch);
}

/** Every request is refused, while the pods are ready: the app listens on another port than the Service sends to. */
function makeDeaf(): Promise<void> {
  return patchContainer({
    env: [{ name: "PODINFO_PORT", value: "9999" }],
    readinessProbe: probe("/readyz", 9999),
    livenessProbe: probe("/healthz", 9999),
  });
}

function makeHearing(): Promise<void> {
  return patchContainer({
    env: [{ name: "PODINFO_PORT", $patch: "delete" }],
    readinessProbe: probe("/readyz", "http"),
    livenessProbe: probe("/healthz", "http"),
  });
}

async function firstFailure(): Promise<number> {
  await waitFor(async () => (await load.counts()).failed > 0 || unmet("no failure"), 120_000, "the first failure");
  return Date.now();
}

/** `7 of 61 requests` in the words of the verdict. */
function requestsIn(cause: string): number {
  const requests = /: \d+ of (\d+) requests/.exec(cause)?.[1];
  if (requests === undefined) throw new Error(`The cause names no requests: ${cause}`);
  return Number(requests);
}

describe("a version that", () => {
  it("fails always is taken back by few of its own requests", async () => {
    await load.reset();
    await makeDeaf();
    const failedAt = await firstFailure();
    await waitFor(async () => (await scenario.weight()) === 0 || unmet("weight"), 60_000, "the weight to be 0");
    const tookMs = Date.now() - failedAt;
    const { reason } = await scenario.phase("Failed");
    const { failed, requests } = await load.counts();
    process.stdout.write(`always failing: weight 0 after ${tookMs} ms, ${failed} of ${requests} requests failed\n`);
    expect(reason).toContain("the canary fails more than the primary");
    // How many requests it took is the verdict's own number; how long is printed, for this machine is not the measure.
    expect(requestsIn(reason ?? "")).toBeLessThanOrEqual(120);
  });

  it("fails one in nine is taken back by few of its own requests", async () => {
    await load.reset();
    await scenario.setImage("1.7.2-failing");
    const { reason = "" } = await scenario.phase("Failed");
    const { failed, requests } = await load.counts();
    process.stdout.write(`11% failing: ${reason} ${failed} of ${requests} requests failed at the client\n`);
    expect(reason).toContain("the canary fails more than the primary");
    // 30 is the median in simulation, and 150 the most in 20,000 runs; a look that comes late brings five more a second.
    expect(requestsIn(reason)).toBeLessThanOrEqual(240);
  });
});

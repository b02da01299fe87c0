// A version that was promoted before goes out again at once, within analysis.rollbackWindow.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { V1Deployment } from "@kubernetes/client-node";
import { getJson } from "../cluster/client.ts";
import { Scenario } from "./scenario.ts";

let scenario: Scenario;

const patchSpec = (spec: object): Promise<string> =>
  scenario.kubectl("patch", "canary", "podinfo", "--type=merge", "-p", JSON.stringify({ spec }));

const canaryWorkload = (): Promise<V1Deployment> =>
  getJson<V1Deployment>(["deploy", "podinfo-canary", "-n", scenario.namespace]);

async function release(tag: "1.7.1" | "1.7.4", runs: number): Promise<void> {
  await scenario.setImage(tag);
  await scenario.until(`${tag} to be stable`, (status) => status.phase === "Succeeded" && status.runs === runs);
}

beforeAll(async () => {
  scenario = await Scenario.start("e2e-way-back", {
    provider: "gatewayapi:v1",
    spec: { skipAnalysis: true },
  });
  await release("1.7.1", 1);
  await release("1.7.4", 2);
  // From now on a canary would stay at its first step for an hour.
  await patchSpec({ skipAnalysis: false, analysis: { interval: "3600s", rollbackWindow: { versions: 1 } } });
});

afterAll(() => scenario.end());

it("goes out at once within the window, and no pod of a canary is made for it", async () => {
  const before = await canaryWorkload();
  await scenario.setImage("1.7.1");
  const { history = [] } = await scenario.until(
    "1.7.1 to be stable again",
    ({ phase, runs }) => phase === "Succeeded" && runs === 3,
  );
  expect(history[0]).toMatchObject({ outcome: "promoted", back: true });
  expect((await canaryWorkload()).spec?.template).toEqual(before.spec?.template);
});

/** The guarantees of one intent, one run, beside another webhook that rewrites the template. */
import { expect } from "vitest";
import { Gated, templateManagers } from "./gated.ts";
import { addWebhook, type Order } from "./other-webhook.ts";
import { serverSideApply } from "./tools.ts";

export async function expectGuaranteesBeside(mutation: string, order: Order): Promise<void> {
  const namespace = `beside-${mutation.replaceAll(" ", "-")}-${order.split(" ")[0]}`;
  const other = await addWebhook(mutation, order, namespace);
  const gated = await Gated.start(namespace, serverSideApply);
  try {
    const pods = await gated.scenario.podUids();
    await gated.write("v2");
    await gated.scenario.until("the canary's traffic", ({ canaryWeight }) => canaryWeight === 20);
    const before = await gated.unwritten();
    for (let round = 0; round < 5; round++) await gated.write("v2");
    expect(await gated.unwritten()).toEqual(before);
    const { runs } = await gated.scenario.status();
    expect(runs).toBe(1);
    await expectJudged(gated);
    await gated.write("v1");
    await gated.scenario.until("the end of the run", ({ run, phase }) => !run && phase === "Initialized");
    expect((await gated.scenario.status()).history).toMatchObject([{ outcome: "reverted" }]);
    expect(await gated.target()).not.toHaveProperty("spec.paused");
    expect(await gated.scenario.podUids()).toEqual(pods);
    expect(await templateManagers(gated)).not.toContain("kubectl-canary");
  } finally {
    await other.remove();
    await gated.end();
  }
}

/** What the webhook makes of the template is what the canary runs. */
async function expectJudged(gated: Gated): Promise<void> {
  const [target, canary] = [await gated.target(), await gated.canaryWorkload()];
  expect(canary.spec?.template.spec).toEqual(target.spec?.template.spec);
  expect(canary.spec?.template.metadata?.annotations).toEqual(target.spec?.template.metadata?.annotations);
  expect(JSON.stringify(target.spec?.template)).not.toContain("FOO");
}

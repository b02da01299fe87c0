// One intent is one run and taking it back ends it: by every tool, across tools, and by four writers at once.
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Gated, deployment, expectVersion } from "../../admission/gated.ts";
import { expectOneRunPerIntent, expectRevert } from "../../admission/intents.ts";
import * as tools from "../../admission/tools.ts";
import type { Tool } from "../../admission/tools.ts";

const loopMs = 30_000;
const { clientSideApply, serverSideApply, replace, helmThree, helm4, kustomize, gitOps, operator } = tools;

const tenTimes = async (gated: Gated): Promise<void> => {
  for (let round = 0; round < 10; round++) await gated.write("v2");
};

const everyMs = 1_000;

/** As a GitOps controller does it: once a second, whatever happens. */
const everySecond = async (gated: Gated): Promise<void> => {
  for (const end = performance.now() + loopMs; performance.now() < end; await delay(everyMs)) await gated.write("v2");
};

describe.each<[Tool, (gated: Gated) => Promise<void>]>([
  [clientSideApply, tenTimes],
  [serverSideApply, tenTimes],
  [replace, tenTimes],
  [helmThree, tenTimes],
  [helm4, tenTimes],
  [kustomize, tenTimes],
  [gitOps, everySecond],
  [operator, tenTimes],
])("$name", (tool, again) => {
  let gated: Gated;

  beforeAll(async () => {
    gated = await Gated.start("one-intent-long", tool);
  });

  afterAll(() => gated.end());

  it("one intent is one run, another is one more, and going back ends it", () =>
    expectOneRunPerIntent(gated, tool, () => again(gated)));
});

describe("several tools on one Deployment", () => {
  let gated: Gated;

  beforeAll(async () => {
    gated = await Gated.start("one-intent-across", clientSideApply);
  });

  afterAll(() => gated.end());

  it("the same version by one after the other is one run", async () => {
    await gated.write("v2");
    await gated.running("v2");
    for (const tool of [kustomize, operator, replace, gitOps, clientSideApply]) await gated.write("v2", tool);
    expectVersion(await gated.target(), "v2");
    expectVersion(await gated.canaryWorkload(), "v2");
    expect((await gated.scenario.status()).runs).toBe(1);
    await expectRevert(gated, () => gated.write("v1", replace));
  });

  it("the same version by four writers at once, again and again, is one run", async () => {
    const writers = [kustomize, replace, gitOps, clientSideApply];
    const write = async (tool: Tool): Promise<void> => {
      // Two writers of one object may meet; all of them try again, as they do.
      for (let round = 0; round < 5; round++) await tool.write(deployment("v2"), gated.namespace);
    };
    const { runs = 0 } = await gated.scenario.status();
    await Promise.all(writers.map(write));
    await gated.running("v2");
    expectVersion(await gated.target(), "v2");
    expect((await gated.scenario.status()).runs).toBe(runs + 1);
    await expectRevert(gated, () => gated.write("v1", replace));
  });
});

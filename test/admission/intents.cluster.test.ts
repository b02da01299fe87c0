// One intent, one run, by the tool that remembers most of what it wrote; the other tools are in test/long.
import { afterAll, beforeAll, it } from "vitest";
import { Gated } from "./gated.ts";
import { expectOneRunPerIntent } from "./intents.ts";
import { serverSideApply } from "./tools.ts";

let gated: Gated;

beforeAll(async () => {
  gated = await Gated.start("one-intent", serverSideApply);
});

afterAll(() => gated.end());

it("an intent applied eleven times is one run, another is one more, and the first version again ends it", async () => {
  await expectOneRunPerIntent(gated, serverSideApply, async () => {
    for (let round = 0; round < 10; round++) await gated.write("v2");
  });
});

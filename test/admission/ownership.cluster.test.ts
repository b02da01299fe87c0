// Nobody's fields are stolen: after stable was put back, the next version of each tool passes and drops what it should.
import { afterAll, beforeAll, describe, it } from "vitest";
import { Gated } from "./gated.ts";
import { expectNothingStolenByRestore } from "./ownership.ts";
import { clientSideApply, helm4, serverSideApply } from "./tools.ts";

const tools = [serverSideApply, helm4, clientSideApply];
const gated = new Map<string, Gated>();

beforeAll(async () => {
  await Promise.all(
    tools.map(async (tool, index) => gated.set(tool.name, await Gated.start(`ownership-${index}`, tool))),
  );
});

afterAll(() => Promise.all([...gated.values()].map((one) => one.end())));

describe("after stable was put back, no field is ours and none that was dropped comes back", () => {
  it.each(tools.map(({ name }) => name))("with %s", (name) => expectNothingStolenByRestore(gated.get(name)!));
});

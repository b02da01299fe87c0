// Nobody's fields are stolen, by a rollback out of a promotion, a rejection and going back: with each tool that remembers.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Gated } from "../../admission/gated.ts";
import { expectNothingStolenByRuns } from "../../admission/ownership.ts";
import { clientSideApply, helm4, helmThree, serverSideApply, type Tool } from "../../admission/tools.ts";

describe.each<Tool>([serverSideApply, helm4, clientSideApply, helmThree])("$name", (tool) => {
  let gated: Gated;

  beforeAll(async () => {
    gated = await Gated.start("ownership-long", tool);
  });

  afterAll(() => gated.end());

  /** Helm 3 compares with its own last release, so that is put back first: docs/deployments.md. */
  const catchUp = async (): Promise<void> => {
    if (tool === helmThree) expect((await tool.back!(gated.namespace)).code).toBe(0);
  };

  it("gets its next version through, and nothing that was dropped comes back", () =>
    expectNothingStolenByRuns(gated, catchUp));
});

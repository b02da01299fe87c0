import { expect, it } from "vitest";
import { now, scope } from "../../test/plugin/fixtures/seen.ts";
import { states } from "../../test/plugin/fixtures/states.ts";
import { explainCause } from "../commands/explain/cause.ts";
import { viewCanary } from "./canary-view.ts";
import type { Seen } from "./types.ts";

const promoting = states["promoting"] as Seen;

/** The target rolls to what was stable before: no canary, weight 0. */
const seen: Seen = {
  ...promoting,
  canary: { ...promoting.canary, status: { ...promoting.canary.status, canaryWeight: 0, reasonCode: "going-back" } },
  route: undefined,
};

it("a run that goes back is told apart from a promotion, by status and explain, and may be rolled back", () => {
  const view = viewCanary(seen, scope, now);
  expect(view.verdict.text).toMatch(/^going back: the target rolls to a version that was stable before; /);
  expect(explainCause(view, { minRequests: 1 })).toMatchObject({
    code: "rolling-out",
    moving: true,
    text: "the Deployment rolls to a version that was stable before, without a canary",
  });
  expect(view.advice.map(({ command }) => command)).toEqual(["kubectl canary rollback podinfo -n test"]);
});

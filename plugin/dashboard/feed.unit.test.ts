import { expect, it } from "vitest";
import { now, scope } from "../../test/plugin/fixtures/seen.ts";
import { states } from "../../test/plugin/fixtures/states.ts";
import { viewCanary } from "../view/canary-view.ts";
import { tellingOf } from "./feed.ts";

it("a Lease that is renewed is no news, and a controller that falls silent is", () => {
  const view = viewCanary(states["progressing"]!, scope, now);
  const renewed = { ...view, controller: { ...view.controller, renewedAt: new Date(now + 2_000).toISOString() } };
  expect(view.controller.renewedAt).not.toBeNull();
  expect(tellingOf(renewed)).toBe(tellingOf(view));
  const silent = viewCanary(states["left by its controller"]!, scope, now);
  expect(tellingOf(silent)).not.toBe(tellingOf(view));
  expect(tellingOf({ ...view, reason: "another" })).not.toBe(tellingOf(view));
});

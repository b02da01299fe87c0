import { expect, it } from "vitest";
import { now, scope } from "../../test/plugin/fixtures/seen.ts";
import { states } from "../../test/plugin/fixtures/states.ts";
import { viewCanary } from "./canary-view.ts";
import type { Seen } from "./types.ts";

it("an unvetted change beside a canary that has weight is named whole, whatever its image is called", () => {
  const { canary, ...rest } = states["running an unvetted change"] as Seen;
  const { status } = canary;
  const unvetted = { ...status!.unvetted!, images: { podinfod: "example.org/a;b:1" } };
  const seen: Seen = { ...rest, canary: { ...canary, status: { ...status, unvetted, canaryWeight: 10 } } };
  delete seen.route;
  expect(viewCanary(seen, scope, now).verdict.text).toBe(
    "example.org/a;b:1 went live without a canary; the canary has 10%",
  );
});

// Beside another webhook, in the order that is harder for us; every other pair is in test/long.
import { it } from "vitest";
import { expectGuaranteesBeside } from "./others.ts";

it("one intent is one run beside a webhook that adds a sidecar after us", () =>
  expectGuaranteesBeside("a sidecar", "after ours"));

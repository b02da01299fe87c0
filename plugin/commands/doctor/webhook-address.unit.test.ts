import { expect, it } from "vitest";
import { expectOnly, setTo, soundFacts } from "../../../test/plugin/fixtures/doctor-facts.ts";
import { diagnose } from "./diagnose.ts";
import type { Facts } from "./facts.ts";

/** With a webhook in another namespace, and the chart's value where the controller has it. */
function asking({ canary, controller }: Facts, allowed: string): Partial<Facts> {
  const webhooks = [{ name: "qa", url: "http://qa.shop/", type: "confirm-rollout" }];
  const spec = { ...canary!.spec, analysis: { ...canary!.spec.analysis, webhooks } };
  return { controller: setTo(controller, "HOOK_ADDRESSES", allowed), canary: { ...canary!, spec } };
}

it("names a webhook that the controller may not ask", () => {
  const evidence = "spec.analysis.webhooks of Canary podinfo";
  const damage = (facts: Facts): Partial<Facts> => asking(facts, "none");
  expectOnly([
    "webhook-address-refused",
    "the chart's value does not allow it",
    damage,
    evidence,
    "edit canary podinfo",
  ]);
});

it("finds nothing where the chart allows it", () => {
  const sound = soundFacts();
  expect(diagnose({ ...sound, ...asking(sound, "hooks.example.com,qa.shop") })).toEqual([]);
});

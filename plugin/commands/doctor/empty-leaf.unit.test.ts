import { expect, it } from "vitest";
import { soundFacts } from "../../../test/plugin/fixtures/doctor-facts.ts";
import { diagnose } from "./diagnose.ts";

it("a Service of stable's that reaches nobody is found beside whatever else is broken", () => {
  const { canary, ...facts } = soundFacts();
  const what = "Service podinfo-primary reaches none of the 4 ready pods of Deployment podinfo.";
  const blocked = { kind: "obstacle", code: "leaf-empty", what } as const;
  const other = { ...canary!, spec: { ...canary!.spec, suspend: true }, status: { ...canary!.status, blocked } };
  const found = diagnose({ ...facts, canary: other }).map(({ fault }) => fault);
  expect(found).toEqual(["canary-suspended", "leaf-empty"]);
});

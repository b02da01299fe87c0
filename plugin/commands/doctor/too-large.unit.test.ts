// Of what is larger than the controller keeps, doctor says what the status says.
import { expect, it } from "vitest";
import { soundFacts } from "../../../test/plugin/fixtures/doctor-facts.ts";
import { diagnose } from "./diagnose.ts";
import type { Facts } from "./facts.ts";

const sound = soundFacts();
const found = (over: Partial<Facts>) =>
  diagnose({ ...sound, ...over }).filter(({ fault }) => fault === "object-too-large");
const text = "x".repeat(300_000);

it("is the target, with what to do", () => {
  const { metadata, ...target } = structuredClone(sound.target!);
  expect(found({ target: { ...target, metadata: { ...metadata, annotations: { text } } } })).toEqual([
    {
      fault: "object-too-large",
      level: "broken",
      what: "Deployment podinfo in test takes more than 256 kB of memory, which is more than the controller keeps: no run starts. Move long texts in its env, args and annotations into a ConfigMap.",
      evidence: "the size of Deployment podinfo, without its managedFields",
      cure: "kubectl -n test edit deployment podinfo",
    },
  ]);
});

it("is the Service by what is read of it", () => {
  const labels = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`label-${n}`, "x"]));
  const services = sound.services!.map((one) =>
    one.metadata?.name === "podinfo" ? { ...one, spec: { ...one.spec, selector: labels } } : one,
  );
  expect(found({ services })).toMatchObject([{ evidence: "the size of Service podinfo, without its managedFields" }]);
});

it("is nothing for what others keep beside it", () => {
  const { metadata, ...target } = structuredClone(sound.target!);
  const managedFields = [{ manager: text }];
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": text };
  expect(found({ target: { ...target, metadata: { ...metadata, annotations, managedFields } } })).toEqual([]);
});

// The mark of a target's configuration is ours, whatever a writer sends.
import { describe, expect, it } from "vitest";
import { aDeployment } from "../../../test/builders.ts";
import { annotation, label } from "../objects/names.ts";
import { admitTarget } from "./hold.ts";

function target(mark: string | undefined, labels: Record<string, string> = { [label.target]: "u" }, image = "a:1") {
  const annotations = { other: "x", ...(mark === undefined ? {} : { [annotation.config]: mark }) };
  const template = { metadata: { annotations }, spec: { containers: [{ name: "a", image }] } };
  const made = aDeployment({ template });
  return { ...made, metadata: { ...made.metadata, uid: "u", labels } };
}

const admit = (oldObject: ReturnType<typeof target>, object: ReturnType<typeof target>, user = "alice") => {
  const answer = admitTarget({ oldObject, object, user, ownAccounts: ["ours"] });
  if (!answer.allowed) throw new Error(answer.message);
  const { spec, metadata } = answer.object;
  return { annotations: spec?.template.metadata?.annotations, paused: spec?.paused, labels: metadata?.labels };
};

describe("the mark of a target's configuration", () => {
  it.each<[string, string | undefined]>([
    ["leaves it out", undefined],
    ["has another", "forged"],
  ])("stays where a manifest %s, and nothing is held by that", (_what, sent) => {
    const { annotations, paused, labels } = admit(target("m1"), target(sent));
    expect({ annotations, paused }).toEqual({
      annotations: { other: "x", [annotation.config]: "m1" },
      paused: undefined,
    });
    expect(labels).not.toHaveProperty([label.held]);
  });

  it("stays where the image changes, which is held as ever", () => {
    const { annotations, paused } = admit(target("m1"), target(undefined, undefined, "a:2"));
    expect({ annotations, paused }).toEqual({ annotations: { other: "x", [annotation.config]: "m1" }, paused: true });
  });

  it("cannot be put there by anyone else", () =>
    expect(admit(target(undefined), target("forged")).annotations).toEqual({ other: "x" }));

  it("is as we write it ourselves", () =>
    expect(admit(target("m1"), target("m2"), "ours").annotations).toMatchObject({ [annotation.config]: "m2" }));

  it("is no business of ours where the Deployment is not gated", () =>
    expect(admit(target("m1", {}), target(undefined, {})).annotations).toEqual({ other: "x" }));
});

// A version is put back as it was promoted, or it is said that it is not.
import type { V1Deployment } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { annotation, label } from "../../../shared/core/objects/names.ts";
import { hashTemplate } from "../../../shared/template-hash.ts";
import { requireUndoing, type Rehearsed } from "./rehearsed.ts";

type Template = Rehearsed["template"];

const templateOf = (tag: string, mark?: string): Template => ({
  metadata: {
    labels: { app: "podinfo" },
    ...(mark === undefined ? {} : { annotations: { [annotation.config]: mark } }),
  },
  spec: { containers: [{ name: "podinfod", image: `podinfo:${tag}` }] },
});

const deployment = (template: Template, labels: Record<string, string> = {}): V1Deployment => ({
  metadata: { name: "podinfo", namespace: "test", labels },
  spec: { selector: {}, template },
});

const held = { [label.held]: "running" };
const stable = templateOf("1.7.1", "now");

const undoing = (more: Partial<Rehearsed> = {}): boolean =>
  requireUndoing({
    before: deployment(stable),
    after: deployment(templateOf("1.7.0"), held),
    template: templateOf("1.7.0"),
    stable: hashTemplate(stable),
    wanted: "podinfo:1.7.0",
    isNow: true,
    ...more,
  });

describe("a version that is put back", () => {
  it("goes out at once where the Deployment gets its very template", () => expect(undoing()).toBe(true));

  it("does not go out at once with configuration that has changed since, and nothing is written", () => {
    const after = deployment(templateOf("1.7.0", "now"), held);
    expect(() => undoing({ after })).toThrow(/another template than podinfo:1\.7\.0 had.*leave --now off/);
    expect(undoing({ after, isNow: false })).toBe(false);
  });

  it("is nothing to undo where only configuration tells it from what is set", () => {
    const before = deployment(templateOf("1.7.1", "rejected"), held);
    const both = { before, after: before, template: stable, wanted: "podinfo:1.7.1" };
    for (const isNow of [true, false])
      expect(() => undoing({ ...both, isNow })).toThrow(/but for its ConfigMaps and Secrets.*Put their data back/);
  });

  it("is written only where it would be held, or is stable", () => {
    expect(() => undoing({ after: deployment(templateOf("1.7.0")) })).toThrow("the webhook would not hold");
    expect(undoing({ before: deployment(templateOf("1.7.2")), after: deployment(stable), template: stable })).toBe(
      true,
    );
  });
});

import { describe, expect, it } from "vitest";
import { label, manager } from "./names.ts";
import { isMadeBy, isSealedBy, sealOf } from "./ownership.ts";

const maker = { canary: "podinfo", uid: "0b7e2a5c-1f6e-4b1e-9a39-0d5a2c7b1e11" };
const made = (name: string, canary = "podinfo", seal: string | undefined = sealOf(maker, "podinfo-canary")) => ({
  metadata: {
    name,
    labels: {
      [label.canary]: canary,
      [label.managedBy]: manager,
      ...(seal === undefined ? {} : { [label.canaryUid]: seal }),
    },
  },
});

describe("what a Canary has made", () => {
  it("is known by its seal, which fits a label", () => {
    expect(sealOf(maker, "podinfo-canary")).toMatch(/^[-a-z0-9]{36}\.[0-9a-f]{8}$/);
    expect(isSealedBy(maker, made("podinfo-canary"))).toBe(true);
  });

  it("is still known when its Canary is gone", () => {
    expect(isMadeBy({ canary: "podinfo" }, made("podinfo-canary"))).toBe(true);
  });

  it.each([
    ["a copy of another name", made("podinfo-debug")],
    ["a copy in which every podinfo was renamed", made("podinfo2-canary", "podinfo2")],
  ])("is not %s", (_, copy) => {
    const canary = copy.metadata.labels[label.canary];
    expect(isMadeBy({ canary }, copy)).toBe(false);
    expect(isMadeBy({ canary, uid: maker.uid }, copy)).toBe(false);
  });

  it("is not what a Canary of the same name made before", () => {
    expect(isMadeBy({ ...maker, uid: "another" }, made("podinfo-canary"))).toBe(false);
  });

  it("is what an earlier version made under its names, while the Canary is there", () => {
    const unsealed = { ...made("podinfo-canary") };
    delete (unsealed.metadata.labels as Record<string, string>)[label.canaryUid];
    const names = ["podinfo-canary"];
    expect(isMadeBy({ ...maker, names }, unsealed)).toBe(true);
    expect(isMadeBy({ canary: "podinfo", names }, unsealed)).toBe(false);
    expect(isMadeBy({ ...maker, names }, { metadata: { ...unsealed.metadata, name: "podinfo-debug" } })).toBe(false);
  });
});

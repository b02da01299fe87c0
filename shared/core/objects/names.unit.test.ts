import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { canaryLeaf, canaryName, canaryValue, primaryLeaf } from "./names.ts";

/** As Helm makes them of a release's and a chart's name. */
const long = "payments-prod-eu-payments-reconciliation-worker-web-frontend-api";
const name = long.slice(0, 51);

describe("names that are derived", () => {
  it("are the name and a suffix wherever that fits", () => {
    expect(canaryName("podinfo")).toBe("podinfo-canary");
    expect(canaryName("n".repeat(45))).toBe(`${"n".repeat(45)}-canary`);
    expect([primaryLeaf("podinfo"), canaryLeaf("podinfo")]).toEqual(["podinfo-primary", "podinfo-canary"]);
    expect(primaryLeaf("n".repeat(55))).toBe(`${"n".repeat(55)}-primary`);
    expect(canaryLeaf("n".repeat(56))).toBe(`${"n".repeat(56)}-canary`);
  });

  it("are cut and told apart by a checksum where not, and are these for ever: clusters have them", () => {
    expect(canaryName(name)).toBe("payments-prod-eu-payments-reconcilia-d387289b-canary");
    expect(primaryLeaf(long.slice(0, 60))).toBe("payments-prod-eu-payments-reconciliation-worke-0b13706a-primary");
    expect(canaryLeaf(long.slice(0, 60))).toBe("payments-prod-eu-payments-reconciliation-worker-0b13706a-canary");
    expect(canaryValue(long.slice(0, 60))).toBe("payments-prod-eu-payments-reconciliation-worker-0b13706a-canary");
  });

  it("never have a hyphen after a dot, which Kubernetes refuses", () => {
    const dotted = `${"n".repeat(35)}.${"m".repeat(20)}`;
    expect(canaryName(dotted)).toMatch(/^n{35}-[0-9a-f]{8}-canary$/);
  });

  it("fit, end in their suffix, and differ where the names do", () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,61}[a-z0-9]$/);
    fc.assert(
      fc.property(label, label, (one, other) => {
        expect(canaryName(one).length).toBeLessThanOrEqual(52);
        expect(canaryName(one)).toMatch(/^[a-z][a-z0-9-]*[a-z0-9]-canary$/);
        for (const leaf of [primaryLeaf(one), canaryLeaf(one)]) expect(leaf.length).toBeLessThanOrEqual(63);
        expect(primaryLeaf(one)).toMatch(/-primary$/);
        fc.pre(one !== other);
        expect(canaryName(one)).not.toBe(canaryName(other));
        expect(primaryLeaf(one)).not.toBe(primaryLeaf(other));
      }),
    );
  });
});

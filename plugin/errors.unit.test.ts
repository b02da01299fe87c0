import { describe, expect, it } from "vitest";
import { faultOf, missingPermission } from "./errors.ts";
import { CanaryError, type ErrorDetails } from "../shared/kube/errors.ts";

describe("a fault", () => {
  it("of permission names the verb and the resource", () => {
    const permission = { verb: "patch", group: "flagger.app", resource: "canaries" };
    const refused = (more: ErrorDetails): CanaryError => new CanaryError("Forbidden", "denied by policy", more);
    expect(missingPermission(refused({ permission: { ...permission, namespace: "test" } }))).toBe(
      "needs permission to patch canaries.flagger.app in namespace test",
    );
    expect(missingPermission(refused({ permission }))).toBe(
      "needs permission to patch canaries.flagger.app in the whole cluster",
    );
    expect(missingPermission(refused({ access: permission }))).toBe("denied by policy");
    expect(missingPermission(new Error("other"))).toBeUndefined();
  });

  it("has the exit code of its kind", () => {
    expect(faultOf(new CanaryError("NotFound", "gone")).code).toBe(7);
    expect(faultOf(new CanaryError("Usage", "what?")).code).toBe(2);
    expect(faultOf(new CanaryError("Unreachable", "nobody there")).code).toBe(1);
    expect(faultOf(new TypeError("bug"))).toEqual({ code: 1, message: "bug" });
  });
});

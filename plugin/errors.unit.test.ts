import { describe, expect, it } from "vitest";
import { faultOf, missingPermission } from "./errors.ts";
import { CanaryError } from "../shared/kube/errors.ts";

describe("a fault", () => {
  it("of permission names the verb and the resource", () => {
    const refused = (text: string): CanaryError => new CanaryError("Forbidden", text);
    const said = 'x is forbidden: User "bob" cannot patch resource "canaries" in API group "flagger.app"';
    expect(missingPermission(refused(`${said} in the namespace "test"`))).toBe(
      "needs permission to patch canaries.flagger.app in namespace test",
    );
    expect(missingPermission(refused(said))).toBe(
      "needs permission to patch canaries.flagger.app in the whole cluster",
    );
    expect(missingPermission(refused("denied by policy"))).toBe("denied by policy");
    expect(missingPermission(new Error("other"))).toBeUndefined();
  });

  it("has the exit code of its kind", () => {
    expect(faultOf(new CanaryError("NotFound", "gone")).code).toBe(7);
    expect(faultOf(new CanaryError("Usage", "what?")).code).toBe(2);
    expect(faultOf(new CanaryError("Unreachable", "nobody there")).code).toBe(1);
    expect(faultOf(new TypeError("bug"))).toEqual({ code: 1, message: "bug" });
  });
});

import { describe, expect, it } from "vitest";
import { Refusal } from "../errors.ts";
import { parseArgument } from "./find-canary.ts";

describe("an argument", () => {
  it.each(["podinfo", "canary/podinfo", "canaries/podinfo", "canaries.flagger.app/podinfo"])(
    "%s names a Canary",
    (text) => expect(parseArgument(text)).toEqual({ kind: "canary", name: "podinfo" }),
  );

  it.each(["deploy/podinfo", "deployment/podinfo", "Deployments/podinfo", "deployments.apps/podinfo"])(
    "%s names the Canary of a Deployment",
    (text) => expect(parseArgument(text)).toEqual({ kind: "deployment", name: "podinfo" }),
  );

  it("may have dots and digits", () => expect(parseArgument("1.a-b").name).toBe("1.a-b"));

  it.each(["", "-a", "a-", "a b", "a_b", "canary/", "deploy/a/b", "Ä", "\u001b[31m", "a".repeat(254)])(
    "%j is refused as a usage error",
    (text) => expect(() => parseArgument(text)).toThrow(Refusal),
  );
});

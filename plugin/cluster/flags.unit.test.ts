import { describe, expect, it } from "vitest";
import { durationFlag, scopeOf } from "./flags.ts";

describe("flags", () => {
  it("take durations with a unit, or seconds", () => {
    expect(durationFlag("timeout", "2m")).toBe(120_000);
    expect(durationFlag("timeout", "30")).toBe(30_000);
    expect(() => durationFlag("timeout", "1x")).toThrow('--timeout "1x" is not a duration');
  });

  it("that choose the cluster are repeated in printed commands, quoted, but never a token", () => {
    const flags = { context: "my cluster", as: "al", "as-group": ["a", "b"], token: "secret", server: "https://h:1" };
    expect(scopeOf(flags, "test", {}).clusterFlags).toBe(
      " --context 'my cluster' --server https://h:1 --as al --as-group a --as-group b",
    );
  });

  it("say where the controller is; else the environment does", () => {
    const env = { KUBECTL_CANARY_NAMESPACE: "ops" };
    expect(scopeOf({ "controller-namespace": "x" }, "test", env).controllerNamespace).toBe("x");
    expect(scopeOf({}, "test", env).controllerNamespace).toBe("ops");
    expect(scopeOf({}, "test", {}).controllerNamespace).toBe("kubectl-canary");
  });
});

import { describe, expect, it } from "vitest";
import { label } from "../../shared/core/objects/names.ts";
import { drainCommand, type RouteObject, viewRoute } from "./route.ts";
import { aSplit } from "../../test/plugin/fixtures/seen.ts";

const aRoute: RouteObject = {
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: { name: "podinfo", namespace: "test" },
  spec: {
    rules: [
      { backendRefs: [{ name: "other", port: 80 }] },
      {
        backendRefs: [
          { name: "podinfo-primary", port: 9898, weight: 70 },
          { name: "podinfo-canary", port: 9898, weight: 30 },
        ],
      },
    ],
  },
  status: { parents: [{ conditions: [{ type: "Accepted", status: "True", reason: "Accepted" }] }] },
};

describe("a route", () => {
  it("is read by its weights, and by what the controller wrote last", () => {
    expect(viewRoute(aSplit(20), "podinfo")).toMatchObject({ canaryPercent: 20, ownPercent: 20, problem: null });
    expect(viewRoute(aSplit(5, 20), "podinfo")).toMatchObject({ canaryPercent: 5, ownPercent: 20 });
    expect(viewRoute(aRoute, "podinfo")).toMatchObject({ kind: "HTTPRoute", canaryPercent: 30, ownPercent: null });
  });

  it("of another Service has no weights of ours, and no command to drain it", () => {
    expect(viewRoute(aSplit(20), "shop")).toMatchObject({
      canaryPercent: null,
      problem: "it does not name both the primary's and the canary's Service",
    });
    expect(drainCommand(aSplit(20), "shop", " -n test")).toBeUndefined();
  });

  it("of either kind is drained by one plain kubectl command", () => {
    expect(drainCommand(aSplit(20), "podinfo", " -n test --context blue")).toBe(
      `kubectl patch trafficsplits.v1alpha2.split.smi-spec.io podinfo -n test --context blue --type merge -p '{"spec":{"backends":[{"service":"podinfo-primary","weight":100},{"service":"podinfo-canary","weight":0}]}}'`,
    );
    expect(drainCommand(aRoute, "podinfo", " -n test")).toBe(
      `kubectl patch httproutes.v1.gateway.networking.k8s.io podinfo -n test --type json -p '[{"op":"add","path":"/spec/rules/0/backendRefs/0/weight","value":1},{"op":"add","path":"/spec/rules/1/backendRefs/0/weight","value":100},{"op":"add","path":"/spec/rules/1/backendRefs/1/weight","value":0}]'`,
    );
  });

  it("whose backends have names that a shell would run is drained by what a shell only reads", () => {
    const split = aSplit(20) as { spec: { backends: object[] } } & RouteObject;
    const other = { service: "x'; curl evil; '", weight: 1 };
    const route = { ...split, spec: { ...split.spec, backends: [...split.spec.backends, other] } } as RouteObject;
    expect(drainCommand(route, "podinfo", "")).toContain(`"x'\\''; curl evil; '\\''"`);
  });

  it("of ours is drained by leaving the canary's leaf out, as the controller does", () => {
    const labels = { [label.canary]: "podinfo" };
    const ours = { ...aRoute, metadata: { ...aRoute.metadata, labels } };
    expect(drainCommand(ours, "podinfo", " -n test")).toContain(
      `{"op":"add","path":"/spec/rules/1/backendRefs","value":[{"name":"podinfo-primary","port":9898,"weight":100}]}]`,
    );
  });

  it("says why the mesh does not obey it", () => {
    const parents = [
      { conditions: [{ type: "ResolvedRefs", status: "False", reason: "BackendNotFound", message: "x" }] },
    ];
    expect(viewRoute({ ...aRoute, status: { parents } }, "podinfo").problem).toBe(
      "ResolvedRefs=False (BackendNotFound: x)",
    );
  });
});

import { describe, expect, it } from "vitest";
import type { Canary, GatewayRef } from "../../../shared/core/objects/canary.ts";
import { httpRoute, trafficSplit } from "../../../shared/core/routes/routes.ts";
import { chooseRoute, type Served, type ServedRoutes } from "./route-choice.ts";

const served = (split: boolean, route: boolean): ServedRoutes => {
  const of = (router: Served["router"], version: string, present: boolean): Served => {
    const { group, plural, kind } = router;
    return { router, resource: { group, plural, kind, version }, present };
  };
  return { trafficSplit: of(trafficSplit, "v1alpha1", split), httpRoute: of(httpRoute, "v1", route) };
};

const canary = (provider?: string, gatewayRefs: GatewayRef[] = []): Canary => ({
  apiVersion: "flagger.app/v1beta1",
  kind: "Canary",
  metadata: {},
  spec: {
    targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "x" },
    analysis: {},
    ...(provider ? { provider } : {}),
    service: { port: 80, gatewayRefs },
  },
});

describe("the route of a Canary", () => {
  it.each([
    { what: "TrafficSplit by auto where it is served", provider: "auto", split: true, kind: "TrafficSplit" },
    { what: "HTTPRoute by auto where there is no TrafficSplit", provider: "auto", split: false, kind: "HTTPRoute" },
    {
      what: "what the Canary names, not the controller",
      asked: "gatewayapi:v1",
      provider: "linkerd",
      split: true,
      kind: "HTTPRoute",
    },
    { what: "TrafficSplit for linkerd", asked: "linkerd", provider: "auto", split: true, kind: "TrafficSplit" },
    { what: "TrafficSplit for smi", asked: "smi:v1alpha2", provider: "auto", split: true, kind: "TrafficSplit" },
  ])("is $what", ({ asked, provider, split, kind }) => {
    const choice = chooseRoute(canary(asked), provider, served(split, true));
    expect("served" in choice && choice.served.router.kind).toBe(kind);
    expect("why" in choice && choice.why).toContain(asked ?? "auto");
  });

  it("is an HTTPRoute by auto where the Canary names parents, for only that has any", () => {
    const refs = [{ group: "core", kind: "Service", name: "x" }];
    const of = (asked: string | undefined, routes: ServedRoutes, provider = "auto"): unknown => {
      const choice = chooseRoute(canary(asked, refs), provider, routes);
      return "served" in choice && [choice.served.router.kind, choice.why];
    };
    expect(of(undefined, served(true, true))).toEqual(["HTTPRoute", "auto: spec.service.gatewayRefs is given"]);
    expect(of(undefined, served(true, false))).toEqual(["TrafficSplit", "auto: this cluster serves TrafficSplit"]);
    expect(of("linkerd", served(true, true))).toEqual(["TrafficSplit", "spec.provider is linkerd"]);
    expect(of(undefined, served(true, true), "smi:v1alpha1")).toEqual([
      "TrafficSplit",
      "the controller's provider is smi:v1alpha1",
    ]);
  });

  it.each([
    ["is named but not served", "linkerd", served(false, true), /does not serve TrafficSplit/],
    ["is of another mesh", "istio", served(true, true), /provider istio is not supported/],
  ])("is refused with the cure where it %s", (_what, asked, routes, words) => {
    const choice = chooseRoute(canary(asked), "auto", routes);
    expect("problem" in choice && choice.problem).toMatch(words);
  });
});

import { describe, expect, it } from "vitest";
import { aSpec } from "../../../test/builders.ts";
import type { AnalysisSpec, Canary } from "../objects/canary.ts";
import { httpRoute, type RouteContext, type RouteObject } from "../routes/routes.ts";
import type { Finding, SeenObjects } from "./finding.ts";
import { cureText } from "./preconditions.ts";
import { routeRules } from "./route.ts";

const context: RouteContext = {
  ...{ canary: "podinfo", namespace: "test", uid: "uid-1", apex: "podinfo", port: 9898 },
  ...{ gatewayRefs: [], hosts: [], apiVersion: "gateway.networking.k8s.io/v1" },
};
const ours = httpRoute.build(context);
const theirs: RouteObject = { ...ours, metadata: { name: "podinfo", namespace: "test" } };

const match = [{ headers: { "x-canary": { exact: "insider" } } }];
const preview = { header: { name: "x-canary", value: "mine" } };

function findings(provider: string, analysis: AnalysisSpec, over: Partial<SeenObjects> = {}): Finding[] {
  const spec = { ...aSpec(), provider, analysis };
  const canary: Canary = { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name: "podinfo" }, spec };
  const seen = { canary, namespace: "test", targetName: "podinfo", apexName: "podinfo", ...over };
  return routeRules["route-rules-impossible"](seen).map((found) => ({ code: "route-rules-impossible", ...found }));
}

describe("rules that only an HTTPRoute of ours can have", () => {
  it("are refused on a TrafficSplit, with the field and the way round, also where the cluster is not known", () => {
    const [found, other] = findings("linkerd", { iterations: 3, match });
    expect(other).toBeUndefined();
    expect(found).toMatchObject({ level: "obstacle" });
    expect(found?.what).toMatch(/^spec\.analysis\.match needs rules in an HTTPRoute, and the route is a TrafficSplit/);
    expect(found && cureText(found.cure)).toContain(
      `patch canary podinfo --type merge -p '{"spec":{"provider":"gatewayapi:v1"}}'`,
    );
    const both = { stepWeight: 10, preview, sessionAffinity: { cookieName: "track" } };
    expect(findings("linkerd", both)[0]?.what).toMatch(/preview and spec\.analysis\.sessionAffinity need rules/);
  });

  it("are refused on an HTTPRoute that is its user's own", () => {
    const [found] = findings("gatewayapi:v1", { stepWeight: 10, preview }, { route: theirs });
    expect(found?.what).toContain("HTTPRoute podinfo is your own, whose rules are not touched: delete it");
    expect(found && cureText(found.cure)).toContain("delete httproutes.gateway.networking.k8s.io podinfo");
  });

  it("are none of our business where nobody asks for them, or the route is ours", () => {
    expect(findings("linkerd", { iterations: 3 })).toEqual([]);
    expect(findings("gatewayapi:v1", { iterations: 3, match }, { route: ours })).toEqual([]);
    expect(findings("gatewayapi:v1", { iterations: 3, match }, { route: null })).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import { annotation } from "../objects/names.ts";
import {
  costOfResting,
  httpRoute,
  trafficSplit,
  voidingFilters,
  type RouteContext,
  type RouteObject,
} from "./routes.ts";

const context: RouteContext = {
  canary: "podinfo",
  namespace: "test",
  uid: "uid-1",
  apex: "podinfo",
  port: 9898,
  gatewayRefs: [],
  hosts: [],
  apiVersion: "split.smi-spec.io/v1alpha1",
};
const accepted = (route: RouteObject): RouteObject => ({
  ...route,
  status: {
    parents: [
      {
        conditions: [
          { type: "Accepted", status: "True" },
          { type: "ResolvedRefs", status: "True" },
        ],
      },
    ],
  },
});

const third = (weight: number) => ({ name: "legacy", service: "legacy", weight });

interface Weighted {
  weight?: number | string;
}

function backendsOf(route: RouteObject): Weighted[] {
  const rules = route.spec["rules"] as { backendRefs: Weighted[] }[] | undefined;
  return rules?.[0]?.backendRefs ?? (route.spec["backends"] as Weighted[]);
}

const weightsOf = (route: RouteObject): number =>
  backendsOf(route).reduce((sum, backend) => sum + Number(backend.weight), 0);

/** With a third backend of the user's, and ours scaled to `scale` of what they were. */
function withThird(route: RouteObject, weight: number, scale = 1): RouteObject {
  const copy = JSON.parse(JSON.stringify(route)) as RouteObject;
  const backends = backendsOf(copy);
  for (const backend of backends) backend.weight = Number(backend.weight) * scale;
  backends.push(third(weight));
  return copy;
}

describe.each([
  ["a TrafficSplit", trafficSplit, trafficSplit.build(context)],
  ["an HTTPRoute", httpRoute, accepted(httpRoute.build({ ...context, apiVersion: "gateway.networking.k8s.io/v1" }))],
])("%s", (_kind, router, route) => {
  it("starts with all traffic on the primary, owned by the Canary", () => {
    expect(router.read(route, "podinfo")).toMatchObject({ weight: 0, ownWeight: 0 });
    expect(route.metadata.ownerReferences?.[0]).toMatchObject({ kind: "Canary", uid: "uid-1" });
  });

  it.each([0, 1, 50, 100])("gives back the weight %i that was set", (weight) => {
    expect(router.read(router.withWeight(route, "podinfo", weight), "podinfo")).toMatchObject({
      weight,
      ownWeight: weight,
    });
  });

  it("tells a weight that someone else set from our own last write", () => {
    const ours = router.withWeight(route, "podinfo", 50);
    const theirs = router.withWeight(ours, "podinfo", 5);
    const edited = { ...theirs, metadata: { ...theirs.metadata, annotations: ours.metadata.annotations ?? {} } };
    expect(router.read(edited, "podinfo")).toMatchObject({ weight: 5, ownWeight: 50 });
  });

  it("says whom it sends to, a backend of its user's included", () => {
    const given = router.withWeight(route, "podinfo", 50);
    expect(router.backendsOf(withThird(given, 10)).sort()).toEqual(["legacy", "podinfo-canary", "podinfo-primary"]);
  });

  it("that does not name both leaves cannot be worked with", () => {
    expect(router.read({ ...route, spec: { backends: [], rules: [] } }, "podinfo")).toBeUndefined();
  });

  it("keeps the share of a backend that its user added", () => {
    const shared = withThird(router.withWeight(route, "podinfo", 0), 50, 2);
    const set = router.withWeight(shared, "podinfo", 20);
    expect(router.read(set, "podinfo")).toMatchObject({ weight: 20, ownWeight: 20 });
    expect(JSON.stringify(set.spec)).toContain(JSON.stringify(third(50)));
    expect(weightsOf(set)).toBe(250);
  });

  it("whose user left us too little to divide is named, and what to do", () => {
    const coarse = withThird(router.withWeight(route, "podinfo", 0), 50, 0.01);
    expect(router.read(coarse, "podinfo")?.problem).toMatch(/sum to 1 beside another backend: make it .* at least 100/);
  });

  it("is not changed in place", () => {
    const before = JSON.stringify(route);
    router.withWeight(route, "podinfo", 30);
    expect(JSON.stringify(route)).toBe(before);
  });
});

describe("a TrafficSplit", () => {
  it.each([
    undefined,
    null,
    {},
    { backends: null },
    { backends: {} },
    { backends: [null, { service: "podinfo-canary" }] },
  ])("of the shape %j, which its definition lets pass, is one that names not both leaves", (spec) => {
    const odd = { ...trafficSplit.build(context), spec } as unknown as RouteObject;
    expect(trafficSplit.read(odd, "podinfo")).toBeUndefined();
    expect(trafficSplit.backendsOf(odd)).toEqual(JSON.stringify(spec)?.includes("canary") ? ["podinfo-canary"] : []);
  });

  it("with a weight that is no number gives the canary nothing by it", () => {
    const backends = [
      { service: "podinfo-primary", weight: 1 },
      { service: "podinfo-canary", weight: "much" },
    ];
    expect(trafficSplit.read({ ...trafficSplit.build(context), spec: { backends } }, "podinfo")?.weight).toBe(0);
  });

  it("has weights as text in v1alpha1 and as numbers later", () => {
    const weights = (apiVersion: string): unknown =>
      trafficSplit.withWeight({ ...trafficSplit.build(context), apiVersion }, "podinfo", 30).spec["backends"];
    expect(weights("split.smi-spec.io/v1alpha1")).toEqual([
      { service: "podinfo-canary", weight: "30" },
      { service: "podinfo-primary", weight: "70" },
    ]);
    expect(weights("split.smi-spec.io/v1alpha2")).toEqual([
      { service: "podinfo-canary", weight: 30 },
      { service: "podinfo-primary", weight: 70 },
    ]);
  });

  it("may have been written in thousandths", () => {
    const split = trafficSplit.build(context);
    const backends = [
      { service: "podinfo-canary", weight: "100m" },
      { service: "podinfo-primary", weight: "900m" },
    ];
    expect(trafficSplit.read({ ...split, spec: { backends } }, "podinfo")?.weight).toBe(10);
  });
});

describe("an HTTPRoute of ours", () => {
  const route = accepted(httpRoute.build({ ...context, apiVersion: "gateway.networking.k8s.io/v1" }));
  const namesOf = (of: RouteObject): unknown[] => (backendsOf(of) as { name: string }[]).map(({ name }) => name);

  it("names the canary's leaf only while it has weight", () => {
    expect(namesOf(route)).toEqual(["podinfo-primary"]);
    const given = httpRoute.withWeight(route, "podinfo", 30);
    expect(backendsOf(given)).toEqual([
      { group: "", kind: "Service", name: "podinfo-primary", port: 9898, weight: 70 },
      { group: "", kind: "Service", name: "podinfo-canary", port: 9898, weight: 30 },
    ]);
    expect(namesOf(httpRoute.withWeight(given, "podinfo", 60))).toEqual(["podinfo-primary", "podinfo-canary"]);
    expect(backendsOf(httpRoute.withWeight(given, "podinfo", 0))).toEqual(backendsOf(route));
  });

  it("that names it at weight 0, as earlier versions wrote it, is known, and corrected by its next write", () => {
    const earlier = accepted(httpRoute.withWeight(route, "podinfo", 1));
    const [primary, canary] = backendsOf(earlier);
    Object.assign(primary!, { weight: 100 });
    Object.assign(canary!, { weight: 0 });
    expect(httpRoute.read(earlier, "podinfo")).toMatchObject({ weight: 0, restsOnCanary: "ours" });
    expect(namesOf(httpRoute.withWeight(earlier, "podinfo", 0))).toEqual(["podinfo-primary"]);
  });

  it("keeps rules and backends that its user added, and what they are given", () => {
    const pinned = { matches: [{ headers: [{ name: "x", value: "y" }] }], backendRefs: [{ name: "podinfo-primary" }] };
    const shared = withThird(route, 50, 2);
    const rules = [pinned, ...(shared.spec["rules"] as object[])];
    const given = httpRoute.withWeight({ ...shared, spec: { ...shared.spec, rules } }, "podinfo", 20);
    const [first, second] = given.spec["rules"] as { backendRefs: { name: string; weight: number }[] }[];
    expect(first).toEqual(pinned);
    expect(second?.backendRefs.map(({ name, weight }) => [name, weight])).toEqual([
      ["podinfo-primary", 160],
      ["podinfo-canary", 40],
      ["legacy", 50],
    ]);
    const back = httpRoute.withWeight(given, "podinfo", 0);
    expect(back.spec["rules"]).toEqual([pinned, ...(shared.spec["rules"] as object[])]);
  });
});

describe("an HTTPRoute of the user's", () => {
  it("without weights and without our mark counts each leaf once, and as nobody's change", () => {
    const route = httpRoute.build({ ...context, apiVersion: "gateway.networking.k8s.io/v1" });
    const backendRefs = [{ name: "podinfo-primary" }, { name: "podinfo-canary" }];
    const metadata = { ...route.metadata, annotations: {} };
    expect(httpRoute.read({ ...route, metadata, spec: { rules: [{ backendRefs }] } }, "podinfo")).toMatchObject({
      weight: 50,
      ownWeight: 50,
    });
  });

  const others = {
    matches: [{ path: { value: "/admin" } }],
    backendRefs: [{ name: "admin", port: 1, weight: 7 }],
    filters: [{ type: "X" }],
  };
  const ours = {
    timeouts: { request: "1s" },
    backendRefs: [
      { name: "podinfo-primary", port: 9898, weight: 100 },
      { name: "podinfo-canary", port: 9898, weight: 0 },
    ],
  };
  const route = accepted({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: "podinfo", annotations: { mine: "yes" } },
    spec: { hostnames: ["x"], rules: [others, ours] },
  });

  it("keeps everything but our two weights, to the byte", () => {
    const set = httpRoute.withWeight(route, "podinfo", 40);
    const [first, second] = set.spec["rules"] as (typeof ours)[];
    expect(JSON.stringify(first)).toBe(JSON.stringify(others));
    expect(second).toEqual({
      ...ours,
      backendRefs: [
        { name: "podinfo-primary", port: 9898, weight: 60 },
        { name: "podinfo-canary", port: 9898, weight: 40 },
      ],
    });
    expect(set.metadata.annotations).toEqual({ mine: "yes", [annotation.weight]: "40" });
    expect(set.spec["hostnames"]).toEqual(["x"]);
  });

  it.each([
    [["URLRewrite"], { filters: [{ type: "URLRewrite" }] }],
    [["RequestMirror"], { backendRefs: [{ name: "podinfo-primary", filters: [{ type: "RequestMirror" }] }] }],
    [[], { filters: [{ type: "RequestHeaderModifier" }, { type: "ResponseHeaderModifier" }] }],
  ])("names the filters for which Linkerd ignores it whole: %s", (found, rule) => {
    expect(voidingFilters({ ...route, spec: { rules: [others, rule] } })).toEqual(found);
  });

  it("names the canary's leaf whatever its weight, and says what that costs", () => {
    expect(httpRoute.read(route, "podinfo")).toMatchObject({ weight: 0, restsOnCanary: "theirs" });
    expect(httpRoute.withWeight(route, "podinfo", 0).spec).toEqual(route.spec);
    expect(costOfResting(route, "podinfo")).toMatch(/names podinfo-canary between runs too: .* up to a minute late/);
    const built = httpRoute.build({ ...context, apiVersion: "gateway.networking.k8s.io/v1" });
    expect(costOfResting(built, "podinfo")).toBeUndefined();
    expect(costOfResting(trafficSplit.build(context), "podinfo")).toBeUndefined();
  });

  it("that nobody has accepted, or whose backend is missing, says so", () => {
    expect(httpRoute.read({ ...route, status: {} }, "podinfo")?.problem).toContain("has accepted it yet");
    const conditions = [
      { type: "ResolvedRefs", status: "False", reason: "BackendNotFound", message: "podinfo-canary" },
    ];
    expect(httpRoute.read({ ...route, status: { parents: [{ conditions }] } }, "podinfo")?.problem).toBe(
      "ResolvedRefs=False (BackendNotFound: podinfo-canary)",
    );
  });
});

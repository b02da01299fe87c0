import { describe, expect, it } from "vitest";
import { annotation } from "../objects/names.ts";
import {
  fingerprintOf,
  httpRoute,
  trafficSplit,
  type RouteContext,
  type RouteObject,
  type RouteRules,
} from "./routes.ts";

const context: RouteContext = {
  canary: "podinfo",
  namespace: "test",
  uid: "uid-1",
  apex: "podinfo",
  port: 9898,
  gatewayRefs: [],
  hosts: [],
  apiVersion: "gateway.networking.k8s.io/v1",
};
const parents = [{ conditions: [{ type: "Accepted", status: "True" }] }];
const ours: RouteObject = { ...httpRoute.build(context), status: { parents } };

const header = (value: string) => ({ headers: [{ name: "x-canary", type: "Exact" as const, value }] });
const cookie = (name: string, value: string) => ({ name, value, attributes: "; Max-Age=60" });
const affinity: RouteRules = {
  affinity: {
    canary: cookie("track", "r1"),
    primary: { ...cookie("track-primary", "r1.30"), earlier: "r1\\.[0-9]+" },
    earlierWeight: 10,
  },
};

function withRules(weight: number, rules: RouteRules | undefined, route = ours): RouteObject {
  return httpRoute.withRules(httpRoute.withWeight(route, "podinfo", weight), "podinfo", weight, rules);
}

interface Written {
  matches?: { headers?: { value: string }[] }[];
  backendRefs: { name: string; weight: number; filters?: { responseHeaderModifier: { add: { value: string }[] } }[] }[];
}

/** Each rule in a line: what it matches, and whom it sends to. */
function linesOf(route: RouteObject): string[] {
  return (route.spec["rules"] as Written[]).map(({ matches = [], backendRefs }) => {
    const on = matches.flatMap(({ headers = [] }) => headers.map(({ value }) => value)).join(" or ") || "all";
    const to = backendRefs.map(({ name, weight, filters = [] }) => {
      const [given] = filters.flatMap(({ responseHeaderModifier }) => responseHeaderModifier.add);
      return `${name.replace("podinfo-", "")} ${weight}${given ? ` (${given.value})` : ""}`;
    });
    return `${on}: ${to.join(", ")}`;
  });
}

describe("rules beside the weights", () => {
  it("give the canary to those who match, by its weight, and stable to all others", () => {
    const route = withRules(100, { only: [header("a"), header("b")] });
    expect(linesOf(route)).toEqual(["a or b: primary 0, canary 100", "all: primary 100"]);
    expect(httpRoute.read(route, "podinfo")).toMatchObject({ weight: 100, ownWeight: 100 });
    expect(linesOf(withRules(40, { only: [header("a")] }, route))).toEqual([
      "a: primary 60, canary 40",
      "all: primary 100",
    ]);
  });

  it("have the timeouts and headers of all requests", () => {
    const settings = { timeouts: { request: "2s" }, filters: [{ type: "RequestHeaderModifier" }] };
    const [rule] = ours.spec["rules"] as object[];
    const route = { ...ours, spec: { ...ours.spec, rules: [{ ...rule, ...settings }] } };
    const rules = withRules(10, { preview: header("mine"), ...affinity }, route).spec["rules"] as object[];
    expect(rules).toHaveLength(5);
    for (const one of rules) expect(one).toMatchObject(settings);
  });

  it("send a preview to the canary at any weight, and that is no weight", () => {
    const rules: RouteRules = { preview: header("mine") };
    expect(linesOf(withRules(0, rules))).toEqual(["mine: canary 100", "all: primary 100"]);
    expect(linesOf(withRules(30, rules))).toEqual(["mine: canary 100", "all: primary 70, canary 30"]);
    const seen = httpRoute.read(withRules(0, rules), "podinfo");
    expect(seen).toEqual({ weight: 0, ownWeight: 0, rules: fingerprintOf(rules) });
  });

  it("keep users where they are, and divide those of an earlier weight so that all together have the new one", () => {
    expect(linesOf(withRules(30, affinity))).toEqual([
      "^(.*;\\s*)?track=r1(;.*)?$: canary 100",
      "^(.*;\\s*)?track-primary=r1\\.30(;.*)?$: primary 100",
      "^(.*;\\s*)?track-primary=r1\\.[0-9]+(;.*)?$: primary 70 (track-primary=r1.30; Max-Age=60), canary 20 (track=r1; Max-Age=60)",
      "all: primary 70 (track-primary=r1.30; Max-Age=60), canary 30 (track=r1; Max-Age=60)",
    ]);
  });

  it.each<[string, RouteRules, number]>([
    ["an A/B test", { only: [header("a")] }, 100],
    ["a preview", { preview: header("mine") }, 0],
    ["session affinity", affinity, 30],
    ["a preview for some of those who match", { only: [header("mine")], preview: header("mine") }, 100],
  ])("of %s are gone without a trace when they are taken out", (_what, rules, weight) => {
    const plain = httpRoute.withWeight(ours, "podinfo", weight);
    expect(withRules(weight, undefined, withRules(weight, rules))).toEqual(plain);
  });

  it("let a user's own rules and backends be", () => {
    const own = {
      matches: [{ path: { type: "PathPrefix", value: "/admin" } }],
      backendRefs: [{ name: "admin", weight: 1 }],
    };
    const rules = [own, ...(ours.spec["rules"] as object[])];
    const shared = { ...ours, spec: { ...ours.spec, rules } };
    const written = withRules(30, { preview: header("mine") }, shared);
    expect(linesOf(written)).toEqual(["mine: canary 100", "all: admin 1", "all: primary 70, canary 30"]);
    expect(withRules(0, undefined, written).spec).toEqual(shared.spec);
  });

  it("are told from a user's own that ask for the same header on a path of theirs", () => {
    const own = {
      matches: [{ path: { type: "PathPrefix", value: "/admin" }, ...header("mine") }],
      backendRefs: [{ name: "admin", weight: 1 }],
    };
    const written = withRules(30, { preview: header("mine") });
    const rules = [own, ...(written.spec["rules"] as object[])];
    const shared = { ...written, spec: { ...written.spec, rules } };
    expect(linesOf(withRules(0, undefined, shared))).toEqual(["mine: admin 1", "all: primary 100"]);
  });

  it("do not keep all requests from their weight where a user's own rule names both Services", () => {
    const backendRefs = ["primary", "canary"].map((track) => ({ name: `podinfo-${track}`, port: 9898, weight: 50 }));
    const own = { matches: [{ path: { type: "PathPrefix", value: "/api" } }], backendRefs };
    const rules = [own, ...(ours.spec["rules"] as object[])];
    const shared = { ...ours, spec: { ...ours.spec, rules } };
    const weighted = httpRoute.withWeight(shared, "podinfo", 30);
    expect(linesOf(weighted)).toEqual(["all: primary 70, canary 30", "all: primary 70, canary 30"]);
    expect(httpRoute.read(weighted, "podinfo")).toMatchObject({ weight: 30 });
    const rested = httpRoute.withWeight(weighted, "podinfo", 0);
    expect(linesOf(rested)).toEqual(["all: primary 100, canary 0", "all: primary 100"]);
    expect(httpRoute.read(rested, "podinfo")).toMatchObject({ weight: 0, restsOnCanary: "theirs" });
    expect(linesOf(withRules(100, { only: [header("a")] }, rested))).toEqual([
      "a: primary 0, canary 100",
      "all: primary 100, canary 0",
      "all: primary 100",
    ]);
  });

  it("are known again however the API server filled them in, and missed where someone took one out", () => {
    const rules: RouteRules = { preview: header("mine"), ...affinity };
    const written = JSON.parse(JSON.stringify(withRules(30, rules))) as RouteObject;
    for (const rule of written.spec["rules"] as { timeouts?: object }[]) rule.timeouts = {};
    expect(httpRoute.read(written, "podinfo")?.rules).toBe(fingerprintOf(rules));
    const [, ...left] = written.spec["rules"] as object[];
    expect(httpRoute.read({ ...written, spec: { ...written.spec, rules: left } }, "podinfo")?.rules).toMatch(/\?$/);
  });

  it("are none of a TrafficSplit, nor of a route that is its user's", () => {
    const split = trafficSplit.build({ ...context, apiVersion: "split.smi-spec.io/v1alpha1" });
    expect(trafficSplit.withRules(split, "podinfo", 0, { preview: header("mine") })).toBe(split);
    expect(trafficSplit.read(split, "podinfo")?.rules).toBeUndefined();
    const theirs = { ...ours, metadata: { ...ours.metadata, labels: {} } };
    expect(httpRoute.withRules(theirs, "podinfo", 0, { preview: header("mine") })).toBe(theirs);
    expect(theirs.metadata.annotations?.[annotation.rules]).toBeUndefined();
  });
});

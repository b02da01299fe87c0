// The client side's decisions, without a network: binding, weights, failover.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bindTo, choose, filtersFor, pick, resolvedLeaves, sharesFor } from "./choice.ts";
import type { Backend, Endpoint, Leaf, ServiceDestination } from "../policy/destination.ts";
import { noFilters } from "../policy/header-filters.ts";
import { parseWeight } from "../policy/weight.ts";

const get = { method: "GET", path: "/", headers: {} };
const endpoint = { ip: "10.0.0.1", port: 9898 } as Endpoint;
const leaf = (name: string, endpoints = 1, exists = true): Leaf => ({
  namespace: "test",
  name,
  port: 9898,
  exists,
  endpoints: Array.from({ length: endpoints }, () => endpoint),
});
const leaves = { apex: leaf("podinfo"), primary: leaf("podinfo-primary"), canary: leaf("podinfo-canary") };
const shares = (primary: number, canary: number): Backend[] => [
  { leaf: "primary", weight: primary },
  { leaf: "canary", weight: canary },
];

function destination(split?: Backend[], route?: Backend[]): ServiceDestination {
  const backends = (route ?? []).map((each) => ({ ...each, filters: noFilters }));
  const rules = route ? [{ namespace: "test", route: "podinfo", matches: [], filters: noFilters, backends }] : [];
  return { kind: "service", apex: "apex", leaves, overrides: split ?? [], rules, policy: {} };
}

const toApex = { backends: [{ leaf: "apex", weight: 1000 }] };

describe("a client that first talks to a Service", () => {
  it("without a TrafficSplit is bound to the policy, and ignores a later TrafficSplit and its weights", () => {
    expect(bindTo(destination())).toBe("policy");
    expect(sharesFor(destination(shares(50, 50)), "policy", get)).toEqual(toApex);
    expect(sharesFor(destination(shares(0, 100)), "policy", get)).toEqual(toApex);
  });

  it("without a TrafficSplit follows an HTTPRoute that is created, changed and deleted", () => {
    expect(sharesFor(destination([], shares(90, 10)), "policy", get)?.backends).toMatchObject(shares(90, 10));
    expect(sharesFor(destination(shares(0, 1), shares(0, 100)), "policy", get)?.backends).toMatchObject(shares(0, 100));
    expect(sharesFor(destination(), "policy", get)).toEqual(toApex);
  });

  it("with a TrafficSplit is bound to the profile, and follows its weights over any HTTPRoute", () => {
    expect(bindTo(destination(shares(100, 0), shares(0, 100)))).toBe("profile");
    expect(sharesFor(destination(shares(70, 30), shares(0, 100)), "profile", get)?.backends).toEqual(shares(70, 30));
  });

  it("after a TrafficSplit was deleted finds an empty profile, and is bound to the policy", () => {
    expect(bindTo(destination([], shares(0, 100)))).toBe("policy");
    expect(sharesFor(destination([], shares(0, 100)), "profile", get)).toEqual(toApex);
  });
});

describe("the endpoints that a client asks for", () => {
  it("are every HTTPRoute backend's, also of weight 0, but a ServiceProfile's only where it has weight", () => {
    const both = destination(shares(100, 0), shares(100, 0));
    expect(resolvedLeaves(both, "policy")).toEqual(["primary", "canary"]);
    expect(resolvedLeaves(both, "profile")).toEqual(["primary"]);
    expect(resolvedLeaves(destination(shares(90, 10)), "profile")).toEqual(["primary", "canary"]);
  });

  it("are the apex' own without a route, and with a husk of a ServiceProfile", () => {
    expect(resolvedLeaves(destination(), "policy")).toEqual(["apex"]);
    expect(resolvedLeaves(destination(), "profile")).toEqual(["apex"]);
  });
});

it("a rule's header filters and those of the backend that was picked both hold", () => {
  const cookie = (value: string) => ({ add: [{ name: "Set-Cookie", value }] });
  const of = (value: string) => ({ request: [], response: [cookie(value)] });
  const backends = shares(50, 50).map((each) => ({ ...each, filters: of(each.leaf) }));
  const rule = { namespace: "test", route: "podinfo", matches: [], filters: of("rule"), backends };
  expect(filtersFor(rule, "canary")).toEqual({ request: [], response: [cookie("rule"), cookie("canary")] });
  expect(filtersFor(undefined, "canary")).toEqual(noFilters);
});

describe("the choice of a backend", () => {
  const never = (): boolean => false;

  it("falls on each backend in proportion to its weight, and never on one with weight 0", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 5 }), (weights) => {
        const backends = weights.map((weight, at) => ({ leaf: String(at), weight }));
        const sum = weights.reduce((a, b) => a + b, 0);
        const hits = weights.map(() => 0);
        for (let at = 0; at < sum; at += 1) {
          const picked = pick(backends, (at + 0.5) / sum);
          if (picked) hits[Number(picked.leaf)]! += 1;
        }
        expect(hits).toEqual(weights);
      }),
    );
  });

  it("waits for a backend without endpoints, and fails over once the wait is over", () => {
    const empty = { ...leaves, canary: leaf("podinfo-canary", 0) };
    expect(choose(shares(50, 50), empty, never, () => 0.9)).toEqual({ kind: "wait", key: "canary" });
    expect(
      choose(
        shares(50, 50),
        empty,
        () => true,
        () => 0.9,
      ),
    ).toEqual({ kind: "leaf", key: "primary" });
    expect(
      choose(
        shares(0, 50),
        empty,
        () => true,
        () => 0.9,
      ),
    ).toEqual({ kind: "none" });
  });

  it("does not fail over from a backend whose Service is missing", () => {
    const missing = { ...leaves, canary: leaf("podinfo-canary", 0, false) };
    expect(
      choose(
        shares(50, 50),
        missing,
        () => true,
        () => 0.9,
      ),
    ).toEqual({ kind: "missing", key: "canary" });
    expect(
      choose(
        shares(50, 50),
        missing,
        () => true,
        () => 0.1,
      ),
    ).toEqual({ kind: "leaf", key: "primary" });
  });

  it("finds nobody when every weight is 0", () => {
    expect(choose(shares(0, 0), leaves, never, () => 0.5)).toEqual({ kind: "none" });
  });
});

it("weights are read as integers or as quantities, and what is neither takes no traffic", () => {
  expect(["100", 100, "900m", "0.9", "1e2", "1k", undefined, "ten", "-5"].map(parseWeight)).toEqual([
    100_000, 100_000, 900, 900, 100_000, 1_000_000, 0, 0, 0,
  ]);
});

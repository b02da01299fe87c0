import { describe, expect, it } from "vitest";
import type { RouteObject } from "./core/routes/routes.ts";
import { obeyedSince, splitProblem, type ServiceProfile } from "./service-profile.ts";

const at = (seconds: number): Date => new Date(1_700_000_000_000 + seconds * 1_000);
const route = (kind: string): RouteObject => ({
  apiVersion: "x/v1",
  kind,
  metadata: { creationTimestamp: at(0) },
  spec: {},
});
const profile = (seconds: number, overrides: unknown[]): ServiceProfile => ({
  metadata: { creationTimestamp: at(seconds) },
  spec: { dstOverrides: overrides },
});
const weights = [{ authority: "podinfo-primary.test.svc.cluster.local.:9898", weight: "100" }];
const split = route("TrafficSplit");

describe("proxies that ignore a route", () => {
  it("are those older than the ServiceProfile that carries a TrafficSplit out, not than the split", () => {
    expect(obeyedSince(split, profile(360, weights))).toBe(at(360).getTime());
    expect(obeyedSince(split, profile(-60, weights))).toBe(at(0).getTime());
    expect(obeyedSince(split, undefined)).toBe(at(0).getTime());
  });

  it("are, with an HTTPRoute, those that have followed a TrafficSplit, whose husk is left", () => {
    expect(obeyedSince(route("HTTPRoute"), { metadata: {}, spec: {} })).toBe(at(0).getTime());
    expect(obeyedSince(route("HTTPRoute"), null)).toBeUndefined();
    expect(obeyedSince(undefined, null)).toBeUndefined();
  });
});

describe("a TrafficSplit that nobody carries out", () => {
  const after = (seconds: number, of: ServiceProfile | null | undefined): string | undefined =>
    splitProblem(split, of, at(seconds).getTime());

  it("is named once the adaptor has had ten seconds", () => {
    expect(after(9, null)).toBeUndefined();
    expect(after(10, null)).toMatch(
      /^nobody carries out the TrafficSplit .*: see whether Linkerd-SMI's adaptor is at work$/,
    );
    expect(after(10, profile(1, []))).toBe(after(10, null));
  });

  it("is nothing to be said of where its weights are in a ServiceProfile, or the cluster knows none", () => {
    expect(after(60, profile(1, weights))).toBeUndefined();
    expect(after(60, undefined)).toBeUndefined();
  });
});

import type { V1Namespace, V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { aRunObservation, someCounts, start } from "../../../test/builders.ts";
import { givenApex, givenCanary, givenTarget } from "../../../test/given-objects.ts";
import {
  RecordingCluster,
  servedPolicies,
  servedRoutes,
  worldOf,
  type Given,
} from "../../../test/recording-cluster.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { objectsOf } from "../cache/canary-objects.ts";
import { policiesSeen, withDenials } from "./policies.ts";
import { unmetBy } from "./preconditions.ts";

const namespace = "test";
const server = {
  metadata: { name: "shop", namespace, uid: "s", resourceVersion: "1" },
  spec: { podSelector: { matchLabels: { app: "podinfo" } }, port: 9898 },
};
const callers = {
  metadata: { name: "callers", namespace, uid: "a", resourceVersion: "2" },
  spec: { targetRef: { kind: "Server", name: "shop" } },
};
const here = (policy?: string): V1Namespace => ({
  metadata: {
    ...{ name: namespace, uid: "n", resourceVersion: "3" },
    annotations: { other: "x", ...(policy ? { "config.linkerd.io/default-inbound-policy": policy } : {}) },
  },
});
const stablePod = (value: string): V1Pod => ({
  metadata: { name: "podinfo-6d4f8b9c5-x", namespace },
  spec: {
    containers: [{ name: "podinfod" }],
    initContainers: [{ name: "linkerd-proxy", env: [{ name: "LINKERD2_PROXY_INBOUND_DEFAULT_POLICY", value }] }],
  },
});

async function placed(more: Given, isServed = true) {
  const cluster = new RecordingCluster([
    { of: resource.canaries, object: givenCanary() },
    { of: resource.deployments, object: givenTarget() },
    { of: resource.services, object: givenApex() },
    { of: resource.linkerdServers, object: server },
    { of: resource.authorizationPolicies, object: callers },
    ...more,
  ]);
  const world = await worldOf(cluster, isServed ? servedPolicies : undefined);
  const chart = {
    provider: "linkerd",
    templateNamespaces: [],
    excludedNamespaces: [],
    allowGateways: false,
    hookAddresses: [],
    metricServers: { own: "", allowed: [] },
    alertBounds: { providerNamespaces: [], allowedAddresses: [] },
  };
  const deps = { cluster, world, now: () => start, routes: servedRoutes, ...chart };
  const objects = objectsOf(deps, givenCanary());
  const policies = await policiesSeen(deps, objects);
  const codes = unmetBy(deps, objects, { policies }).map(({ code }) => code);
  return { deps, objects, policies, codes };
}

describe("Linkerd's policy", () => {
  it("is seen before a run, by the namespace's default", async () => {
    const { codes } = await placed([{ of: resource.namespaces, object: here("deny") }]);
    expect(codes).toContain("policy-shuts-canary");
  });

  it.each([
    ["deny", "policy-shuts-canary"],
    ["all-authenticated", "policy-opens-canary"],
  ])("is the cluster's where nothing else is said, as stable's proxies were told: %s", async (policy, code) => {
    const { codes, deps, objects } = await placed([
      { of: resource.namespaces, object: here() },
      { of: resource.pods, object: stablePod(policy) },
    ]);
    expect(codes).toContain(code);
    const asked = { ...deps, cluster: new RecordingCluster([]) };
    expect(await policiesSeen(asked, objects), "a minute is not over").toMatchObject({ defaultPolicy: policy });
    expect(await policiesSeen({ ...asked, now: () => start + 60_000 }, objects)).not.toHaveProperty("defaultPolicy");
  });

  it("is nothing where the cluster has none", async () => {
    const { codes, policies } = await placed([], false);
    expect(policies).toBeUndefined();
    expect(codes.filter((code) => code.startsWith("policy"))).toEqual([]);
  });

  it("explains what the proxies counted", async () => {
    const { objects, policies } = await placed([{ of: resource.namespaces, object: here("deny") }]);
    const counted = { epoch: 1, at: start, canary: someCounts(), primary: someCounts() };
    const seen = aRunObservation(10, 1, { counters: { ...counted, deniedBy: { server: "default:deny" } } });
    expect(withDenials(seen, objects, policies).counters?.deniedBy).toEqual({
      ...{ server: "default:deny", stableServer: "shop" },
      ...{ authorizationPolicy: "AuthorizationPolicy callers", label: "app=podinfo" },
    });
    expect(withDenials(seen, objects, undefined)).toBe(seen);
  });
});

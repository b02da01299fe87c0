// What a Canary stands on moves under it: its provider becomes another, or its Service leads to other ports.
import { describe, expect, it } from "vitest";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { label } from "../../shared/core/objects/names.ts";
import { settleMs } from "../../shared/core/objects/made/stable-ports.ts";
import { httpRoute, type RouteObject } from "../../shared/core/routes/routes.ts";
import { resource } from "../../shared/kube/resources.ts";
import { everythingMade, givenApex, givenCanary, givenSplit, givenTarget } from "../../test/given-objects.ts";
import { aReplica } from "../../test/a-replica.ts";
import type { Given } from "../../test/recording-cluster.ts";

describe("a Canary whose provider has become another", () => {
  const canary: Canary = { ...givenCanary(), spec: { ...givenCanary().spec, provider: "gatewayapi:v1" } };
  const given = everythingMade();
  const removal = "delete TrafficSplit podinfo";

  function aRoute(weight: number): RouteObject {
    const { metadata } = givenSplit();
    const context = { canary: "podinfo", uid: "canary-uid", namespace: "test", apex: "podinfo", port: 9898 };
    const apiVersion = "gateway.networking.k8s.io/v1";
    const route = httpRoute.build({ ...context, gatewayRefs: [], hosts: [], apiVersion });
    const weighted = httpRoute.withWeight(route, "podinfo", weight);
    return {
      ...weighted,
      metadata: { ...weighted.metadata, uid: "uid-12", resourceVersion: metadata.resourceVersion! },
    };
  }

  const made = (weight: number): Given => [...given, { of: resource.httpRoutes, object: aRoute(weight) }];

  it("keeps the route before until there is another", async () => {
    const { cluster, look } = await aReplica({ given });
    await look(canary);
    expect(cluster.calls).toContain("create HTTPRoute podinfo");
    expect(cluster.calls).not.toContain(removal);
  });

  it("loses the route before once the new one has the weights, also where the leader that made it is dead", async () => {
    const { cluster, look } = await aReplica({ given: made(0) });
    await look(canary);
    expect(cluster.calls).toContain(removal);
    const { precondition } = cluster.writes.find(({ verb }) => verb === "delete")!;
    expect(precondition).toEqual({ uid: "uid-7", resourceVersion: "107" });
  });

  it("keeps it while the new one has other weights", async () => {
    const { cluster, look } = await aReplica({ given: made(50) });
    await look(canary);
    expect(cluster.calls).toContain("replace HTTPRoute podinfo");
    expect(cluster.calls).not.toContain(removal);
  });

  it("has nothing taken away that another Canary of this name has made", async () => {
    const other = { ...canary, metadata: { ...canary.metadata, uid: "another-uid" } };
    const { cluster, look } = await aReplica({ given: made(0) });
    await look(other);
    expect(cluster.calls).not.toContain(removal);
  });
});

describe("a Service that leads to another port than stable's leaf", () => {
  const target = givenTarget({ [label.target]: "uid-1" });
  const [port] = givenApex().spec!.ports!;
  const apex = { ...givenApex(), spec: { ...givenApex().spec, ports: [{ ...port!, targetPort: 9899 }] } };
  const given = everythingMade().map((one) => {
    if (one.object.metadata?.name !== "podinfo") return one;
    if (one.of === resource.deployments) return { ...one, object: target };
    return one.of === resource.services ? { ...one, object: apex } : one;
  });
  const follow = "patch Service podinfo-primary";

  it("is followed by the canary's leaf at once, and by stable's when it has done so for a while", async () => {
    const { cluster, deps, look } = await aReplica({ given });
    const startedAt = deps.now();
    const { requeueAfterMs } = await look();
    expect(requeueAfterMs).toBeLessThanOrEqual(settleMs);
    const first = cluster.writes.find(({ name }) => name === "podinfo-primary");
    expect(first?.body).toMatchObject({ spec: { ports: [{ targetPort: 9898 }] } });
    deps.now = () => startedAt + settleMs;
    await look();
    const last = cluster.writes.filter(({ name }) => name === "podinfo-primary").at(-1);
    expect(cluster.calls).toContain(follow);
    expect(last?.body).toMatchObject({ spec: { ports: [{ targetPort: 9899 }] } });
  });
});

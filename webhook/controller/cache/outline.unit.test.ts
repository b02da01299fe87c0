import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { mostBeside, mostKept, weightOf } from "../../../shared/core/objects/kept/kept-size.ts";
import { label } from "../../../shared/core/objects/names.ts";
import { httpRoute, type RouteObject } from "../../../shared/core/routes/routes.ts";
import { placementsOf } from "../../../shared/core/selectors/placement.ts";
import { CanaryError } from "../../../shared/kube/errors.ts";
import { type Resource, resource } from "../../../shared/kube/resources.ts";
import type { Stored } from "../../../shared/kube/store.ts";
import { hashTemplate } from "../../../shared/template-hash.ts";
import { aDeployment } from "../../../test/builders.ts";
import { givenApex, givenCanary, givenReplicaSet, givenSplit, givenTarget } from "../../../test/given-objects.ts";
import {
  type Given,
  RecordingCluster,
  servedRoutes,
  servedPolicies,
  worldOf,
} from "../../../test/recording-cluster.ts";
import { fillIn, wholeOf } from "../apply/whole.ts";
import { toTarget } from "../objects/from-objects.ts";
import { isOutline, isTooLarge } from "./outline.ts";
import { shaped } from "./slim.ts";

const megabyte = 1_000_000;
const text = "x".repeat(megabyte);
const many = Object.fromEntries(
  Array.from({ length: 10_000 }, (_, n) => [`key-${n}.example.com/of-a-tenant`, "x".repeat(60)]),
);
const most = 300;

/** In each place where a tenant may put a megabyte. */
const places: Record<string, [Resource, (name: string) => Stored]> = {
  "Deployments with a long argument": [resource.deployments, (name) => aLarge(name, megabyte)],
  "Deployments with thousands of labels, ours among them": [
    resource.deployments,
    (name) => ({ ...aDeployment(), metadata: { ...named(name), labels: { ...many, [label.canary]: "podinfo" } } }),
  ],
  "Deployments with a selector of thousands": [
    resource.deployments,
    (name) => ({ ...aDeployment({ selector: { matchLabels: many } }), metadata: named(name) }),
  ],
  "ReplicaSets with a long image and labels": [
    resource.replicaSets,
    (name) => {
      const { spec, ...replicaSet } = givenReplicaSet();
      const template = { metadata: { labels: many }, spec: { containers: [{ name: "a", image: text }] } };
      return { ...replicaSet, metadata: { ...replicaSet.metadata, ...named(name) }, spec: { ...spec!, template } };
    },
  ],
  "Services with an annotation and a selector": [
    resource.services,
    (name) => ({ metadata: { ...named(name), annotations: { a: text } }, spec: { selector: many } }),
  ],
  "EndpointSlices with addresses and labels": [
    resource.endpointSlices,
    (name) => ({
      metadata: { ...named(name), labels: { ...many, [label.canary]: "podinfo" } },
      endpoints: [{ addresses: [text], zone: text, targetRef: { name: "podinfo-1" } }],
    }),
  ],
  Canaries: [
    resource.canaries,
    (name) => {
      const { metadata, spec, ...canary } = givenCanary();
      const analysis = { ...spec.analysis, webhooks: [{ name: "w", url: "http://a", metadata: many }] };
      return { ...canary, metadata: { ...metadata, ...named(name), labels: many }, spec: { ...spec, analysis } };
    },
  ],
  TrafficSplits: [resource.trafficSplits, (name) => ({ ...aSplit(many), metadata: named(name) })],
  HTTPRoutes: [resource.httpRoutes, (name) => ({ ...aRoute(), metadata: { ...named(name), managedFields: [] } })],
  MetricTemplates: [resource.metricTemplates, (name) => ({ metadata: named(name), spec: { query: text } })],
  "ControllerRevisions with annotations": [
    resource.controllerRevisions,
    (name) => ({ metadata: { ...named(name), annotations: { a: text } }, data: { text } }),
  ],
  "Servers of Linkerd": [
    resource.linkerdServers,
    (name) => ({ metadata: named(name), spec: { podSelector: { matchLabels: many } } }),
  ],
};

const named = (name: string): { namespace: string; name: string; uid: string; resourceVersion: string } => ({
  ...{ namespace: "test", name, uid: `uid-${name}`, resourceVersion: "7" },
});

function aLarge(name: string, bytes: number): V1Deployment {
  const deployment = aDeployment();
  const [container] = deployment.spec!.template.spec!.containers;
  const args = Array.from({ length: bytes / 1_000 }, () => "x".repeat(1_000));
  deployment.spec!.template.spec!.containers = [{ ...container!, args }];
  return { ...deployment, metadata: named(name) };
}

const aSplit = (extra: object): RouteObject => ({ ...givenSplit(), spec: { ...givenSplit().spec, matches: [extra] } });

function aRoute(bytes = megabyte): RouteObject {
  const context = { canary: "podinfo", uid: "canary-uid", namespace: "test", apex: "podinfo", port: 9898 };
  const route = httpRoute.build({ ...context, gatewayRefs: [], hosts: [], apiVersion: "gateway.networking.k8s.io/v1" });
  const matches = [
    { headers: Array.from({ length: bytes / 1_000 }, (_, n) => ({ name: `h${n}`, value: "x".repeat(900) })) },
  ];
  const [rule] = route.spec["rules"] as object[];
  return { ...route, spec: { ...route.spec, rules: [{ ...rule, matches }] } };
}

const given = (of: Resource, ...objects: Stored[]): Given => objects.map((object) => ({ of, object }));

describe("of objects of a megabyte each", () => {
  it.each(Object.entries(places))("little is kept: %s", async (_what, [of, make]) => {
    const names = Array.from({ length: 3 }, (_, n) => `tenant-${n}`);
    const world = await worldOf(new RecordingCluster(given(of, ...names.map(make))), servedPolicies);
    const { policies, selecting, ...caches } = world;
    const all = [caches, { ...selecting }, { ...policies }].flatMap((some) => Object.values<object>(some));
    const kept = all.flatMap((cache) => ("list" in cache ? (cache as { list(): unknown[] }).list() : []));
    expect(weightOf(kept, Infinity) / names.length).toBeLessThan(64 * 1_024);
  });

  it("a whole namespace of them takes less than a replica has", async () => {
    const large = Array.from({ length: most }, (_, n) => aLarge(`tenant-${n}`, megabyte));
    const world = await worldOf(new RecordingCluster(given(resource.deployments, ...large)));
    expect(weightOf(world.deployments.list(), Infinity)).toBeLessThan(most * 4_096);
  });
});

describe("a target that was kept as an outline", () => {
  const at = { namespace: "test", targetName: "podinfo", apexName: "podinfo", served: servedRoutes.trafficSplit };

  it("and that is ours by its mark is the same intent, and says the same of itself", async () => {
    const large = aLarge("podinfo", 32_000);
    const whole = { ...large, metadata: { ...large.metadata, labels: { [label.target]: "uid-podinfo" } } };
    const world = await worldOf(new RecordingCluster(given(resource.deployments, structuredClone(whole))));
    const kept = world.deployments.get("test", "podinfo")!;
    expect(isOutline(kept)).toBe(true);
    expect(hashTemplate(kept.spec?.template)).toBe(hashTemplate(whole.spec?.template));
    expect(toTarget(kept, [])).toEqual(toTarget(whole, []));
  });

  it("is read whole once a Canary names it", async () => {
    const cluster = new RecordingCluster(given(resource.deployments, aLarge("podinfo", 32_000)));
    const world = await worldOf(cluster);
    world.canaries.wrote(givenCanary());
    Object.assign(world.canaries, { byIndex: () => [givenCanary()] });
    await fillIn({ cluster, world }, at);
    expect(isOutline(world.deployments.get("test", "podinfo"))).toBe(false);
  });

  it("is kept whole at once where a Canary names it already", async () => {
    const cluster = new RecordingCluster([
      ...given(resource.deployments, aLarge("podinfo", 32_000)),
      ...given(resource.canaries, givenCanary()),
    ]);
    const world = await worldOf(cluster);
    expect(isOutline(world.deployments.get("test", "podinfo"))).toBe(false);
  });

  it("is looked at again where it has changed meanwhile", async () => {
    const world = await worldOf(new RecordingCluster(given(resource.deployments, aLarge("podinfo", 32_000))));
    const newer = aLarge("podinfo", 32_000);
    const cluster = new RecordingCluster(
      given(resource.deployments, { ...newer, metadata: { ...newer.metadata, resourceVersion: "8" } }),
    );
    await expect(fillIn({ cluster, world }, at)).rejects.toThrow(CanaryError);
  });

  it("is not read again and again where it is too large for anybody", async () => {
    const cluster = new RecordingCluster([
      ...given(resource.deployments, aLarge("podinfo", megabyte)),
      ...given(resource.canaries, givenCanary()),
    ]);
    const world = await worldOf(cluster);
    await fillIn({ cluster, world }, at);
    expect(isTooLarge(world.deployments.get("test", "podinfo"))).toBe(true);
  });
});

describe("an outline", () => {
  it("still says by which pods a Deployment is placed", async () => {
    const large = aLarge("other", 32_000);
    const labelSelector = { matchLabels: { app: "podinfo" } };
    const term = { labelSelector, topologyKey: "kubernetes.io/hostname" };
    const podAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [term] };
    Object.assign(large.spec!.template.spec!, { affinity: { podAffinity } });
    const world = await worldOf(new RecordingCluster(given(resource.deployments, large)));
    const kept = world.deployments.get("test", "other")!;
    expect(isOutline(kept)).toBe(true);
    expect(placementsOf(kept, "test")).toEqual([{ where: "podAffinity", selector: labelSelector }]);
  });

  it("is whole where it is a route that is written", async () => {
    const cluster = new RecordingCluster(given(resource.httpRoutes, { ...aRoute(), metadata: named("podinfo") }));
    const world = await worldOf(cluster);
    const kept = world.httpRoutes.get("test", "podinfo")!;
    expect(JSON.stringify(kept).length).toBeLessThan(mostBeside);
    expect(httpRoute.backendsOf(kept)).toEqual(["podinfo-primary"]);
    expect((await wholeOf(cluster, resource.httpRoutes, kept)).spec).toEqual(aRoute().spec);
  });
});

describe("what is kept of", () => {
  it("a Service of the usual size is what is read of it", async () => {
    const apex: V1Service = { ...givenApex(), metadata: { ...givenApex().metadata, labels: { team: "shop" } } };
    const world = await worldOf(new RecordingCluster(given(resource.services, apex)));
    expect(world.services.get("test", "podinfo")?.spec).toEqual(givenApex().spec);
  });

  it("a Canary whose text is too large says what it names", () => {
    const canary = givenCanary();
    canary.spec.analysis = { ...canary.spec.analysis, webhooks: [{ name: text, url: "" }] };
    const kept = shaped(canary);
    expect(isTooLarge(kept.spec)).toBe(true);
    expect(kept.spec.targetRef.name).toBe("podinfo");
    expect(weightOf(kept, mostKept)).toBeLessThan(4_096);
  });

  it("a target of the usual size is all of it", async () => {
    const world = await worldOf(new RecordingCluster(given(resource.deployments, givenTarget())));
    expect(world.deployments.get("test", "podinfo")?.spec).toEqual(givenTarget().spec);
  });
});

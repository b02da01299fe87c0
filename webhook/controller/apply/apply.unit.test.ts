import { describe, expect, it } from "vitest";
import type { ServiceSpec } from "../../../shared/core/objects/canary.ts";
import type { Stored } from "../../../shared/kube/store.ts";
import { label } from "../../../shared/core/objects/names.ts";
import type { Action } from "../../../shared/core/action.ts";
import { CanaryError } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { hashTemplate } from "../../../shared/template-hash.ts";
import { start } from "../../../test/builders.ts";
import {
  everythingMade,
  givenApex,
  givenCanary,
  givenSplit,
  givenTarget,
  givenWorkload,
} from "../../../test/given-objects.ts";
import { type Given, RecordingCluster, servedRoutes, silent, worldOf } from "../../../test/recording-cluster.ts";
import { objectsOf } from "../cache/canary-objects.ts";
import { perform } from "./apply.ts";

const intent = hashTemplate(givenTarget().spec?.template);
const run: Action = { kind: "runCanary", intent, replicas: 2 };
const onlyTheApps: Given = [
  { of: resource.deployments, object: givenTarget() },
  { of: resource.services, object: givenApex() },
];

/** A cluster that was given these objects, and what is done to it; `seen` by the caches so far. */
async function aStage(
  given: Given = everythingMade(),
  seen = given,
  service?: ServiceSpec,
): Promise<{
  cluster: RecordingCluster;
  perform: (action: Action) => Promise<void>;
}> {
  const cluster = new RecordingCluster(given);
  const world = await worldOf(new RecordingCluster(seen));
  const deps = { cluster, world, routes: servedRoutes, log: silent, now: () => start };
  const found = {
    ...deps,
    provider: "linkerd",
    templateNamespaces: [],
    excludedNamespaces: [],
    allowGateways: false,
    hookAddresses: [],
    metricServers: { own: "", allowed: [] },
    alertBounds: { providerNamespaces: [], allowedAddresses: [] },
  };
  const canary = givenCanary();
  const asked = service ? { ...canary, spec: { ...canary.spec, service } } : canary;
  const stage = { objects: objectsOf(found, asked), progressDeadlineMs: 60_000 };
  return { cluster, perform: (action) => perform(deps, stage, action) };
}

describe("an action", () => {
  it("sets a weight in exactly the route that was seen, and touches nothing else", async () => {
    const { cluster, perform } = await aStage();
    await perform({ kind: "setWeight", weight: 30 });
    expect(cluster.calls).toEqual(["replace TrafficSplit podinfo"]);
    expect(cluster.writes[0]?.body).toMatchObject({
      metadata: { uid: "uid-7", resourceVersion: "107" },
      spec: givenSplit(30).spec,
    });
  });

  it("makes the canary Deployment without a pod: a creation that comes too late does no harm", async () => {
    const { cluster, perform } = await aStage(onlyTheApps);
    await perform(run);
    expect(cluster.calls).toEqual(["create Deployment podinfo-canary"]);
    expect(cluster.writes[0]?.body).toMatchObject({ spec: { replicas: 0 } });
  });

  it("writes the canary Deployment in the place of the very one that was seen", async () => {
    const { cluster, perform } = await aStage();
    await perform(run);
    expect(cluster.calls).toEqual(["replace Deployment podinfo-canary"]);
    expect(cluster.writes[0]?.body).toMatchObject({
      metadata: { uid: "uid-3", resourceVersion: "103" },
      spec: { replicas: 2 },
    });
  });

  it("runs no template but the one that was decided on", async () => {
    const { cluster, perform } = await aStage();
    await expect(perform({ ...run, intent: "v1-other" })).rejects.toMatchObject({ code: "Conflict" });
    await expect(perform({ kind: "releaseTarget", intent: "v1-other", run: "x-1" })).rejects.toMatchObject({
      code: "Conflict",
    });
    expect(cluster.calls).toEqual([]);
  });

  it("takes a canary Deployment with another selector away by its UID, and makes none in the same look", async () => {
    const workload = givenWorkload();
    workload.spec!.selector = { matchLabels: { app: "other" } };
    const { cluster, perform } = await aStage([...onlyTheApps, { of: resource.deployments, object: workload }]);
    await perform(run);
    expect(cluster.writes).toEqual([
      {
        verb: "delete",
        kind: "Deployment",
        name: "podinfo-canary",
        precondition: { uid: "uid-3", resourceVersion: "103" },
      },
    ]);
  });

  it("scales only the canary Deployment that was seen", async () => {
    const { cluster, perform } = await aStage();
    await perform({ kind: "scaleCanary", replicas: 0, over: "x-1" });
    expect(cluster.calls).toEqual(["patch Deployment podinfo-canary"]);
    expect(cluster.writes[0]?.body).toMatchObject({
      metadata: { resourceVersion: "103", labels: { [label.over]: "x-1" } },
      spec: { replicas: 0 },
    });
  });

  it("makes both leaves where there are none, and leaves the apex alone", async () => {
    const { cluster, perform } = await aStage(onlyTheApps);
    await perform({ kind: "applyServices" });
    expect(cluster.calls).toEqual(["create Service podinfo-primary", "create Service podinfo-canary"]);
  });

  it("lets Services that we made follow the spec: metadata, zones, ports; the apex of a user is not touched", async () => {
    const service = {
      ...{ port: 9898, portDiscovery: true, trafficDistribution: "PreferClose" },
      ...{ primary: { labels: { team: "a" } }, canary: { annotations: { note: "b" } } },
    };
    const first = await aStage(onlyTheApps, onlyTheApps, service);
    await first.perform({ kind: "applyServices" });
    const [primary, canary] = first.cluster.writes.map(({ body }) => body as Stored);
    expect(primary).toMatchObject({
      metadata: { labels: { team: "a" } },
      spec: { trafficDistribution: "PreferClose" },
    });
    expect(canary).toMatchObject({ metadata: { annotations: { note: "b" } } });
    const made: Given = [...onlyTheApps, ...[primary!, canary!].map((object) => ({ of: resource.services, object }))];
    const second = await aStage(made, made, { port: 9898 });
    await second.perform({ kind: "applyServices" });
    expect(second.cluster.writes).toMatchObject([
      {
        verb: "patch",
        name: "podinfo-primary",
        body: { metadata: { labels: { team: null } }, spec: { trafficDistribution: null } },
      },
      { verb: "patch", name: "podinfo-canary", body: { metadata: { annotations: { note: null } } } },
    ]);
  });

  it("makes an apex with each port of the target's containers where the spec discovers them, and lets it follow", async () => {
    const target = givenTarget();
    target.spec!.template.spec!.containers[0]!.ports = [{ containerPort: 9898, name: "http" }, { containerPort: 9797 }];
    const alone: Given = [{ of: resource.deployments, object: target }];
    const { cluster, perform } = await aStage(alone, alone, { port: 80, targetPort: "http", portDiscovery: true });
    await perform({ kind: "applyServices" });
    const ports = [
      { name: "http", port: 80, targetPort: "http" },
      { name: "tcp-podinfod-1", port: 9797, targetPort: 9797 },
    ];
    expect(cluster.writes.map(({ name }) => name)).toEqual(["podinfo", "podinfo-primary", "podinfo-canary"]);
    for (const { body } of cluster.writes) expect(body).toMatchObject({ spec: { ports } });
    const made: Given = [
      ...alone,
      ...cluster.writes.map(({ body }) => ({ of: resource.services, object: body as Stored })),
    ];
    const after = await aStage(made, made, { port: 8080, targetPort: 9898 });
    await after.perform({ kind: "applyServices" });
    expect(after.cluster.writes[0]).toMatchObject({
      name: "podinfo",
      body: { spec: { ports: [{ port: 8080, targetPort: 9898 }] } },
    });
  });

  it("lets the route follow the spec at the weight that it has", async () => {
    const { cluster, perform } = await aStage(everythingMade(), everythingMade(), {
      port: 9898,
      apex: { labels: { team: "a" } },
    });
    await perform({ kind: "applyRoute" });
    expect(cluster.calls).toEqual(["replace TrafficSplit podinfo"]);
    const found = everythingMade().find(({ of }) => of.kind === "TrafficSplit")?.object as { spec?: unknown };
    expect(cluster.writes[0]?.body).toMatchObject({ metadata: { labels: { team: "a" } }, spec: found.spec });
  });

  it("does not write over a leaf that someone else has made meanwhile", async () => {
    const leaf = { metadata: { name: "podinfo-primary", namespace: "test", uid: "theirs" } };
    const { cluster, perform } = await aStage([...onlyTheApps, { of: resource.services, object: leaf }], onlyTheApps);
    cluster.refuse("create Service podinfo-primary", new CanaryError("AlreadyExists", "there"));
    await perform({ kind: "applyServices" });
    expect(cluster.calls).toEqual(["create Service podinfo-primary", "create Service podinfo-canary"]);
  });

  it("takes away what the provider before had, by exactly what was seen, and not while it makes the new one", async () => {
    const metadata = { ...givenSplit().metadata, uid: "uid-11", resourceVersion: "111" };
    const old = { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata, spec: { rules: [] } };
    const { cluster, perform } = await aStage([...onlyTheApps, { of: resource.httpRoutes, object: old }]);
    await perform({ kind: "applyRoute" });
    await perform({ kind: "removeOtherRoute" });
    expect(cluster.calls).toEqual(["create TrafficSplit podinfo", "delete HTTPRoute podinfo"]);
    expect(cluster.writes[1]?.precondition).toEqual({ uid: "uid-11", resourceVersion: "111" });
  });

  it.each([
    ["its user, who has copied a label of ours", { [label.canary]: "podinfo" }],
    [
      "another Canary of this name, which made it",
      { ...givenSplit().metadata.labels, [label.canaryUid]: "other.1234" },
    ],
  ])("leaves a route of the other kind to %s", async (_whose, labels) => {
    const metadata = { name: "podinfo", namespace: "test", labels };
    const theirs = { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata, spec: { rules: [] } };
    const { cluster, perform } = await aStage([...onlyTheApps, { of: resource.httpRoutes, object: theirs }]);
    await perform({ kind: "removeOtherRoute" });
    expect(cluster.calls).toEqual([]);
  });
});

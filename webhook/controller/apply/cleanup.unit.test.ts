import { describe, expect, it } from "vitest";
import { drainMs } from "../../../shared/core/spec/policy.ts";
import { label } from "../../../shared/core/objects/names.ts";
import { httpRoute, type RouteObject } from "../../../shared/core/routes/routes.ts";
import { CanaryError } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { start } from "../../../test/builders.ts";
import { aCopyOf, at, everythingMade, givenSplit, givenTarget, givenWorkload } from "../../../test/given-objects.ts";
import { type Given, RecordingCluster, servedRoutes, silent as log, worldOf } from "../../../test/recording-cluster.ts";
import { type CleanupDeps, cleanUp, removeOurs } from "./cleanup.ts";
import { createNotGivenBack, StableLost } from "./not-given-back.ts";

async function aCleanup(
  given: Given,
): Promise<{ cluster: RecordingCluster; deps: CleanupDeps; wait: (ms: number) => void }> {
  const cluster = new RecordingCluster(given);
  let now = start;
  const world = await worldOf(cluster);
  const deps = { cluster, world, routes: servedRoutes, log, now: () => now };
  return { cluster, deps, wait: (ms) => void (now += ms) };
}

describe("cleaning up after a Canary", () => {
  it("takes the route first, and nothing else until it has drained", async () => {
    const { cluster, deps } = await aCleanup(everythingMade());
    expect(await cleanUp(deps, at, new Map())).toEqual({ requeueAfterMs: drainMs });
    expect(cluster.calls).toEqual(["delete TrafficSplit podinfo"]);
  });

  it("then takes the canary Deployment, the leaf Services and the kept template, in this order", async () => {
    const made = everythingMade().filter(({ of }) => of !== resource.trafficSplits);
    const { cluster, deps, wait } = await aCleanup(made);
    const gone = new Map<string, number>();
    await cleanUp(deps, at, gone);
    expect(cluster.calls).toEqual([]);
    wait(drainMs);
    await cleanUp(deps, at, gone);
    expect(cluster.calls).toEqual([
      "delete Deployment podinfo-canary",
      "delete Service podinfo-primary",
      "delete Service podinfo-canary",
      "delete ControllerRevision podinfo-stable",
    ]);
  });

  it("deletes nothing but the very objects that it has seen", async () => {
    const { cluster, deps } = await aCleanup(everythingMade());
    await removeOurs(deps, at);
    const preconditions = cluster.writes.map(({ precondition }) => precondition);
    expect(preconditions).toEqual([
      { uid: "uid-7", resourceVersion: "107" },
      { uid: "uid-3", resourceVersion: "103" },
      { uid: "uid-leaf-0", resourceVersion: "105" },
      { uid: "uid-leaf-1", resourceVersion: "106" },
      { uid: "uid-8", resourceVersion: "108" },
    ]);
  });

  it("leaves a copy with another name to its user", async () => {
    const { cluster, deps } = await aCleanup([{ of: resource.deployments, object: aCopyOf(givenWorkload()) }]);
    await removeOurs(deps, at);
    expect(cluster.calls).toEqual([]);
  });

  it("deletes no route for a label that anybody can write: it carries our seal, or is owned by the Canary", async () => {
    const { canaryUid } = label;
    const { [canaryUid]: _seal, ...labels } = { ...givenSplit().metadata.labels };
    const route = (name: string, owners = true): RouteObject => {
      const { ownerReferences, ...metadata } = givenSplit().metadata;
      return { ...givenSplit(), metadata: { ...metadata, name, labels, ...(owners ? { ownerReferences } : {}) } };
    };
    const all = [route("of-an-earlier-version"), route("labelled-by-its-user", false)];
    const { cluster, deps } = await aCleanup(all.map((object) => ({ of: resource.trafficSplits, object })));
    await cleanUp(deps, at, new Map());
    expect(cluster.calls).toEqual(["delete TrafficSplit of-an-earlier-version"]);
  });

  it("takes traffic from the canary although a Deployment cannot be given back, and says so afterwards", async () => {
    const target = givenTarget({ [label.target]: "uid-1" });
    const others = everythingMade().filter(({ object }) => object.metadata?.uid !== "uid-1");
    const { cluster, deps } = await aCleanup([{ of: resource.deployments, object: target }, ...others]);
    cluster.refuse("replace Deployment podinfo", new CanaryError("Forbidden", "not today"));
    await expect(cleanUp(deps, at, new Map())).rejects.toThrow("not today");
    expect(cluster.calls).toEqual(["replace Deployment podinfo", "delete TrafficSplit podinfo"]);
  });

  describe("of a Deployment that was held and whose stable template is lost", () => {
    const held = givenTarget({ [label.target]: "uid-1", [label.held]: "running", [label.stable]: "gone" });
    const given: Given = [{ of: resource.deployments, object: held }];

    it("says on it what a person must do, once, and tries again", async () => {
      const { cluster, deps } = await aCleanup(given);
      const notGivenBack = createNotGivenBack({ ...deps, instance: "pod-1" });
      const look = (): Promise<unknown> => cleanUp({ ...deps, notGivenBack }, at, new Map());
      await expect(look()).rejects.toThrow(StableLost);
      expect(cluster.calls).toEqual([expect.stringMatching(/^create Event podinfo\.[0-9a-f]{8}$/)]);
      expect(cluster.writes[0]?.body).toMatchObject({
        involvedObject: { kind: "Deployment", name: "podinfo", uid: "uid-1" },
        type: "Warning",
        message:
          "The Canary of Deployment podinfo is gone, and it could not be given back: The ReplicaSet of stable (gone) of podinfo is gone: its template cannot be put back. Its pods serve on, and its rollout stays held. Say what is to run: kubectl -n test label deploy podinfo kubectl-canary.io/bypass=stable-lost, then write that template, or let the held one go out: kubectl -n test rollout resume deploy podinfo",
      });
      cluster.refuse(cluster.calls[0]!, new CanaryError("AlreadyExists", "there"));
      await expect(look()).rejects.toThrow(StableLost);
      expect(new Set(cluster.calls).size).toBe(1);
    });

    it("goes on where that cannot be said", async () => {
      const { cluster, deps } = await aCleanup([...given, { of: resource.trafficSplits, object: givenSplit() }]);
      await expect(
        cleanUp({ ...deps, notGivenBack: createNotGivenBack({ ...deps, instance: "pod-1" }) }, at, new Map()),
      ).rejects.toThrow(StableLost);
      const [event] = cluster.calls;
      cluster.refuse(event!, new CanaryError("Forbidden", "not today"));
      await expect(
        cleanUp({ ...deps, notGivenBack: createNotGivenBack({ ...deps, instance: "pod-1" }) }, at, new Map()),
      ).rejects.toThrow(StableLost);
      expect(cluster.calls).toEqual([event, "delete TrafficSplit podinfo", event, "delete TrafficSplit podinfo"]);
    });
  });

  it("says what refuses a Deployment to be given back, and nothing of a mere conflict", async () => {
    const target = givenTarget({ [label.target]: "uid-1" });
    const { cluster, deps } = await aCleanup([{ of: resource.deployments, object: target }]);
    const notGivenBack = createNotGivenBack({ ...deps, instance: "pod-1" });
    cluster.refuse("replace Deployment podinfo", new CanaryError("Conflict", "it moved"));
    await expect(cleanUp({ ...deps, notGivenBack }, at, new Map())).rejects.toThrow("it moved");
    expect(cluster.calls).toEqual(["replace Deployment podinfo"]);
    const refusing = await aCleanup([{ of: resource.deployments, object: target }]);
    refusing.cluster.refuse("replace Deployment podinfo", new CanaryError("Forbidden", "Not today."));
    const says = createNotGivenBack({ ...refusing.deps, instance: "pod-1" });
    await expect(cleanUp({ ...refusing.deps, notGivenBack: says }, at, new Map())).rejects.toThrow();
    expect(refusing.cluster.writes.at(-1)?.body).toMatchObject({
      message:
        "The Canary of Deployment podinfo is gone, and it could not be given back: Not today. It serves on as it is, and this is tried again.",
    });
  });

  describe("with a route of the user's", () => {
    const aRoute = (weight: number) => {
      const backendRefs = [
        { kind: "Service", name: "podinfo-primary", port: 9898, weight: 100 - weight },
        { kind: "Service", name: "podinfo-canary", port: 9898, weight },
      ];
      const metadata = { ...at, uid: "uid-10", resourceVersion: "110" };
      const spec = { parentRefs: [{ kind: "Service", name: "podinfo", group: "" }], rules: [{ backendRefs }] };
      return { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata, spec };
    };
    const madeWith = (weight: number): Given => [
      ...everythingMade().filter(({ of }) => of !== resource.trafficSplits),
      { of: resource.httpRoutes, object: aRoute(weight) },
    ];

    it("gives the canary's leaf weight 0 there, and drains", async () => {
      const { cluster, deps } = await aCleanup(madeWith(30));
      expect(await cleanUp(deps, at, new Map())).toEqual({ requeueAfterMs: drainMs });
      expect(cluster.calls).toEqual(["replace HTTPRoute podinfo"]);
      expect(httpRoute.read(cluster.writes[0]?.body as RouteObject, "podinfo")).toMatchObject({ weight: 0 });
    });

    it("leaves the Services that it names", async () => {
      const { cluster, deps } = await aCleanup(madeWith(0));
      await cleanUp(deps, at, new Map([["test/podinfo", start - drainMs]]));
      expect(cluster.calls).toEqual(["delete Deployment podinfo-canary", "delete ControllerRevision podinfo-stable"]);
    });
  });
});

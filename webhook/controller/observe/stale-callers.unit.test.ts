import type { V1Pod } from "@kubernetes/client-node";
import { expect, it } from "vitest";
import { httpRoute } from "../../../shared/core/routes/routes.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { RecordingCluster, worldOf } from "../../../test/recording-cluster.ts";
import type { Caller, EvidenceRequest } from "../../evidence/types.ts";
import { podsOlderThanRoute } from "./stale-callers.ts";

class Counting extends RecordingCluster {
  pods = 0;

  override async get<T>(...[of, at]: Parameters<RecordingCluster["get"]>): Promise<T> {
    if (of.kind !== "Pod") return super.get<T>(of, at);
    this.pods += 1;
    const pod: V1Pod = { metadata: { name: at.name, namespace: "test", creationTimestamp: new Date(0) } };
    return Promise.resolve(pod as T);
  }
}

async function read(callers: readonly Caller[], prometheus: string): Promise<{ pods: number; found: number }> {
  const at = { namespace: "test", creationTimestamp: new Date(1_000) };
  const route = { apiVersion: "gateway.networking.k8s.io/v1", kind: httpRoute.kind, metadata: { name: "web", ...at } };
  const profile = { metadata: { name: "web.test.svc.cluster.local", ...at }, spec: { dstOverrides: [{}] } };
  const cluster = new Counting([
    { of: resource.httpRoutes, object: route },
    { of: resource.serviceProfiles, object: profile },
  ]);
  const world = await worldOf(cluster);
  const request = { namespace: "test", apex: { name: "web", port: 80 }, prometheus } as unknown as EvidenceRequest;
  const metricsServer = "http://prometheus.own:9090";
  const found = await podsOlderThanRoute({ cluster, world, metricsServer }, callers, request);
  await world.stop();
  return { pods: cluster.pods, found: found.length };
}

const caller = (namespace: string, n: number): Caller =>
  ({ namespace, pod: `load-${n}`, dstService: "web" }) as unknown as Caller;

it("reads the pods of so many callers at most, however many a Prometheus names", async () => {
  const callers = Array.from({ length: 1_000 }, (_, n) => caller("test", n));
  expect(await read(callers, "http://prometheus.own:9090/")).toEqual({ pods: 50, found: 50 });
});

it("reads no other namespace's pods for a Prometheus that a tenant names: it could ask what is there", async () => {
  const callers = [caller("kube-system", 1), caller("test", 2)];
  expect(await read(callers, "http://prometheus.test.svc:9090")).toMatchObject({ pods: 1 });
  expect(await read(callers, "http://prometheus.own:9090")).toMatchObject({ pods: 2 });
});

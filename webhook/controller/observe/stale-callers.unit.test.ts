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

it("reads the pods of so many callers at most, however many a Prometheus names", async () => {
  const at = { namespace: "test", creationTimestamp: new Date(1_000) };
  const route = { apiVersion: "gateway.networking.k8s.io/v1", kind: httpRoute.kind, metadata: { name: "web", ...at } };
  const profile = { metadata: { name: "web.test.svc.cluster.local", ...at }, spec: { dstOverrides: [{}] } };
  const cluster = new Counting([
    { of: resource.httpRoutes, object: route },
    { of: resource.serviceProfiles, object: profile },
  ]);
  const world = await worldOf(cluster);
  const callers = Array.from(
    { length: 1_000 },
    (_, n) => ({ namespace: "test", pod: `load-${n}`, dstService: "web" }) as unknown as Caller,
  );
  const request = { namespace: "test", apex: { name: "web", port: 80 } } as unknown as EvidenceRequest;
  const found = await podsOlderThanRoute({ cluster, world }, callers, request);
  expect([cluster.pods, found.length]).toEqual([50, 50]);
  await world.stop();
});

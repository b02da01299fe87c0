import type { V2HorizontalPodAutoscaler } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { aReplica } from "../../../test/a-replica.ts";
import { everythingMade, givenCanary } from "../../../test/given-objects.ts";
import { ManualClock } from "../../../test/kube/manual-clock.ts";
import { RecordingCluster } from "../../../test/recording-cluster.ts";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import type { WatchEvent } from "../../../shared/kube/cluster.ts";
import { resource } from "../../../shared/kube/resources.ts";
import type { Stored } from "../../../shared/kube/store.ts";
import { watchAutoscalers } from "./autoscalers.ts";

const readable = ["horizontalpodautoscalers"];

function scaling(target: string, version = 1): V2HorizontalPodAutoscaler & Stored {
  const status = { currentReplicas: version, desiredReplicas: version };
  const metadata = { name: "shop", namespace: "test", uid: "uid-30", resourceVersion: String(version) };
  return { metadata, spec: { maxReplicas: 9, scaleTargetRef: { kind: "Deployment", name: target } }, status };
}

function naming(name: string): Canary {
  const { spec, ...rest } = givenCanary();
  return { ...rest, spec: { ...spec, autoscalerRef: { apiVersion: "v2", kind: "HorizontalPodAutoscaler", name } } };
}

describe("an autoscaler that spec.autoscalerRef names", () => {
  const warningsBy = async (canary: Canary, may = readable): Promise<string[]> => {
    const given = [...everythingMade(), { of: resource.horizontalPodAutoscalers, object: scaling("other") }];
    const { cluster, look } = await aReplica({ given, readable: may });
    await look(canary);
    const written = cluster.writes.find(({ kind, subresource }) => kind === "Canary" && subresource === "status");
    return (written?.body as Canary).status?.warnings ?? [];
  };

  it("and that is not there, or scales something else, is said in the status", async () => {
    expect(await warningsBy(naming("gone"))).toContain(
      "HorizontalPodAutoscaler gone, which spec.autoscalerRef names, is not there: load that grows under a run is not seen by it.",
    );
    expect(await warningsBy(naming("shop"))).toContain(
      "HorizontalPodAutoscaler shop, which spec.autoscalerRef names, scales Deployment other, not Deployment podinfo: load that grows under a run is not seen by it.",
    );
  });

  it("is nothing to speak of where it may not be read", async () => {
    expect(JSON.stringify(await warningsBy(naming("gone"), []))).not.toContain("autoscalerRef");
  });
});

it("wakes Canaries that name one when it comes, scales something else, or goes, and not when it has scaled", async () => {
  const events: WatchEvent<Stored>[] = [
    { type: "ADDED", object: scaling("podinfo", 2) },
    { type: "MODIFIED", object: scaling("podinfo", 3) },
    { type: "MODIFIED", object: scaling("other", 4) },
    { type: "DELETED", object: scaling("other", 5) },
  ];
  let isOver = (): void => undefined;
  const over = new Promise<void>((resolve) => (isOver = resolve));
  const woken: (readonly string[])[] = [];
  const cluster = new (class extends RecordingCluster {
    override async *watch<T>(): AsyncIterable<WatchEvent<T>> {
      yield* events as WatchEvent<T>[];
      isOver();
      await new Promise(() => undefined);
    }
  })([]);
  const nothing = (): void => undefined;
  const { autoscalers } = watchAutoscalers(
    {
      ...{
        cluster,
        clock: new ManualClock(),
        random: () => 0,
        namespaces: [],
        onError: nothing,
        onUnreadable: nothing,
      },
      wake: (keys) => void woken.push(keys),
    },
    readable,
    { byNamespace: "namespace", canariesIn: () => [naming("shop"), { ...givenCanary(), metadata: { name: "other" } }] },
  );
  autoscalers?.start();
  await over;
  expect(woken).toEqual([["test/podinfo"], ["test/podinfo"], ["test/podinfo"]]);
});

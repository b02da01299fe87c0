/** The tree of objects under a canary's status. */
import type { V1Deployment, V1Pod, V1ReplicaSet } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import type { Objects, Seen } from "./types.ts";
import { renderCanary } from "../render/canary.ts";
import { renderTree } from "../render/object-tree.ts";
import { viewCanary } from "./canary-view.ts";
import { label } from "../../shared/core/objects/names.ts";
import { aDeployment, canaryImages, now, scope, stableImages } from "../../test/plugin/fixtures/seen.ts";
import { states } from "../../test/plugin/fixtures/states.ts";

const plain = { colour: false, unicode: true, width: Infinity };

function owned(name: string, owner: string): { name: string; ownerReferences: never[] } {
  return { name, ownerReferences: [{ apiVersion: "v1", kind: "x", name: owner, uid: owner }] as never[] };
}

function aSet(name: string, owner: string, replicas: number, ready = replicas): V1ReplicaSet {
  const image = owner === "podinfo" ? stableImages.podinfod : canaryImages.podinfod;
  const { spec } = aDeployment(owner, replicas, image);
  const labels = { "pod-template-hash": name.split("-").at(-1) ?? "" };
  return {
    metadata: { ...owned(name, owner), labels, uid: name },
    spec: { replicas, selector: {}, template: spec!.template },
    status: { replicas, readyReplicas: ready },
  };
}

function aPod(name: string, owner: string, reason?: string): V1Pod {
  const state = reason ? { waiting: { reason } } : { running: {} };
  const container = { name: "podinfod", image: "", imageID: "", ready: !reason, restartCount: reason ? 3 : 0, state };
  return {
    metadata: owned(name, owner),
    spec: { containers: [{ name: "podinfod" }] },
    status: { phase: "Running", containerStatuses: [container] },
  };
}

const withUid = (deployment: V1Deployment, labels: Record<string, string> = {}): V1Deployment => ({
  ...deployment,
  metadata: { ...deployment.metadata, uid: deployment.metadata?.name ?? "", labels },
});

const objects: Objects = {
  replicaSets: [
    aSet("podinfo-6d4f8b9c5", "podinfo", 4),
    aSet("podinfo-older", "podinfo", 0),
    aSet("podinfo-canary-7f9c6d4b8", "podinfo-canary", 2, 1),
  ],
  pods: [
    aPod("podinfo-6d4f8b9c5-aaaaa", "podinfo-6d4f8b9c5"),
    aPod("podinfo-canary-7f9c6d4b8-bbbbb", "podinfo-canary-7f9c6d4b8"),
    aPod("podinfo-canary-7f9c6d4b8-ccccc", "podinfo-canary-7f9c6d4b8", "CrashLoopBackOff"),
  ],
  services: [{ metadata: { name: "podinfo" }, spec: { selector: { app: "podinfo" }, ports: [{ port: 9898 }] } }],
  autoscalers: [
    {
      metadata: { name: "podinfo" },
      spec: { minReplicas: 2, maxReplicas: 10, scaleTargetRef: { kind: "Deployment", name: "podinfo" } },
      status: { currentReplicas: 4, desiredReplicas: 5, conditions: [] },
    },
    { metadata: { name: "of-another" }, spec: { maxReplicas: 3, scaleTargetRef: { kind: "Deployment", name: "web" } } },
  ],
  unread: [],
};

const progressing = states["progressing"] as Seen;
const seen: Seen = {
  ...progressing,
  target: withUid(aDeployment("podinfo", 4, canaryImages.podinfod), { [label.held]: "running" }),
  workload: withUid(aDeployment("podinfo-canary", 2, canaryImages.podinfod)),
  objects,
};

describe("the tree of a canary", () => {
  it("names pods that are not ready, ReplicaSets that have pods, and what the route gives", () => {
    const { tree } = viewCanary(seen, scope, now);
    expect(renderTree(tree ?? [], { style: plain, now })).toEqual([
      "OBJECT                                   READY   WHAT",
      "deployment/podinfo                         4/4   asks for podinfo:1.7.1, held",
      "  replicaset/podinfo-6d4f8b9c5             4/4   podinfo:1.7.0, stable",
      "deployment/podinfo-canary                  2/2   asks for podinfo:1.7.1",
      "  replicaset/podinfo-canary-7f9c6d4b8      1/2   podinfo:1.7.1",
      "    pod/podinfo-canary-7f9c6d4b8-ccccc     0/1   CrashLoopBackOff, 3 restarts",
      "service/podinfo                                  port 9898 to pods with app=podinfo",
      "trafficsplit/podinfo                             canary 20%, primary 80%",
      "hpa/podinfo                                      2 to 10 pods of podinfo, now 4, wants 5",
    ]);
  });

  it("has every pod where it is shown wide", () => {
    const text = renderCanary(viewCanary(seen, scope, now), { style: plain, now, wide: true });
    expect(text).toContain("    pod/podinfo-6d4f8b9c5-aaaaa            1/1   Running\n");
  });

  it("is left out where it was not read, and says what may not be", () => {
    expect(viewCanary(progressing, scope, now).tree).toBeNull();
    const unread = ["Not shown: what needs permission to list pods in namespace test."];
    const view = viewCanary({ ...seen, objects: { ...objects, pods: [], unread } }, scope, now);
    expect(view.unread).toEqual(unread);
  });
});

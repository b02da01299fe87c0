import type { V1Deployment, V1EndpointSlice, V1ReplicaSet } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { rejectedCondition } from "../../../shared/core/admission/rejection.ts";
import { heldValue, label } from "../../../shared/core/objects/names.ts";
import { hashTemplate } from "../../../shared/template-hash.ts";
import { areAlikeByName, behind, toEndpoints, toRevision, toTarget, toWorkload } from "./from-objects.ts";

const template = (image: string): NonNullable<V1Deployment["spec"]>["template"] => ({
  metadata: { labels: { app: "podinfo" } },
  spec: { containers: [{ name: "podinfod", image }] },
});

function aDeployment(overrides: Partial<V1Deployment> = {}): V1Deployment {
  return {
    metadata: { name: "podinfo", namespace: "test", uid: "uid-1", generation: 2, labels: { [label.target]: "uid-1" } },
    spec: { replicas: 2, selector: { matchLabels: { app: "podinfo" } }, template: template("podinfo:1") },
    status: { observedGeneration: 2, updatedReplicas: 2, replicas: 2, readyReplicas: 2, availableReplicas: 2 },
    ...overrides,
  };
}

function aReplicaSet(image: string, hash: string, replicas: number, revision = "1"): V1ReplicaSet {
  const { metadata, spec } = template(image);
  return {
    metadata: {
      name: `podinfo-${hash}`,
      labels: { [label.podTemplateHash]: hash },
      annotations: { "deployment.kubernetes.io/revision": revision },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name: "podinfo", uid: "uid-1", controller: true }],
    },
    spec: {
      replicas,
      selector: {},
      template: {
        metadata: { labels: { ...metadata?.labels, [label.podTemplateHash]: hash } },
        ...(spec ? { spec } : {}),
      },
    },
  };
}

describe("a target", () => {
  it("has the same intent as the ReplicaSet that Kubernetes made of it", () => {
    expect(toRevision(aReplicaSet("podinfo:1", "abc", 2)).version.hash).toBe(toTarget(aDeployment(), []).intent);
  });

  it("leaves its labels in the ReplicaSets that have pods, without the one that Kubernetes adds", () => {
    expect(toRevision(aReplicaSet("podinfo:1", "abc", 2)).labels).toEqual(
      aDeployment().spec?.template.metadata?.labels,
    );
    expect(toRevision(aReplicaSet("podinfo:1", "abc", 0))).not.toHaveProperty("labels");
  });

  it("is opted in only by a label with its own UID: a copy carries another's", () => {
    expect(toTarget(aDeployment(), []).optedIn).toBe(true);
    const copy = aDeployment();
    copy.metadata = { ...copy.metadata, uid: "uid-2" };
    expect(toTarget(copy, []).optedIn).toBe(false);
  });

  it.each([
    ["Kubernetes has not seen its spec", { observedGeneration: 1 }],
    ["a pod is old", { updatedReplicas: 1 }],
    ["a pod is left over", { replicas: 3 }],
    ["a pod is not ready", { readyReplicas: 1 }],
    ["a pod is not available", { availableReplicas: 1 }],
  ])("is not rolled out while %s", (_why, status) => {
    const deployment = aDeployment();
    expect(toTarget(deployment, []).rolledOut).toBe(true);
    expect(toTarget({ ...deployment, status: { ...deployment.status, ...status } }, []).rolledOut).toBe(false);
  });

  it("says how many pods are available once every pod is of its template", () => {
    const deployment = aDeployment();
    const having = (status: object): number | undefined =>
      toTarget({ ...deployment, status: { ...deployment.status, ...status } }, []).available;
    expect(having({ availableReplicas: 1 })).toBe(1);
    expect(having({ readyReplicas: 1 })).toBe(1);
    expect(having({ replicas: 3 })).toBeUndefined();
    expect(having({ observedGeneration: 0 })).toBeUndefined();
  });

  it("lists the versions whose ReplicaSets have pods, oldest first", () => {
    const revisions = [
      toRevision(aReplicaSet("podinfo:2", "new", 1, "9")),
      toRevision(aReplicaSet("podinfo:0", "gone", 0, "1")),
      toRevision(aReplicaSet("podinfo:1", "old", 1, "8")),
    ];
    expect(toTarget(aDeployment(), revisions).active.map((version) => version.podTemplateHash)).toEqual(["old", "new"]);
  });

  it("remembers whether its user had paused it before it was held", () => {
    const held = aDeployment();
    held.metadata = { ...held.metadata, labels: { ...held.metadata?.labels, [label.held]: heldValue.pausedByUser } };
    expect(toTarget(held, [])).toMatchObject({ held: true, pausedByUser: true });
  });

  it("tells our own rejection from a rollout that is stuck by itself", () => {
    const stuck = (message: string): V1Deployment =>
      aDeployment({
        status: { conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message }] },
      });
    expect(toTarget(stuck("it has timed out"), [])).toMatchObject({ markedRejected: false, stuck: "it has timed out" });
    const rejected = toTarget(stuck(rejectedCondition("bad", "v1-1").message), []);
    expect(rejected.markedRejected).toBe(true);
    expect(rejected.stuck).toBeUndefined();
  });
});

describe("a canary's workload", () => {
  it("knows its revision once there is a ReplicaSet of its present template", () => {
    const canary = aDeployment();
    canary.metadata = { ...canary.metadata, labels: { [label.intent]: "v1-x" } };
    expect(toWorkload(canary, []).podTemplateHash).toBeUndefined();
    const revisions = [toRevision(aReplicaSet("podinfo:0", "old", 0)), toRevision(aReplicaSet("podinfo:1", "now", 2))];
    expect(toWorkload(canary, revisions)).toMatchObject({ intent: "v1-x", replicas: 2, podTemplateHash: "now" });
    expect(revisions[1]?.version.hash).toBe(hashTemplate(canary.spec?.template));
  });
});

describe("endpoints", () => {
  it("count each ready pod once, by the template in its name", () => {
    const endpoint = (name: string, ready: boolean): NonNullable<V1EndpointSlice["endpoints"]>[number] => ({
      addresses: [],
      conditions: { ready },
      targetRef: { kind: "Pod", name },
    });
    const slices = [
      { endpoints: [endpoint("podinfo-canary-abc-1", true), endpoint("podinfo-canary-abc-2", false)] },
      { endpoints: [endpoint("podinfo-canary-abc-1", true), endpoint("podinfo-canary-def-1", true)] },
    ] as unknown as V1EndpointSlice[];
    expect(toEndpoints(slices)).toEqual({ ready: 2, byRevision: { abc: 1, def: 1 } });
  });
});

describe("what is behind a leaf Service", () => {
  const slice = (uid: string): V1EndpointSlice => ({
    metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Service", name: "podinfo-canary", uid }] },
    addressType: "IPv4",
    endpoints: [],
  });

  it("is nothing once it is deleted, though its slices stay for a moment, also beside its successor", () => {
    const [old, own] = [slice("old"), slice("own")];
    expect(behind(undefined, [old])).toEqual([]);
    expect(behind({ metadata: { uid: "own" } }, [old, own])).toEqual([own]);
  });

  it("is also what someone else put there by hand", () => {
    const made: V1EndpointSlice = { metadata: {}, addressType: "IPv4", endpoints: [] };
    expect(behind({ metadata: { uid: "own" } }, [made])).toEqual([made]);
  });
});

describe("endpoints of a Deployment with a long name", () => {
  it("are known by the ReplicaSet whose name Kubernetes cut for them", () => {
    const name = "shop-production-checkout-frontend-gateway-api";
    const replicaSet = aReplicaSet("podinfo:1", "7d9f8b6c5d", 1);
    const revision = toRevision({
      ...replicaSet,
      metadata: { ...replicaSet.metadata, name: `${name}-canary-7d9f8b6c5d` },
    });
    const pod = `${`${name}-canary-7d9f8b6c5d-`.slice(0, 58)}x2k9z`;
    const slices = [{ endpoints: [{ conditions: { ready: true }, targetRef: { name: pod } }] }];
    expect(pod).toHaveLength(63);
    expect(toEndpoints(slices as unknown as V1EndpointSlice[], [revision])).toEqual({
      ready: 1,
      byRevision: { "7d9f8b6c5d": 1 },
    });
  });
});

describe("a copy of a held Deployment", () => {
  it("is not held by us: its marks name another", () => {
    const labels = { [label.target]: "uid-of-the-original", [label.held]: heldValue.running };
    const copy = aDeployment();
    copy.metadata = { ...copy.metadata, labels };
    expect(toTarget(copy, [])).toMatchObject({ optedIn: false, held: false });
  });

  it("are known by their labels where names of two versions are cut to the same", () => {
    const named = (hash: string) => toRevision(structuredClone({ ...aReplicaSet("p:1", hash, 1) }));
    const cut = (hash: string): ReturnType<typeof named> => {
      const revision = named(hash);
      return { ...revision, metadata: { ...revision.metadata, name: `${"n".repeat(60)}-${hash}` } };
    };
    const revisions = [cut("7d9f8b6c5d"), cut("5c7b9d8f66")];
    expect([areAlikeByName(revisions), areAlikeByName([named("abc"), named("def")])]).toEqual([true, false]);
    const pods = ["x2k4q", "9cw75"].map((end) => `${"n".repeat(58)}${end}`);
    const slices = [{ endpoints: pods.map((name) => ({ conditions: { ready: true }, targetRef: { name } })) }];
    const labelled = new Map([
      [pods[0]!, "7d9f8b6c5d"],
      [pods[1]!, "5c7b9d8f66"],
    ]);
    expect(toEndpoints(slices as unknown as V1EndpointSlice[], revisions, labelled)).toEqual({
      ready: 2,
      byRevision: { "7d9f8b6c5d": 1, "5c7b9d8f66": 1 },
    });
  });
});

describe("a rollout that may leave nobody", () => {
  const may = (replicas: number, rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string }) =>
    toTarget(
      aDeployment({
        spec: {
          replicas,
          selector: {},
          template: template("podinfo:1"),
          strategy: { type: "RollingUpdate", ...(rollingUpdate ? { rollingUpdate } : {}) },
        },
      }),
      [],
    ).mayLeaveNobody === true;

  it("is one that may take as many pods away as there are", () => {
    expect(may(1, { maxSurge: 0, maxUnavailable: 1 })).toBe(true);
    expect(may(1, { maxSurge: 0, maxUnavailable: "25%" })).toBe(true);
    expect(may(4, { maxSurge: "50%", maxUnavailable: "100%" })).toBe(true);
    expect(may(1)).toBe(false);
    expect(may(4, { maxSurge: 0, maxUnavailable: 1 })).toBe(false);
    expect(may(4, { maxSurge: 0, maxUnavailable: "99%" })).toBe(false);
    expect(may(0, { maxSurge: 0, maxUnavailable: 1 })).toBe(false);
  });
});

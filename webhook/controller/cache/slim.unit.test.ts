import type { V1ManagedFieldsEntry, V1ReplicaSet } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { lastAppliedAnnotation } from "../../../shared/core/objects/last-applied.ts";
import { formatErrors, parsePolicy } from "../../../shared/core/spec/policy.ts";
import { aDeployment, aSpec } from "../../../test/builders.ts";
import { toRevision, toTarget } from "../objects/from-objects.ts";
import { shaped, slim, slimDeployment } from "./slim.ts";

const entry: V1ManagedFieldsEntry = {
  manager: "helm",
  operation: "Update",
  fieldsType: "FieldsV1",
  fieldsV1: {
    "f:spec": { "f:template": Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`f:env-${n}`, {}])) },
  },
};

/** As a cluster with Helm and kubectl has them: most of it is bookkeeping. */
const bookkeeping = {
  managedFields: [entry],
  annotations: { [lastAppliedAnnotation]: "x".repeat(4_000), team: "shop" },
};

describe("what is kept in memory", () => {
  it("of any object is without what is kept by others for others", () => {
    const { metadata } = slim({ metadata: { name: "podinfo", ...structuredClone(bookkeeping) } });
    expect(metadata).toEqual({ name: "podinfo", annotations: { team: "shop" } });
  });

  it("of a Deployment still says who wrote its template", () => {
    const deployment = aDeployment();
    const kept = slimDeployment({
      ...deployment,
      metadata: { ...deployment.metadata, ...structuredClone(bookkeeping) },
    });
    expect(kept.metadata?.managedFields).toBeUndefined();
    expect(toTarget(kept, []).changedBy).toBe("helm");
  });

  it("of a ReplicaSet is less than a kilobyte, whatever its owner put into it", () => {
    const labels = { "pod-template-hash": "abc", "helm.sh/chart": "x".repeat(63) };
    const { spec } = aDeployment();
    const replicaSet: V1ReplicaSet = {
      metadata: { name: "podinfo-abc", namespace: "test", uid: "uid-2", resourceVersion: "7", labels, ...bookkeeping },
      spec: { selector: {}, template: spec!.template, replicas: 1 },
    };
    expect(JSON.stringify(toRevision(replicaSet)).length).toBeLessThan(1_024);
  });
});

describe("a Canary of any shape", () => {
  const bare = (spec: unknown): Canary =>
    ({ apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name: "podinfo" }, spec }) as Canary;

  it.each([undefined, null, {}, { targetRef: null }, { analysis: null }])("can be asked for its target: %j", (spec) => {
    const canary = shaped(bare(spec));
    expect(canary.spec.targetRef.name).toBe("");
    const policy = parsePolicy(canary.spec);
    expect(policy.ok ? "" : formatErrors(policy.errors)).toContain("spec.targetRef.name: is required");
  });

  it("is left as it is where it has one", () => {
    expect(shaped(bare(aSpec())).spec).toEqual(aSpec());
  });
});

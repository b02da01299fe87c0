// A label that the next version changes: while it is held it is in the target's template already, and stable's pods have the old one.
import type { V1ReplicaSet } from "@kubernetes/client-node";
import { expect, it } from "vitest";
import { label } from "../../../shared/core/objects/names.ts";
import { soundFacts } from "../../../test/plugin/fixtures/doctor-facts.ts";
import { diagnose } from "./diagnose.ts";
import type { Facts } from "./facts.ts";

const facts = soundFacts();
const target = structuredClone(facts.target!);
target.metadata = { ...target.metadata, uid: "uid-1" };
target.spec!.template.metadata = { labels: { app: "podinfo", tier: "api" } };

function replicaSet(hash: string, uid: string, tier: string): V1ReplicaSet {
  const labels = { app: "podinfo", tier, [label.podTemplateHash]: hash };
  const owner = { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo", uid };
  return { metadata: { labels, ownerReferences: [owner] }, spec: { selector: {}, template: { metadata: { labels } } } };
}

const byTier = {
  metadata: { name: "web", namespace: "test" },
  spec: { podSelector: { matchLabels: { tier: "web" } }, ingress: [{ from: [{ podSelector: {} }] }] },
};

const found = (replicaSets: Facts["replicaSets"]) =>
  diagnose({ ...facts, target, replicaSets, selecting: { networkPolicies: [byTier] } }).map(({ fault }) => fault);

it("is found where a policy selects stable's pods by it", () => {
  const stables = replicaSet(facts.canary?.status?.stable?.podTemplateHash ?? "", "uid-1", "web");
  expect(found([replicaSet("other", "uid-1", "api"), stables])).toContain("network-policy-opens-canary");
});

it("is no matter where stable's pods have the new one too, or are another's", () => {
  const hash = facts.canary?.status?.stable?.podTemplateHash ?? "";
  expect(found([replicaSet(hash, "uid-1", "api")])).not.toContain("network-policy-opens-canary");
  expect(found([replicaSet(hash, "uid-2", "web")])).not.toContain("network-policy-opens-canary");
  expect(found(undefined)).not.toContain("network-policy-opens-canary");
});

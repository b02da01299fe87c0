import type { V1ObjectMeta } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { restartCommand, restartLines, workloadOf } from "./restart-command.ts";

const ownedBy = (kind: string, name: string, labels: Record<string, string> = {}): V1ObjectMeta => ({
  labels,
  ownerReferences: [{ apiVersion: "apps/v1", kind, name, uid: "u", controller: true }],
});

describe("the workload behind a pod", () => {
  it.each<[string, string, V1ObjectMeta | undefined, string]>([
    [
      "a Deployment's, by its ReplicaSet",
      "front-end-6d4f8b9c5-x2x4k",
      ownedBy("ReplicaSet", "front-end-6d4f8b9c5", { "pod-template-hash": "6d4f8b9c5" }),
      "deployment/front-end",
    ],
    ["a StatefulSet's", "load-gen-0", ownedBy("StatefulSet", "load-gen"), "statefulset/load-gen"],
    ["a DaemonSet's", "fluent-bit-x7k2p", ownedBy("DaemonSet", "fluent-bit"), "daemonset/fluent-bit"],
    ["a Job's, which nothing restarts", "once-x7k2p", ownedBy("Job", "once"), "pod/once-x7k2p"],
    ["its own", "x", {}, "pod/x"],
    ["a Deployment's, by the name alone", "load-6d4f8b9c5-x2x4k", undefined, "deployment/load"],
    ["not known by a name with an ordinal", "kafka-broker-2", undefined, "pod/kafka-broker-2"],
    ["not known by a name with one suffix", "fluent-bit-x7k2p", undefined, "pod/fluent-bit-x7k2p"],
  ])("is %s", (_what, pod, metadata, workload) => {
    expect(workloadOf(pod, metadata)).toBe(workload);
  });
});

describe("the command that restarts", () => {
  it("is kubectl's for each kind of workload", () => {
    expect(restartCommand("shop", "deployment/load", " --context blue")).toBe(
      "kubectl -n shop rollout restart deploy/load --context blue",
    );
    expect(restartCommand("shop", "statefulset/db")).toBe("kubectl -n shop rollout restart statefulset/db");
    expect(restartCommand("shop", "pod/x")).toBe("kubectl -n shop delete pod/x");
  });

  it("is one for all pods of a workload", () => {
    const callers = [
      { pod: "shop/load-gen-0", workload: "statefulset/load-gen" },
      { pod: "shop/load-gen-1", workload: "statefulset/load-gen" },
      { pod: "web/front-6d4f8b9c5-x2x4k" },
    ];
    expect(restartLines(callers)).toBe(
      "kubectl -n shop rollout restart statefulset/load-gen; kubectl -n web rollout restart deploy/front",
    );
  });
});

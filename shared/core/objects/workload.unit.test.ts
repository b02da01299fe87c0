import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { aDeployment } from "../../../test/builders.ts";
import { sealOf } from "./ownership.ts";
import {
  alsoSelects,
  canaryDeployment,
  canaryPodLabels,
  canaryService,
  leafPorts,
  primaryService,
} from "./workload.ts";
import { trackLabel } from "../selectors/track-label.ts";

const target: V1Deployment = {
  metadata: { name: "podinfo", namespace: "test", labels: { app: "podinfo", team: "a" } },
  spec: {
    replicas: 4,
    selector: { matchLabels: { app: "podinfo", tier: "web" } },
    strategy: { type: "RollingUpdate" },
    template: {
      metadata: { labels: { app: "podinfo", tier: "web", extra: "x" }, annotations: { a: "b" } },
      spec: {
        containers: [{ name: "podinfod", image: "podinfo:2" }],
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: "zone",
            whenUnsatisfiable: "DoNotSchedule",
            labelSelector: { matchLabels: { app: "podinfo" } },
          },
        ],
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              {
                topologyKey: "host",
                labelSelector: { matchExpressions: [{ key: "app", operator: "In", values: ["podinfo", "other"] }] },
              },
            ],
          },
          podAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 1, podAffinityTerm: { topologyKey: "zone", labelSelector: { matchLabels: { app: "cache" } } } },
            ],
          },
        },
      },
    },
  },
};
const context = { canary: "podinfo", uid: "uid-9", intent: "v1-x", replicas: 2, progressDeadlineSeconds: 60 };

describe("the canary Deployment's deadline", () => {
  it.each([
    [0, 60],
    [60, 61],
    [600, 601],
  ])("is above minReadySeconds %d, for the API server refuses any other", (minReadySeconds, wanted) => {
    const { spec } = canaryDeployment(aDeployment({ minReadySeconds }), context);
    expect(spec?.progressDeadlineSeconds).toBe(wanted);
  });
});

describe("the canary Deployment", () => {
  const canary = canaryDeployment(target, context);

  it("differs from the intent in exactly one selector label value", () => {
    expect(canary.spec?.selector.matchLabels).toEqual({ app: "podinfo-canary", tier: "web" });
    expect(canary.spec?.template.metadata).toEqual({
      labels: { app: "podinfo-canary", tier: "web", extra: "x" },
      annotations: { a: "b" },
    });
    expect(canary.spec?.template.spec?.containers).toEqual(target.spec?.template.spec?.containers);
  });

  it("spreads and repels itself, not stable: selectors of its own label follow, others stay", () => {
    const spec = canary.spec?.template.spec;
    expect(spec?.topologySpreadConstraints?.[0]?.labelSelector).toEqual({ matchLabels: { app: "podinfo-canary" } });
    const repelled = spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.[0];
    expect(repelled?.labelSelector?.matchExpressions?.[0]?.values).toEqual(["podinfo-canary", "other"]);
    const near = spec?.affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.[0];
    expect(near?.podAffinityTerm.labelSelector).toEqual({ matchLabels: { app: "cache" } });
  });

  it("takes nothing of the target's own marks along, and leaves the target as it was", () => {
    expect(canary.metadata?.labels).toEqual({
      "kubectl-canary.io/canary": "podinfo",
      "kubectl-canary.io/canary-uid": sealOf({ canary: "podinfo", uid: "uid-9" }, "podinfo-canary"),
      "kubectl-canary.io/intent": "v1-x",
      "app.kubernetes.io/managed-by": "kubectl-canary",
    });
    expect(target.spec?.template.metadata?.labels?.["app"]).toBe("podinfo");
  });

  it("needs one of the labels that tell tracks apart", () => {
    const without = { ...target, spec: { ...target.spec!, selector: { matchLabels: { tier: "web" } } } };
    expect(trackLabel(without)).toBeUndefined();
    expect(() => canaryDeployment(without, context)).toThrow(/selects by none of/);
  });
});

describe("leaf Services", () => {
  const ports = leafPorts({ spec: { ports: [{ name: "http", port: 9898, nodePort: 30_000, targetPort: "http" }] } });
  const leaf = { canary: "podinfo", uid: "uid-9", apex: "podinfo", ports };

  it("have the apex's ports without what the API server assigned to it", () => {
    expect(ports).toEqual([{ name: "http", port: 9898, targetPort: "http" }]);
  });

  it("select stable and canary, and neither the other", () => {
    const primary = primaryService(target, leaf);
    const canary = canaryService(target, leaf);
    const stableLabels = target.spec?.template.metadata?.labels ?? {};
    expect([alsoSelects(primary, stableLabels), alsoSelects(primary, canaryPodLabels(target))]).toEqual([true, false]);
    expect([alsoSelects(canary, stableLabels), alsoSelects(canary, canaryPodLabels(target))]).toEqual([false, true]);
  });

  it("are not alone in selecting canary pods where a Service selects by another label; one without selector selects nothing", () => {
    expect(alsoSelects({ spec: { selector: { tier: "web" } } }, canaryPodLabels(target))).toBe(true);
    expect(alsoSelects({ spec: {} }, canaryPodLabels(target))).toBe(false);
  });
});

describe("a selector value that leaves no room for our suffix", () => {
  const named = (value: string): V1Deployment => ({
    ...target,
    spec: {
      ...target.spec!,
      selector: { matchLabels: { app: value } },
      template: { ...target.spec!.template, metadata: { labels: { app: value } } },
    },
  });
  const valueOf = (value: string): string => canaryPodLabels(named(value))["app"] ?? "";

  it("is cut to a valid label, and told apart from others that begin alike", () => {
    const [one, other] = [valueOf(`${"a".repeat(60)}-x`), valueOf(`${"a".repeat(60)}-y`)];
    expect(one).toMatch(/^a+-[0-9a-f]{8}-canary$/);
    expect(one).toHaveLength(63);
    expect(one).not.toBe(other);
  });

  it("is the same in the canary's selector, its pods and its Service", () => {
    const long = named("b".repeat(63));
    const deployment = canaryDeployment(long, {
      canary: "c",
      uid: "uid-9",
      intent: "i",
      replicas: 1,
      progressDeadlineSeconds: 60,
    });
    const service = canaryService(long, { canary: "c", uid: "uid-9", apex: "podinfo", ports: [] });
    const value = valueOf("b".repeat(63));
    expect(deployment.spec?.selector.matchLabels).toEqual({ app: value });
    expect(deployment.spec?.template.metadata?.labels).toEqual({ app: value });
    expect(service.spec?.selector).toEqual({ app: value });
  });
});

describe("the label that tells tracks apart", () => {
  const both = aDeployment({ selector: { matchLabels: { app: "podinfo", name: "shop" } } });
  const apex = (selector: Record<string, string>): V1Service => ({ spec: { selector } });

  it("is the one that the apex selects by, of several", () => {
    expect(trackLabel(both)).toBe("app");
    expect(trackLabel(both, { apex: apex({ name: "shop" }) })).toBe("name");
    expect(trackLabel(both, { apex: apex({ tier: "web" }) })).toBe("app");
    const labels = canaryPodLabels(both, "name");
    expect(alsoSelects(apex({ name: "shop" }), labels)).toBe(false);
  });

  it("stays what the canary Deployment has while the apex is away", () => {
    const workload = canaryDeployment(both, { ...context, track: "name" });
    expect(trackLabel(both, { workload })).toBe("name");
    expect(trackLabel(both, { workload, apex: apex({ app: "podinfo" }) })).toBe("app");
  });

  it("may be in an expression that leaves it one value", () => {
    const only = aDeployment({ selector: { matchExpressions: [{ key: "app", operator: "In", values: ["podinfo"] }] } });
    expect(trackLabel(only)).toBe("app");
    expect(canaryDeployment(only, context).spec?.selector).toEqual({
      matchExpressions: [{ key: "app", operator: "In", values: ["podinfo-canary"] }],
    });
    const services = { canary: "c", uid: "u", apex: "podinfo", ports: [] };
    expect(primaryService(only, services).spec?.selector).toEqual({ app: "podinfo" });
    expect(canaryService(only, services).spec?.selector).toEqual({ app: "podinfo-canary" });
  });

  it("is in no expression that leaves it a choice", () => {
    const selector = (operator: string, values?: string[]): V1Deployment =>
      aDeployment({ selector: { matchExpressions: [{ key: "app", operator, ...(values ? { values } : {}) }] } });
    expect(trackLabel(selector("In", ["a", "b"]))).toBeUndefined();
    expect(trackLabel(selector("NotIn", ["a"]))).toBeUndefined();
    expect(trackLabel(selector("Exists"))).toBeUndefined();
  });
});

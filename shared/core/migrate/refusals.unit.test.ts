import { describe, expect, it } from "vitest";
import type { V1Deployment } from "@kubernetes/client-node";
import { leftByFlagger } from "../../../test/migrate/left.ts";
import { phases } from "../objects/canary-status.ts";
import { migrationRefusal } from "./refusals.ts";
import { afterWrite, rehearse } from "./rehearsal.ts";
import type { MigrationSeen } from "./seen.ts";
import { nextToCanary } from "./to-canary.ts";

const left = leftByFlagger();

function refused(change: Partial<MigrationSeen>): string {
  const { code, why } = { code: "none", why: "", ...migrationRefusal({ ...left, ...change }) };
  return `${code}: ${why}`;
}

function aFlagger(args: string[], replicas = 1): V1Deployment {
  return {
    metadata: { name: "flagger", namespace: "flagger-system" },
    spec: {
      replicas,
      selector: {},
      template: { spec: { containers: [{ name: "flagger", image: "ghcr.io/fluxcd/flagger:1.44.0", args }] } },
    },
  };
}

describe("a migration is refused", () => {
  it("in every phase in which Flagger has not finished, and in no other", () => {
    const status = (phase: (typeof phases)[number]) => ({ ...left.canary, status: { phase, canaryWeight: 0 } });
    const going = phases.filter((phase) => migrationRefusal({ ...left, canary: status(phase) }) === undefined);
    expect(going).toEqual(["Initialized", "Succeeded", "Failed"]);
    expect(refused({ canary: status("Progressing") })).toBe(
      "unfinished-run: Flagger has not finished with Canary podinfo: its phase is Progressing. Let Flagger end it (Succeeded or Failed), then migrate.",
    );
  });

  it("while the primary rolls out, where our controller's status has hidden Flagger's phase", () => {
    const canary = {
      ...left.canary,
      status: { phase: "Initializing" as const, canaryWeight: 0, observedGeneration: 1 },
    };
    expect(refused({ canary })).toBe("none: ");
    const primary = { ...left.primary!, status: { observedGeneration: 1, updatedReplicas: 1 } };
    expect(refused({ canary, primary })).toBe(
      "unfinished-run: Flagger's promotion is not over: 1 of 2 pods of podinfo-primary have its newest version.",
    );
  });

  it.each([
    [[], true],
    [["-mesh-provider=istio"], true],
    [["-namespace=test"], true],
    [["--namespace", "test"], true],
    [["-namespace="], true],
    [["-namespace=other"], false],
    [["--namespace", "other"], false],
  ])("by a Flagger with %j: %s", (args, isRefused) => {
    expect(refused({ flaggers: [aFlagger(args)] }).startsWith("flagger-acts")).toBe(isRefused);
  });

  it("by a status that Flagger wrote a moment ago, where Flaggers cannot be listed", () => {
    const at = (secondsAgo: number): Partial<MigrationSeen> => ({ flaggerWrote: { status: secondsAgo * 1_000 } });
    expect(refused({ flaggers: undefined, ...at(5) })).toBe(
      "flagger-acts: Flagger acts on Canary podinfo: it wrote its status 5s ago. Stop it, or keep it off namespace test; 20s after its last write this goes on.",
    );
    expect(refused({ flaggers: undefined, ...at(21) })).toBe("none: ");
    expect(refused(at(5))).toBe("none: ");
  });

  it("by a Service of ours that Flagger has put back, until it has been silent for two intervals", () => {
    const switched = rehearse(left, nextToCanary).reduce(
      (seen, step) =>
        step.kind === "write" && step.write.code === "switch-over" ? afterWrite(seen, step.write) : seen,
      left,
    );
    const services = switched.services.map((service) =>
      service.metadata?.name === "podinfo-primary"
        ? { ...service, spec: { ...service.spec, selector: { app: "podinfo-primary" } } }
        : service,
    );
    expect(refused({ services, flaggerWrote: { leaf: 3_000 } })).toContain(
      "flagger-acts: Flagger acts on Canary podinfo: it wrote Service podinfo-primary 3s ago.",
    );
    expect(refused({ services, flaggerWrote: { leaf: 30_000 } })).toBe("none: ");
    expect(refused({ flaggerWrote: { leaf: 3_000 } })).toBe("none: ");
  });

  it("while the route gives Flagger's canary a share", () => {
    const [route] = left.routes;
    const backends = [
      { service: "podinfo-canary", weight: "100" },
      { service: "podinfo-primary", weight: "0" },
    ];
    expect(refused({ routes: [{ ...route!, spec: { service: "podinfo", backends } }] })).toContain(
      "canary-weight: TrafficSplit podinfo gives Flagger's canary 100% of requests, though no run is under way",
    );
  });

  it("where the target's autoscaler allows fewer pods than serve", () => {
    const primary = { ...left.primary!, spec: { ...left.primary!.spec!, replicas: 5 } };
    expect(refused({ primary })).toBe(
      "autoscaler-maximum: HorizontalPodAutoscaler podinfo lets podinfo have 4 pods at most, and podinfo-primary runs 5: raise maxReplicas first.",
    );
  });

  it("where a ConfigMap or Secret is not what the serving pods have", () => {
    const changed = (name: string) =>
      left.configs.map((config) => (config.metadata?.name === name ? { ...config, data: { x: "new" } } : config));
    expect(refused({ configs: changed("podinfo-settings") })).toContain(
      "config-differs: ConfigMap podinfo-settings differs",
    );
    expect(refused({ configs: changed("podinfo-token") })).toContain("config-differs: Secret podinfo-token differs");
    const gone = left.configs.filter(({ metadata }) => metadata?.name !== "podinfo-token");
    expect(refused({ configs: gone })).toContain("config-differs: Secret podinfo-token is gone");
    expect(refused({ configs: changed("podinfo-token") })).not.toContain("new");
  });

  it("where no change would be held afterwards", () => {
    const asking = (spec: object): MigrationSeen["canary"] => ({
      ...left.canary,
      spec: { ...left.canary.spec, ...spec },
    });
    expect(refused({ canary: asking({ provider: "istio" }) })).toContain(
      "not-carried-out: Canary podinfo could not be carried out, so that changes would go out unjudged. Not supported yet, and not skipped in silence: spec.provider istio",
    );
    const analysis = { ...left.canary.spec.analysis, stepWeight: 500 };
    expect(refused({ canary: asking({ analysis }) })).toContain("stepWeight");
  });

  it.each<[string, Partial<MigrationSeen>]>([
    ["target-missing", { target: null }],
    [
      "target-missing",
      {
        canary: {
          ...left.canary,
          spec: { ...left.canary.spec, targetRef: { apiVersion: "", kind: "DaemonSet", name: "x" } },
        },
      },
    ],
    ["target-unfit", { target: { ...left.target!, spec: { ...left.target!.spec!, strategy: { type: "Recreate" } } } }],
    ["target-paused", { target: { ...left.target!, spec: { ...left.target!.spec!, paused: true } } }],
    ["not-flaggers", { primary: { ...left.primary!, metadata: { name: "podinfo-primary" } } }],
    [
      "being-deleted",
      { canary: { ...left.canary, metadata: { ...left.canary.metadata, deletionTimestamp: new Date(0) } } },
    ],
  ])("with %s", (code, change) => {
    expect(refused(change).split(":")[0]).toBe(code);
  });
});

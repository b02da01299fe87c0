import { describe, expect, it } from "vitest";
import type { V1Deployment } from "@kubernetes/client-node";
import { leftByFlagger, type LeftOptions, podTemplate } from "../../../test/migrate/left.ts";
import { unmetPreconditions } from "../preconditions/preconditions.ts";
import { httpRoute } from "../routes/routes.ts";
import { afterWait, afterWrite, rehearse } from "./rehearsal.ts";
import { type MigrationSeen, type MigrationStep, writeKey } from "./seen.ts";
import { nextToCanary } from "./to-canary.ts";

const words = (step: MigrationStep): string => {
  if (step.kind === "write") return step.write.does;
  return step.kind === "done" ? "done" : `${step.kind} ${step.code}: ${step.why}`;
};

const story = (seen: MigrationSeen): string[] => rehearse(seen, nextToCanary).map(words);

/** Every state that a migration comes through, the first and the last included. */
function states(seen: MigrationSeen): MigrationSeen[] {
  const step = nextToCanary(seen);
  if (step.kind === "write") return [seen, ...states(afterWrite(seen, step.write))];
  return step.kind === "wait" ? [seen, ...states(afterWait(seen, step.code))] : [seen];
}

/** Pods that answer for a Service: those of the Deployment that it selects. */
function answering({ target, primary, services }: MigrationSeen, name: string): { ready: number; image?: string } {
  const selector = services.find(({ metadata }) => metadata?.name === name)?.spec?.selector ?? {};
  const of = [target, primary].find(
    (one) =>
      one && Object.entries(selector).every(([key, value]) => one.spec?.template.metadata?.labels?.[key] === value),
  );
  const image = of?.spec?.template.spec?.containers[0]?.image;
  return { ready: of?.status?.availableReplicas ?? 0, ...(image === undefined ? {} : { image }) };
}

function withTarget(seen: MigrationSeen, change: (target: V1Deployment) => void): MigrationSeen {
  const target = structuredClone(seen.target)!;
  change(target);
  return { ...seen, target };
}

const setups: [string, LeftOptions][] = [
  ["a TrafficSplit and an apex of Flagger's", {}],
  ["an HTTPRoute and an apex of the user's", { provider: "gatewayapi:v1", ownApex: true }],
];

describe("a migration", () => {
  it("gives the target size and version first, then traffic, and takes the primary away last", () => {
    expect(story(leftByFlagger())).toEqual([
      "deployment/podinfo is scaled from 0 to 2, as many as podinfo-primary has",
      "horizontalpodautoscaler/podinfo leaves deployment/podinfo its 2 pods for 5 minutes, though they look idle",
      "wait pods: 0 of 2 pods of podinfo are ready",
      "service/podinfo-primary sends to the pods of podinfo",
      "service/podinfo sends to the pods of podinfo",
      "wait drain: open requests end: 6s",
      "trafficsplit/podinfo is kubectl-canary's, with every request for podinfo-primary",
      "service/podinfo-canary is kubectl-canary's",
      "canary/podinfo is kubectl-canary's, without Flagger's finalizer",
      "horizontalpodautoscaler/podinfo-primary is deleted",
      "deployment/podinfo-primary is deleted",
      "configmap/podinfo-settings-primary is deleted",
      "secret/podinfo-token-primary is deleted",
      "done",
    ]);
  });

  it.each(setups)("never leaves a Service without the pods and the version that served, with %s", (_name, options) => {
    for (const seen of states(leftByFlagger(options)))
      for (const service of ["podinfo", "podinfo-primary"])
        expect(answering(seen, service)).toEqual({ ready: 2, image: "podinfo:1.7.0" });
  });

  it.each(setups)("ends the same wherever it was stopped and begun again, with %s", (_name, options) => {
    const all = states(leftByFlagger(options));
    const end = { ...all.at(-1)!, quietMs: 0 };
    expect(all.length).toBeGreaterThan(12);
    for (const seen of all) {
      const again = states({ ...seen, quietMs: 0 }).at(-1)!;
      expect({ ...again, quietMs: 0 }).toEqual(end);
      expect(nextToCanary(again)).toEqual({ kind: "done" });
    }
  });

  it.each(setups)("ends where nothing keeps our controller from beginning, with %s", (_name, options) => {
    const { canary, target, primary, services, routes } = states(leftByFlagger(options)).at(-1)!;
    const apexName = "podinfo";
    const route = routes[0]!;
    const found = { canary, target, primary, services, route, namespace: "test", targetName: "podinfo", apexName };
    expect(unmetPreconditions(found)).toEqual([]);
    expect(canary.metadata.finalizers).toEqual([]);
    expect(services.map(({ metadata, spec }) => [metadata?.name, spec?.selector, metadata?.ownerReferences])).toEqual([
      ["podinfo", { app: "podinfo" }, []],
      ["podinfo-primary", { app: "podinfo" }, []],
      ["podinfo-canary", { app: "podinfo-canary" }, []],
    ]);
    expect(services.flatMap(({ metadata }) => Object.keys(metadata?.annotations ?? {}))).toEqual([]);
    if (route.kind === httpRoute.kind) expect(httpRoute.read(route, apexName)).toMatchObject({ weight: 0 });
    if (route.kind === httpRoute.kind) expect(httpRoute.backendsOf(route)).toEqual(["podinfo-primary"]);
  });

  it("puts in what serves where Flagger rejected the target's newest version", () => {
    const left = leftByFlagger();
    const rejected = withTarget(left, ({ spec }) => {
      spec!.template = podTemplate({ name: "podinfo", image: "podinfo:1.7.9", port: 9898 });
    });
    const seen = { ...rejected, canary: { ...left.canary, status: { phase: "Failed" as const, canaryWeight: 0 } } };
    expect(story(seen)[0]).toBe(
      "deployment/podinfo asks for what podinfo-primary serves, not for what Flagger did not promote (image podinfod 1.7.9 -> 1.7.0)",
    );
    expect(states(seen).at(-1)?.target?.spec?.template).toEqual(left.target?.spec?.template);
  });

  it("leaves version and size to their user once the target has the traffic", () => {
    const switched = states(leftByFlagger()).find(
      (seen) =>
        nextToCanary(seen).kind === "wait" &&
        answering(seen, "podinfo").ready > 0 &&
        seen.quietMs === 0 &&
        seen.services[0]?.spec?.selector?.["app"] === "podinfo",
    )!;
    const changed = withTarget(switched, ({ spec, status }) => {
      spec!.template.spec!.containers[0]!.image = "podinfo:1.8.0";
      spec!.replicas = 1;
      Object.assign(status!, { replicas: 1, updatedReplicas: 1, availableReplicas: 1 });
    });
    expect(story(changed)[0]).toBe("wait drain: open requests end: 6s");
  });

  it("goes by the autoscaler's minimum where someone has deleted the primary", () => {
    const seen = { ...leftByFlagger(), primary: null, primaryPods: 0 };
    expect(story(seen).slice(0, 5)).toEqual([
      "deployment/podinfo is scaled from 0 to 2",
      "horizontalpodautoscaler/podinfo leaves deployment/podinfo its 2 pods for 5 minutes, though they look idle",
      "wait pods: 0 of 2 pods of podinfo are ready",
      "service/podinfo-primary sends to the pods of podinfo",
      "service/podinfo sends to the pods of podinfo",
    ]);
  });

  it("keeps the target's autoscaler from taking idle pods away until some minutes after they get the traffic", () => {
    const left = leftByFlagger({ replicas: 4 });
    const held = states(left).find(({ canary }) => canary.status?.floor)!;
    expect(held.canary.status).toMatchObject({
      phase: "Succeeded",
      floor: { replicas: 4, until: "2026-01-01T00:05:00.000Z", autoscaler: "HorizontalPodAutoscaler podinfo" },
    });
    const later = { until: "2026-01-01T00:06:30.000Z", atLeast: "2026-01-01T00:05:30.000Z" };
    expect(nextToCanary({ ...held, floorTimes: later })).toMatchObject({
      write: { object: { status: { floor: { until: later.until } } } },
    });
    const shrunk = withTarget(held, ({ spec }) => void (spec!.replicas = 2));
    expect(story(shrunk)[0]).toBe("deployment/podinfo is scaled from 2 to 4, as many as podinfo-primary has");
    const grown = { ...held, primary: { ...held.primary!, spec: { ...held.primary!.spec!, replicas: 5 } } };
    expect(story({ ...grown, scalers: [] })[0]).toBe(
      "deployment/podinfo is scaled from 4 to 5, as many as podinfo-primary has",
    );
  });

  const { floorTimes: _none, ...floorless } = leftByFlagger();
  it.each<[string, MigrationSeen]>([
    ["nothing scales the target", { ...leftByFlagger(), scalers: [] }],
    ["the API server keeps no floor", floorless],
  ])("writes no floor where %s", (_where, seen) => {
    expect(states(seen).filter(({ canary }) => canary.status?.floor)).toEqual([]);
    expect(nextToCanary(states(seen).at(-1)!)).toEqual({ kind: "done" });
  });

  it("lets KEDA scale again before it scales itself", () => {
    const left = leftByFlagger();
    const scaler = {
      kind: "ScaledObject" as const,
      metadata: { name: "podinfo", annotations: { "autoscaling.keda.sh/paused-replicas": "0", mine: "x" } },
      spec: { scaleTargetRef: { name: "podinfo" }, maxReplicaCount: 9 },
    };
    const seen = { ...left, scalers: [scaler] };
    expect(story(seen).slice(0, 2)).toEqual([
      "scaledobject/podinfo scales again (it was paused at 0)",
      "deployment/podinfo is scaled from 0 to 2, as many as podinfo-primary has",
    ]);
    expect(states(seen).at(-1)?.scalers[0]?.metadata?.annotations).toEqual({ mine: "x" });
  });

  it("leaves a pause that is not Flagger's to who made it", () => {
    const scaler = {
      kind: "ScaledObject" as const,
      metadata: { name: "podinfo", annotations: { "autoscaling.keda.sh/paused-replicas": "2" } },
      spec: { scaleTargetRef: { name: "podinfo" } },
    };
    const end = states({ ...leftByFlagger(), scalers: [scaler] }).at(-1)!;
    expect(end.scalers).toEqual([scaler]);
  });

  it("moves Services of the user's that select the primary, the apex last", () => {
    const left = leftByFlagger();
    const [apex, ...others] = left.services;
    const metrics = { ...apex, metadata: { name: "metrics" }, spec: { selector: { app: "podinfo-primary" } } };
    expect(story({ ...left, services: [apex!, ...others, metrics] }).slice(3, 6)).toEqual([
      "service/podinfo-primary sends to the pods of podinfo",
      "service/metrics sends to the pods of podinfo",
      "service/podinfo sends to the pods of podinfo",
    ]);
  });

  it("goes by the label that Flagger took to tell its pods apart, whichever that is", () => {
    const renamed = (suffix: string) => ({ app: "podinfo", role: `web${suffix}` });
    const labelled = <T extends V1Deployment | null>(deployment: T, suffix: string): T => {
      const copy = structuredClone(deployment);
      copy!.spec!.selector = { matchLabels: renamed(suffix) };
      copy!.spec!.template.metadata!.labels = renamed(suffix);
      return copy;
    };
    const left = leftByFlagger({ ownApex: true });
    const services = left.services.map((service) => {
      const selector = renamed(service.metadata?.name === "podinfo-canary" ? "" : "-primary");
      return { ...service, spec: { ...service.spec, selector } };
    });
    const seen = { ...left, target: labelled(left.target, ""), primary: labelled(left.primary, "-primary"), services };
    for (const state of states(seen))
      for (const service of ["podinfo", "podinfo-primary"])
        expect(answering(state, service)).toEqual({ ready: 2, image: "podinfo:1.7.0" });
    const end = states(seen).at(-1)!;
    expect(nextToCanary(end)).toEqual({ kind: "done" });
    expect(end.target?.spec?.template.metadata?.labels).toEqual(renamed(""));
    expect(end.services[0]?.spec?.selector).toEqual(renamed(""));
  });

  it("lets a Service be that selects pods of another's with such a label, where there is no primary", () => {
    const ours = states(leftByFlagger()).at(-1)!;
    const db = { metadata: { name: "db" }, spec: { selector: { app: "podinfo-primary" } } };
    expect(nextToCanary({ ...ours, services: [...ours.services, db] })).toEqual({ kind: "done" });
  });

  it("takes what an A/B test of Flagger's has left out of the route", () => {
    const left = leftByFlagger({ provider: "gatewayapi:v1" });
    const [route] = left.routes;
    const [rule] = route!.spec["rules"] as { backendRefs: object[] }[];
    const headers = [{ name: "x-canary", type: "Exact", value: "insider" }];
    const test = { ...rule, matches: [{ path: { type: "PathPrefix", value: "/" }, headers }] };
    const spec = { ...route!.spec, rules: [test, { ...rule, backendRefs: rule!.backendRefs.slice(0, 1) }] };
    const end = states({ ...left, routes: [{ ...route!, spec }] }).at(-1)!.routes[0]!;
    expect(end.spec["rules"]).toHaveLength(1);
    expect(httpRoute.backendsOf(end)).toEqual(["podinfo-primary"]);
    expect(httpRoute.read(end, "podinfo")).toEqual({
      weight: 0,
      ownWeight: 0,
      rules: "",
      problem: expect.anything() as string,
    });
  });

  it("leaves a copy that another Canary has a part in", () => {
    const left = leftByFlagger();
    const configs = left.configs.map((config) =>
      config.metadata?.name === "podinfo-settings-primary"
        ? {
            ...config,
            metadata: {
              ...config.metadata,
              ownerReferences: [
                ...config.metadata.ownerReferences!,
                { apiVersion: "flagger.app/v1beta1", kind: "Canary", name: "web", uid: "other-uid" },
              ],
            },
          }
        : config,
    );
    expect(story({ ...left, configs })).toContain("configmap/podinfo-settings-primary stays for 1 other Canary");
  });

  it("waits for a Flagger that it cannot look for to show itself, for an interval and a look", () => {
    const steps = story({ ...leftByFlagger(), flaggers: undefined });
    expect(steps.find((step) => step.startsWith("wait drain"))).toContain("could not be listed): 25s");
  });

  it("has nothing to do for a Canary of ours", () => {
    const ours = states(leftByFlagger()).at(-1)!;
    expect(
      nextToCanary({ ...ours, canary: { ...ours.canary, status: { phase: "Progressing", canaryWeight: 20 } } }),
    ).toEqual({
      kind: "done",
    });
  });
});

describe("a write that is made again", () => {
  const keyOf = (seen: MigrationSeen): string => {
    const step = nextToCanary(seen);
    return step.kind === "write" ? writeKey(step.write) : "";
  };
  const scaling = (has: number, size: number): string => {
    const seen = withTarget(leftByFlagger(), ({ spec }) => (spec!.replicas = has));
    return keyOf({ ...seen, primary: { ...seen.primary!, spec: { ...seen.primary!.spec!, replicas: size } } });
  };

  it("is the same by what it comes to, whatever somebody has made of it meanwhile", () => {
    expect(scaling(0, 2)).toBe("scale/Deployment/podinfo/2");
    expect(scaling(1, 2)).toBe(scaling(0, 2));
    expect(scaling(0, 3)).not.toBe(scaling(0, 2));
  });

  it("is none of the others of the same way", () => {
    const writes = rehearse(leftByFlagger(), nextToCanary).flatMap((step) => (step.kind === "write" ? step.write : []));
    const keys = writes.map(writeKey);
    expect(keys.length).toBeGreaterThan(5);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

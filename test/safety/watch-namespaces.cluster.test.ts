// An installation for some namespaces: the account has what the chart's Roles give it, works there as elsewhere, and sees nothing else.
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { label, leaseAnnotation, leaseName } from "../../shared/core/objects/names.ts";
import { systemClock } from "../../shared/kube/clock.ts";
import { resource } from "../../shared/kube/resources.ts";
import type { Controller } from "../../webhook/controller/controller.ts";
import { release } from "../chart/install.ts";
import { uninstall } from "../../webhook/uninstall.ts";
import { startArena, type Arena } from "./arena.ts";
import { imageOf, Stage } from "./plays.ts";
import { Passing } from "./through.ts";

const [watched, elsewhere] = ["shop", "elsewhere"];
let arena: Arena;
let loop: Controller;

beforeAll(async () => {
  arena = await startArena({ watchNamespaces: [watched, "gone"] });
  await arena.cluster.raw("DELETE", "/apis/rbac.authorization.k8s.io/v1/namespaces/gone/rolebindings/kubectl-canary");
  loop = await arena.startController({
    ...{ identity: "one", leaseNamespace: release.namespace, namespace: watched },
    gate: new Passing(),
  });
});
afterAll(async () => {
  await loop.stop();
  await arena.stop();
});

it("promotes where it watches, though another of its namespaces has lost its Role", async () => {
  const stage = new Stage(arena.cluster, arena.node, watched);
  await stage.set();
  await stage.until("initialization", ({ phase }) => phase === "Initialized");
  await stage.change("1.7.1");
  await stage.running("1.7.1");
  await stage.command("promote");
  await stage.until("the promotion", ({ phase }) => phase === "Succeeded");
  expect((await stage.target()).spec?.template.spec?.containers[0]?.image).toBe(imageOf("1.7.1"));
});

it("may read and write nothing elsewhere", async () => {
  const namespace = elsewhere;
  await arena.cluster.create(resource.namespaces, { metadata: { name: namespace } });
  const kinds = ["canaries", "deployments", "replicaSets", "pods", "services", "endpointSlices", "secrets"] as const;
  for (const kind of [...kinds, "configMaps", "httpRoutes", "trafficSplits", "metricTemplates"] as const)
    await expect(arena.own.list(resource[kind], { namespace }), kind).rejects.toMatchObject({ code: "Forbidden" });
  for (const kind of kinds)
    await expect(arena.own.list(resource[kind]), kind).rejects.toThrow(/forbidden|not allowed/i);
  const service = { metadata: { name: "x", namespace }, spec: { ports: [{ port: 80 }] } };
  await expect(arena.own.create(resource.services, service)).rejects.toMatchObject({ code: "Forbidden" });
  // Where the API server is, and nothing beside it.
  const slices = { namespace: "default", fieldSelector: "metadata.name=kubernetes" };
  expect((await arena.own.list(resource.endpointSlices, slices)).items).toHaveLength(1);
  await expect(arena.own.list(resource.services, { namespace: "default" })).rejects.toMatchObject({
    code: "Forbidden",
  });
});

it("refuses no Canary of another controller elsewhere, and says on its Lease what it watches", async () => {
  const analysis = { interval: "1m", threshold: 5, stepWeight: 500 };
  const flaggers = { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" }, analysis };
  const metadata = { name: "web", namespace: elsewhere };
  const wanted = { metadata: { ...metadata, namespace: watched }, spec: flaggers };
  await expect(arena.cluster.create(resource.canaries, wanted)).rejects.toThrow("is not a percentage");
  const made = await arena.cluster.create<Canary>(resource.canaries, { metadata, spec: flaggers } as unknown as Canary);
  expect(made.metadata.name).toBe("web");
  const lease = await arena.cluster.get<{ metadata: { annotations: Record<string, string> } }>(resource.leases, {
    name: leaseName,
    namespace: release.namespace,
  });
  expect(lease.metadata.annotations[leaseAnnotation.watchNamespaces]).toBe("shop,gone");
});

it("is uninstalled with the Roles that the chart gives its hook: what it has in mid-run is given back", async () => {
  const stage = new Stage(arena.cluster, arena.node, watched);
  await stage.change("1.7.4");
  await stage.running("1.7.4");
  await loop.stop();
  const left = await uninstall({
    ...{ cluster: await arena.hook(), clock: systemClock, random: Math.random, deadlineMs: 90_000 },
    log: pino({ enabled: process.env["LOG_LEVEL"] !== undefined }),
    ...{ namespace: release.namespace, deployment: release.name, watchNamespaces: [watched, "gone"] },
    ownSecret: undefined,
  });
  expect(left).toEqual([expect.stringContaining("Namespace gone may not be read, and nothing was given back there")]);
  const { spec, metadata } = await stage.target();
  expect(spec?.template.spec?.containers[0]?.image).toBe(imageOf("1.7.1"));
  expect([spec?.paused, Object.keys(metadata?.labels ?? {}).includes(label.target)]).toEqual([undefined, false]);
  await expect(stage.route()).rejects.toMatchObject({ code: "NotFound" });
  const canary = { namespace: watched, name: "podinfo-canary" };
  await expect(arena.cluster.get(resource.deployments, canary)).rejects.toMatchObject({ code: "NotFound" });
  expect((await stage.status()).reason).toContain("was uninstalled");
}, 180_000);

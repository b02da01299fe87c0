// A definition of Canary that would drop what we write is noticed, on an API server whose definitions are the test's own.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { load } from "js-yaml";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../shared/kube/clock.ts";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { resource } from "../../shared/kube/resources.ts";
import { definitionLost, requireDefinition } from "../../webhook/crd-check.ts";
import { whyNotObeyed } from "../../webhook/controller/observe/stale-callers.ts";
import { chooseRoute, discoverRoutes, routesAppear } from "../../webhook/controller/objects/route-choice.ts";
import type { Caches } from "../../webhook/controller/cache/caches.ts";
import { routingDefinitions } from "../cluster/crds.ts";
import { repository } from "../cluster/layout.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { startControlPlane, type ControlPlane } from "./control-plane.ts";

interface Schema {
  properties: Record<string, Schema>;
}

interface Definition {
  metadata: { name: string; resourceVersion?: string; annotations?: Record<string, string> };
  spec: { versions: { schema: { openAPIV3Schema: Schema } }[] };
}

const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
let plane: ControlPlane;
let cluster: Cluster;

beforeAll(async () => {
  plane = await startControlPlane();
  cluster = plane.cluster();
});

afterAll(() => plane.stop());

const chartsOwn = async (): Promise<Definition> =>
  load(await readFile(join(repository, "charts/kubectl-canary/files/crds/canaries.yaml"), "utf8")) as Definition;

const statusOf = (definition: Definition): Schema =>
  definition.spec.versions[0]!.schema.openAPIV3Schema.properties["status"]!;

/** Puts it in place of whatever definition there is. */
async function define(definition: Definition): Promise<void> {
  const { name } = definition.metadata;
  const found = (await cluster.raw("GET", `${path}/${name}`).catch(() => undefined)) as Definition | undefined;
  const { resourceVersion } = { ...found?.metadata };
  if (!resourceVersion) await cluster.raw("POST", path, definition);
  else
    await cluster.raw("PUT", `${path}/${name}`, {
      ...definition,
      metadata: { ...definition.metadata, resourceVersion },
    });
}

/** The published schema follows a definition after a moment. */
const becomes = (said: RegExp | undefined): Promise<true> =>
  waitFor(
    async () => {
      const found = await requireDefinition(cluster).then(
        () => "nothing",
        (error: unknown) => String(error),
      );
      return (said ?? /^nothing$/).test(found) ? true : unmet(found);
    },
    30_000,
    "the definition to be seen",
  );

it("none at all, an older one and a foreign one are each named with what would be lost; the chart's own passes", async () => {
  await expect(requireDefinition(cluster)).rejects.toThrow(/not installed/);
  const older = await chartsOwn();
  delete statusOf(older).properties["run"]!.properties["ceiling"];
  await define(older);
  await becomes(/would drop status\.run\.ceiling: it is older/);
  const foreign = await chartsOwn();
  for (const field of ["run", "reason", "stable"]) delete statusOf(foreign).properties[field];
  await define(foreign);
  await becomes(/would drop status\.reason, status\.stable, status\.run: .*files\/crds/);
  await define(await chartsOwn());
  await becomes(undefined);
});

it("the chart's own takes an empty service.name for none, and lets nobody change the Service that is meant", async () => {
  await define(await chartsOwn());
  const service = (name: string | null) => ({ service: name === null ? null : { port: 80, name } });
  const patched = (spec: object): Promise<unknown> =>
    cluster.patch(resource.canaries, { namespace: "default", name: "web" }, { type: "merge", body: { spec } });
  await waitFor(
    () =>
      cluster
        .create(resource.canaries, {
          ...{ apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name: "web", namespace: "default" } },
          spec: {
            targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
            analysis: { interval: "1m", threshold: 1, stepWeight: 10 },
          },
        })
        .then(
          () => true as const,
          (error: unknown) => unmet(String(error)),
        ),
    30_000,
    "the definition to be served",
  );
  for (const name of ["", "web", "", null]) await patched(service(name));
  await expect(patched(service("other"))).rejects.toThrow(/service\.name cannot change/);
  await patched(service(""));
  await expect(patched(service("other"))).rejects.toThrow(/service\.name cannot change/);
});

it("a foreign one that comes back while a controller runs is noticed, and the chart's own gives no alarm", async () => {
  const ending = new AbortController();
  const said: string[] = [];
  const log = { warn: (_: unknown, message?: string) => void said.push(message ?? "") };
  const lost = definitionLost({ cluster, clock: systemClock, random: Math.random, log }, ending.signal);
  const own = await chartsOwn();
  await define({ ...own, metadata: { ...own.metadata, annotations: { touched: "1" } } });
  const foreign = await chartsOwn();
  delete statusOf(foreign).properties["run"];
  await define(foreign);
  await expect(lost).resolves.toMatch(/would drop status\.run: .*another product's/);
  await define(await chartsOwn());
  await becomes(undefined);
  const unharmed = definitionLost({ cluster, clock: systemClock, random: Math.random, log }, ending.signal);
  ending.abort();
  await expect(unharmed).resolves.toBeUndefined();
  expect(said).toEqual([]);
}, 60_000);

it("a kind of route that is not installed is no fault, and is seen when it is installed later", async () => {
  const bare = await discoverRoutes(cluster);
  expect([bare.trafficSplit.present, bare.httpRoute.present]).toEqual([false, false]);
  const ofCanary = { metadata: {}, spec: {} } as Parameters<typeof chooseRoute>[0];
  expect(chooseRoute(ofCanary, "auto", bare)).toMatchObject({
    problem: expect.stringContaining("HTTPRoute") as string,
  });
  const hasty = { ...systemClock, after: (_ms: number, run: () => void) => systemClock.after(50, run) };
  const appeared = routesAppear({ cluster, clock: hasty }, bare, AbortSignal.timeout(60_000));
  for (const definition of await routingDefinitions())
    await cluster.create(resource.customResourceDefinitions, definition);
  await appeared;
  const { trafficSplit, httpRoute } = await discoverRoutes(cluster);
  expect(trafficSplit.present || httpRoute.present).toBe(true);
});

it("nothing overrides a route where ServiceProfiles are not installed", async () => {
  const world = { splits: { get: () => undefined }, httpRoutes: { get: () => ({}) } } as unknown as Caches;
  const request = { namespace: "default", apex: { name: "podinfo" }, prometheus: "" } as Parameters<
    typeof whyNotObeyed
  >[2];
  await expect(
    whyNotObeyed({ cluster, world, now: () => Date.now(), metricsServer: "" }, [], request),
  ).resolves.toMatchObject({
    staleCallers: [],
  });
});

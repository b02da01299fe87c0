// What people do in mid-run to the route and to Services of ours, and who is told of a failing run: on an API server of its own, with an HTTPRoute that this test accepts.
import type { V1Service } from "@kubernetes/client-node";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { httpRoute, type RouteObject } from "../../shared/core/routes/routes.ts";
import { resource } from "../../shared/kube/resources.ts";
import type { Controller } from "../../webhook/controller/controller.ts";
import { aReceiver } from "../alerts/receiver.ts";
import { schemas } from "../alerts/schemas.ts";
import { defineOthers } from "../bench/fleet/place.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { startArena, type Arena } from "./arena.ts";
import { Stage } from "./plays.ts";
import { Passing } from "./through.ts";

const name = "podinfo";
let arena: Arena;
let loop: Controller | undefined;
let stages = 0;

beforeAll(async () => {
  arena = await startArena();
  await defineOthers(arena.cluster);
});
afterEach(async () => {
  await loop?.stop();
  loop = undefined;
});
afterAll(() => arena.stop());

async function lead({ namespace }: Stage): Promise<void> {
  loop = await arena.startController({ identity: "one", leaseNamespace: namespace, namespace, gate: new Passing() });
}

/** At weight 50, where it stays. */
async function running(analysis: object = {}): Promise<Stage> {
  stages += 1;
  const stage = new Stage(arena.cluster, arena.node, `routes-${stages}`);
  await stage.set();
  await patchCanary(stage, { provider: "gatewayapi:v1", analysis });
  await lead(stage);
  await accept(stage);
  await stage.until("initialization", ({ phase }) => phase === "Initialized");
  await stage.change("1.7.1");
  await routed(stage, 50);
  return stage;
}

async function patchCanary({ namespace }: Stage, spec: object): Promise<void> {
  await arena.cluster.patch(resource.canaries, { namespace, name }, { type: "merge", body: { spec } });
}

const routeOf = ({ namespace }: Stage): Promise<RouteObject> =>
  arena.cluster.get<RouteObject>(resource.httpRoutes, { namespace, name });

const ruleOf = ({ spec }: RouteObject): Record<string, unknown> => (spec["rules"] as Record<string, unknown>[])[0]!;

/** As Linkerd's policy controller does. */
function accept({ namespace }: Stage): Promise<unknown> {
  const at = { namespace, name };
  const condition = { status: "True", message: "", lastTransitionTime: new Date().toISOString() };
  const conditions = ["Accepted", "ResolvedRefs"].map((type) => ({ type, reason: type, ...condition }));
  const parentRef = { group: "core", kind: "Service", name, namespace, port: 9898 };
  const status = { parents: [{ parentRef, controllerName: "linkerd.io/policy-controller", conditions }] };
  const patch = (): Promise<unknown> =>
    arena.cluster.patch(resource.httpRoutes, { ...at, subresource: "status" }, { type: "merge", body: { status } });
  return waitFor(patch, 30_000, `a route in ${namespace} to accept`);
}

/** The route is as wanted, and has this weight. */
async function routed(
  stage: Stage,
  weight: number,
  isWanted: (route: RouteObject) => boolean = () => true,
): Promise<void> {
  const look = async (): Promise<true | ReturnType<typeof unmet>> => {
    const route = await routeOf(stage);
    const seen = httpRoute.read(route, name);
    if (seen?.weight === weight && isWanted(route)) return true;
    return unmet(`${JSON.stringify(route.spec)}; ${(await stage.status()).reason}`);
  };
  await waitFor(look, 60_000, `weight ${weight} in ${stage.namespace}`);
}

it("route and Services follow spec.service in mid-run at the weight that they have, and what someone edits there is put right", async () => {
  const stage = await running();
  const { namespace } = stage;
  const hosts = ["shop.test", name];
  await patchCanary(stage, { service: { timeout: "5s", hosts, primary: { labels: { team: "shop" } } } });
  const isBySpec = (route: RouteObject): boolean =>
    JSON.stringify([route.spec["hostnames"], ruleOf(route)["timeouts"]]) === JSON.stringify([hosts, { request: "5s" }]);
  await routed(stage, 50, isBySpec);

  const edited = structuredClone(await routeOf(stage));
  const [parent] = edited.spec["parentRefs"] as { name: string }[];
  parent!.name = "other";
  edited.spec["hostnames"] = ["other.test"];
  ruleOf(edited)["timeouts"] = { request: "9s" };
  await arena.cluster.replace(resource.httpRoutes, edited);
  const isParent = ({ spec }: RouteObject): boolean => (spec["parentRefs"] as { name: string }[])[0]?.name === name;
  await routed(stage, 50, (route) => isBySpec(route) && isParent(route));

  const leaf = { namespace, name: "podinfo-primary" };
  const astray = { spec: { selector: { app: "nobody" } } };
  await arena.cluster.patch(resource.services, leaf, { type: "merge", body: astray });
  const look = async (): Promise<true | ReturnType<typeof unmet>> => {
    const { metadata, spec } = await arena.cluster.get<V1Service>(resource.services, leaf);
    const found = [metadata?.labels?.["team"], spec?.selector?.["app"]].join();
    return found === "shop,podinfo" || unmet(found);
  };
  await waitFor(look, 30_000, "stable's leaf to select stable again");
});

it("a route that is deleted in mid-run is made anew, and has the weight of its step again", async () => {
  const stage = await running();
  const { metadata } = await routeOf(stage);
  await arena.cluster.delete(resource.httpRoutes, { namespace: stage.namespace, name });
  await routed(stage, 50, (route) => route.metadata.uid !== metadata.uid);
  const { run, history = [] } = await stage.status();
  expect([run?.stage, history]).toEqual(["analysing", []]);
});

/** `kubectl replace --force` by someone, while no controller leads. */
async function replaced(stage: Stage, rule: object): Promise<RouteObject> {
  const { namespace } = stage;
  await loop?.stop();
  const { apiVersion, kind, spec } = await routeOf(stage);
  await arena.cluster.delete(resource.httpRoutes, { namespace, name });
  const theirs = { metadata: { namespace, name, labels: { owner: "them" } }, spec: { ...spec, rules: [rule] } };
  const made = await arena.cluster.create<RouteObject>(resource.httpRoutes, { apiVersion, kind, ...theirs });
  await accept(stage);
  await lead(stage);
  return made;
}

const backend = (to: string, weight: number): object => ({ group: "", kind: "Service", name: to, port: 9898, weight });

it("a route of someone's own in its place, which names both tracks, gets the weights of the run and nothing else of ours", async () => {
  const stage = await running();
  const matches = [{ path: { type: "PathPrefix", value: "/shop" } }];
  const backendRefs = [backend("podinfo-primary", 100), backend("podinfo-canary", 0)];
  const { spec } = await replaced(stage, { matches, backendRefs });
  await routed(stage, 50, ({ metadata }) => metadata.labels?.["owner"] === "them");
  const found = await routeOf(stage);
  expect(found.spec["parentRefs"]).toEqual(spec["parentRefs"]);
  expect(ruleOf(found)["matches"]).toEqual(matches);
  expect(found.metadata.ownerReferences).toBeUndefined();
  await stage.command("rollback");
  await stage.until("the rejection", ({ phase }) => phase === "Failed");
  await routed(stage, 0, ({ metadata }) => metadata.labels?.["owner"] === "them");
});

it("a route of someone's own in its place, which names another Service, is said and left alone, and rollback works", async () => {
  const stage = await running();
  const theirs = await replaced(stage, { backendRefs: [backend("podinfo-other", 1)] });
  const { reason } = await stage.until("the obstacle", ({ blocked }) => blocked?.kind === "obstacle");
  expect(reason).toContain("HTTPRoute podinfo");
  await stage.command("rollback");
  const { history } = await stage.until("the end of the run", ({ run }) => !run);
  expect(history?.[0]?.outcome).toBe("rejected");
  expect((await routeOf(stage)).spec).toEqual(theirs.spec);
});

it("a failing version's alert is with its receiver when the weight is 0, and comes once", async () => {
  let isFailing = false;
  const weights: (number | undefined)[] = [];
  const check = await aReceiver({ answer: (response) => void response.writeHead(isFailing ? 200 : 403).end() });
  const receiver = await aReceiver({
    schema: schemas.slack,
    // Answered when the route has been read: what it says was so before anybody knew that the alert had arrived.
    answer: (response) =>
      void routeOf(stage)
        .then((route) => weights.push(httpRoute.read(route, name)?.weight))
        .finally(() => response.end("ok")),
  });
  const stage = await running({
    interval: "1s",
    webhooks: [{ name: "errors", type: "rollback", url: check.address }],
    alerts: [{ name: "on-call", severity: "error", providerRef: { name: "on-call" } }],
  });
  const { namespace } = stage;
  const spec = { type: "slack", address: receiver.address };
  await arena.cluster.create(resource.alertProviders, { metadata: { name: "on-call", namespace }, spec });
  isFailing = true;
  const [letter] = await receiver.arrived(1);
  expect(JSON.stringify(letter?.body)).toContain("Rolling back podinfo:1.7.1: ");
  const told = await stage.until("the status to know that it has arrived", ({ alerts = [] }) => alerts.length === 0);
  expect(told.history?.[0]?.outcome ?? told.run?.ending?.outcome).toBe("rejected");
  expect(weights).toEqual([0]);
  expect(receiver.faults).toEqual([]);
  await stage.until("the end of the run", ({ phase }) => phase === "Failed");
  expect(receiver.got).toHaveLength(1);
  await Promise.all([check.close(), receiver.close()]);
});

// A Canary or the chart goes in mid-run: Deployments are given back and traffic is stable's; what cannot be given back is named.
import type { CoreV1Event, V1Deployment, V1ReplicaSet, V1Service } from "@kubernetes/client-node";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Canary } from "../../shared/core/objects/canary.ts";
import { label } from "../../shared/core/objects/names.ts";
import { resource } from "../../shared/kube/resources.ts";
import type { Controller } from "../../webhook/controller/controller.ts";
import { uninstall } from "../../webhook/uninstall.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { startArena, type Arena } from "./arena.ts";
import { imageOf, Stage } from "./plays.ts";
import { Passing } from "./through.ts";
import { systemClock } from "../../shared/kube/clock.ts";

let arena: Arena;

beforeAll(async () => {
  arena = await startArena();
});
afterAll(() => arena.stop());

/** A run with half of the traffic. */
async function midRun(namespace: string): Promise<{ stage: Stage; controller: Controller }> {
  const stage = new Stage(arena.cluster, arena.node, namespace);
  await stage.set();
  const options = { identity: namespace, leaseNamespace: namespace, namespace, gate: new Passing() };
  const controller = await arena.startController(options);
  await stage.until("initialization", ({ phase }) => phase === "Initialized");
  await stage.change("1.7.1");
  await stage.running("1.7.1");
  return { stage, controller };
}

async function abandoned(namespace: string): Promise<Stage> {
  const { stage, controller } = await midRun(namespace);
  await controller.stop();
  return stage;
}

/** Nobody knows stable's template any more. */
async function forgetStable({ cluster, namespace }: Stage): Promise<void> {
  const at = (name = ""): { namespace: string; name: string } => ({ namespace, name });
  const revisions = await cluster.list(resource.controllerRevisions, { namespace });
  for (const { metadata } of revisions.items as V1ReplicaSet[])
    await cluster.delete(resource.controllerRevisions, at(metadata?.name));
  const sets = await cluster.list<V1ReplicaSet>(resource.replicaSets, { namespace, labelSelector: "app=podinfo" });
  for (const { metadata } of sets.items) await cluster.delete(resource.replicaSets, at(metadata?.name));
}

/** What is there of a Canary. */
async function made({ namespace }: Stage): Promise<string[]> {
  const ours = { namespace, labelSelector: label.canary };
  const kinds = [resource.deployments, resource.services, resource.trafficSplits, resource.controllerRevisions];
  const found = await Promise.all(kinds.map((of) => arena.cluster.list<V1Deployment | V1Service>(of, ours)));
  return found.flatMap(({ items }) => items.map(({ metadata }) => metadata?.name ?? ""));
}

function nothingLeft(stage: Stage): Promise<void> {
  const look = async (): Promise<true | ReturnType<typeof unmet>> => {
    const left = await made(stage);
    return left.length === 0 ? true : unmet(left.join());
  };
  return waitFor(look, 60_000, `everything of the Canary in ${stage.namespace} to be gone`).then(() => undefined);
}

it("a Canary that is deleted with --cascade=orphan in mid-run leaves stable's template, its pods, and nothing of ours", async () => {
  const { stage, controller } = await midRun("orphaned");
  const pods = await stage.pods();
  const at = { namespace: stage.namespace, name: "podinfo" };
  await arena.cluster.delete(resource.canaries, at, { propagation: "Orphan" });
  await nothingLeft(stage);
  const { metadata, spec } = await stage.target();
  expect(spec?.template.spec?.containers[0]?.image).toBe(imageOf("1.7.0"));
  expect([spec?.paused, Object.keys(metadata?.labels ?? {})]).toEqual([undefined, []]);
  expect(await stage.pods()).toEqual(pods);
  // Kubernetes' own garbage collector takes its time; nothing of ours keeps the Canary.
  const still = await arena.cluster.list<Canary>(resource.canaries, { namespace: stage.namespace });
  expect(still.items.flatMap((one) => one.metadata.finalizers ?? []).filter((name) => name !== "orphan")).toEqual([]);
  await controller.stop();
}, 180_000);

it("a Deployment whose stable template is lost with its Canary says by an Event what a person must do, and that does it", async () => {
  const stage = await abandoned("lost");
  const { namespace } = stage;
  const at = { namespace, name: "podinfo" };
  await forgetStable(stage);
  await arena.cluster.delete(resource.canaries, at);
  const options = { leaseNamespace: namespace, namespace, gate: new Passing() };
  const controller = await arena.startController({ identity: "successor", ...options });
  const found = await waitFor(
    async () => {
      const { items } = await arena.cluster.list<CoreV1Event>(resource.coreEvents, { namespace });
      return items.find(({ reason }) => reason === "NotGivenBack") ?? unmet("no Event");
    },
    60_000,
    "an Event on the Deployment",
  );
  expect(found.involvedObject.uid).toBe((await stage.target()).metadata?.uid);
  expect(found.message).toMatch(/^The Canary of Deployment podinfo is gone, .* rollout resume deploy podinfo$/);
  const labels = { [label.bypass]: "stable-lost" };
  const merge = (body: object): Promise<unknown> =>
    arena.cluster.patch(resource.deployments, at, { type: "merge", body });
  await merge({ metadata: { labels } });
  await merge({ spec: { paused: false } });
  await nothingLeft(stage);
  await waitFor(
    async () => {
      const { metadata, spec } = await stage.target();
      const marks = Object.keys(metadata?.labels ?? {}).filter((key) => key !== label.bypass);
      return spec?.paused || marks.length > 0 ? unmet(marks.join()) : true;
    },
    60_000,
    "the Deployment to be its user's",
  );
  await controller.stop();
}, 180_000);

it("gives back the others, takes traffic off every canary, and says what needs a person", async () => {
  const [sound, broken] = await Promise.all([abandoned("sound"), abandoned("broken")]);
  await forgetStable(broken);
  const left = await uninstall({
    cluster: arena.own,
    log: pino({ enabled: process.env["LOG_LEVEL"] !== undefined }),
    clock: systemClock,
    random: Math.random,
    namespace: "kubectl-canary",
    deployment: "kubectl-canary",
    watchNamespaces: [],
    ownSecret: undefined,
    deadlineMs: 90_000,
  });
  expect(left).toEqual([expect.stringMatching(/^Deployment podinfo in broken was not given back: .*rollout resume/)]);
  const given = await sound.target();
  expect(given.spec?.template.spec?.containers[0]?.image).toBe(imageOf("1.7.0"));
  expect([given.spec?.paused, given.metadata?.labels?.[label.target]]).toEqual([undefined, undefined]);
  for (const stage of [sound, broken]) {
    await expect(stage.route()).rejects.toMatchObject({ code: "NotFound" });
    const canary = { namespace: stage.namespace, name: "podinfo-canary" };
    await expect(arena.cluster.get(resource.deployments, canary)).rejects.toMatchObject({ code: "NotFound" });
  }
  expect((await broken.status()).reason).toMatch(/was uninstalled: Deployment podinfo in broken was not given back/);
  expect((await sound.status()).reason).toContain("the target runs stable");
}, 180_000);

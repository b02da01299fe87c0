// The uninstall hook where one Deployment cannot be given back: the others are, their traffic is stable's, and what is left is named.
import type { V1ReplicaSet } from "@kubernetes/client-node";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { label } from "../../shared/core/objects/names.ts";
import { resource } from "../../shared/kube/resources.ts";
import { uninstall } from "../../webhook/uninstall.ts";
import { startArena, type Arena } from "./arena.ts";
import { imageOf, Stage } from "./plays.ts";
import { Passing } from "./through.ts";
import { systemClock } from "../../shared/kube/clock.ts";

let arena: Arena;

beforeAll(async () => {
  arena = await startArena();
});
afterAll(() => arena.stop());

/** A run with half of the traffic, whose controller is gone. */
async function midRun(namespace: string): Promise<Stage> {
  const stage = new Stage(arena.cluster, arena.node, namespace);
  await stage.set();
  const options = { identity: namespace, leaseNamespace: namespace, namespace, gate: new Passing() };
  const controller = await arena.startController(options);
  await stage.until("initialization", ({ phase }) => phase === "Initialized");
  await stage.change("1.7.1");
  await stage.running("1.7.1");
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

it("gives back the others, takes traffic off every canary, and says what needs a person", async () => {
  const [sound, broken] = await Promise.all([midRun("sound"), midRun("broken")]);
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

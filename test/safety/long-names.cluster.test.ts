// A Deployment with a name as long as Helm makes them: what is derived of it is cut, found again, and taken away.
import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { label } from "../../shared/core/objects/names.ts";
import { resource } from "../../shared/kube/resources.ts";
import type { Controller } from "../../webhook/controller/controller.ts";
import { unmet, waitFor } from "../cluster/wait.ts";
import { startArena, type Arena } from "./arena.ts";
import { Stage } from "./plays.ts";
import { Passing } from "./through.ts";

const namespace = "long-names";
const name = "payments-prod-eu-payments-reconciliation-worker-web-frontend-ap";
let arena: Arena;
let loop: Controller;

beforeAll(async () => {
  arena = await startArena();
  loop = await arena.startController({ identity: "one", leaseNamespace: namespace, namespace, gate: new Passing() });
});
afterAll(async () => {
  await loop.stop();
  await arena.stop();
});

/** Names of what is there of the Canary. */
async function made(): Promise<string[]> {
  const ours = { namespace, labelSelector: label.canary };
  const [deployments, services] = await Promise.all([
    arena.cluster.list<V1Deployment>(resource.deployments, ours),
    arena.cluster.list<V1Service>(resource.services, ours),
  ]);
  return [...deployments.items, ...services.items].map(({ metadata }) => metadata?.name ?? "").sort();
}

it("promotes, and leaves nothing behind", async () => {
  expect(name).toHaveLength(63);
  const stage = new Stage(arena.cluster, arena.node, namespace, name);
  await stage.set();
  await stage.until("initialization", ({ phase }) => phase === "Initialized");
  await stage.change("1.7.1");
  await stage.running("1.7.1");
  expect(await made()).toEqual([
    "payments-prod-eu-payments-reconcilia-31ac0dd4-canary",
    "payments-prod-eu-payments-reconciliation-worke-31ac0dd4-primary",
    "payments-prod-eu-payments-reconciliation-worker-31ac0dd4-canary",
  ]);
  await stage.command("promote");
  await stage.until("the promotion", ({ phase }) => phase === "Succeeded");
  await arena.cluster.delete(resource.canaries, { namespace, name });
  await waitFor(
    async () => {
      const left = await made();
      return left.length === 0 ? undefined : unmet(left.join());
    },
    60_000,
    "everything of the Canary to be gone",
  );
  expect(Object.keys((await stage.target()).metadata?.labels ?? {})).toEqual([]);
}, 120_000);

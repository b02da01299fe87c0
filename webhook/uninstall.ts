/**
 * What Helm runs before it deletes the release: the controller is stopped, every target goes back to its user on stable's
 * template, traffic leaves the canaries, and what we made is deleted, the controller's own objects last. The Canaries stay, with
 * a status that says so.
 */
import type { V1Deployment, V1Pod } from "@kubernetes/client-node";
import type { Canary } from "../shared/core/objects/canary.ts";
import { label, leaseName, manager } from "../shared/core/objects/names.ts";
import { pause, systemClock } from "../shared/kube/clock.ts";
import type { Cluster } from "../shared/kube/cluster.ts";
import { hasCode } from "../shared/kube/errors.ts";
import { resource, type Resource } from "../shared/kube/resources.ts";
import { cleanUp, returnToUser, type CleanupDeps, type RouteGone } from "./controller/apply/cleanup.ts";
import { deleteSeen } from "./controller/apply/delete.ts";
import type { Logger } from "../shared/log.ts";
import { discoverRoutes } from "./controller/objects/route-choice.ts";
import { metaOf, toTarget } from "./controller/objects/from-objects.ts";
import { createCaches, everyKey, indexes, type Caches } from "./controller/cache/caches.ts";

export interface UninstallDeps {
  cluster: Cluster;
  log: Logger;
  random: () => number;
  /** The controller's own namespace and Deployment. */
  namespace: string;
  deployment: string;
  /** The Secret that the controller made for its certificate; undefined where another issuer's is used. */
  ownSecret: string | undefined;
  deadlineMs: number;
}

/** Throws when something could not be put back in time; Helm then keeps the release and shows the message. */
export async function uninstall(deps: UninstallDeps): Promise<void> {
  const { cluster, log } = deps;
  const signal = AbortSignal.timeout(deps.deadlineMs);
  await stopController(deps, signal);
  const routes = await discoverRoutes(cluster);
  const nothing = (): void => undefined;
  const deaf = { wake: nothing, onError: nothing, onUnreadable: nothing };
  const world = createCaches({ ...deps, ...deaf, clock: systemClock, routes });
  await world.start();
  const parts: CleanupDeps = { cluster, world, routes, log, now: () => systemClock.wall() };
  try {
    await giveBackTargets(parts, signal);
    await takeTracesAway(parts, signal);
    await resetStatuses(parts);
    await deleteOwnObjects(deps);
  } finally {
    await world.stop();
  }
}

// --- internal ---

const lookAgainMs = 250;

/** Waits for `done` by looking; there is no one event for "all of these". */
async function until(signal: AbortSignal, what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await done())) {
    if (signal.aborted)
      throw new Error(`Gave up waiting until ${what}. Run helm uninstall again, or look at the Canaries' status.`);
    await pause(systemClock, lookAgainMs, signal);
  }
}

/** Two of us would undo each other's work. */
async function stopController({ cluster, namespace, deployment }: UninstallDeps, signal: AbortSignal): Promise<void> {
  const at = { namespace, name: deployment };
  try {
    const stopped = await cluster.patch<V1Deployment>(resource.deployments, at, {
      type: "merge",
      body: { spec: { replicas: 0 } },
    });
    const matched = Object.entries(stopped.spec?.selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
    const labelSelector = matched.join(",");
    await until(signal, "the controller's pods have ended", async () => {
      const { items } = await cluster.list<V1Pod>(resource.pods, { namespace, labelSelector });
      return items.length === 0;
    });
  } catch (error: unknown) {
    if (!hasCode(error, "NotFound")) throw error;
  }
}

/** Targets first: while they roll back to stable, the canaries go on serving. */
async function giveBackTargets(parts: CleanupDeps, signal: AbortSignal): Promise<void> {
  const { world, log } = parts;
  const targets = world.deployments.list().filter((found) => metaOf(found).labels[label.target] === metaOf(found).uid);
  await until(signal, "every target could be written", async () => {
    const given = await Promise.all(targets.map((target) => giveBack(parts, target)));
    return given.every((isGiven) => isGiven);
  });
  await until(signal, "every target runs stable", () =>
    targets.every((target) => {
      const { namespace, name, uid } = metaOf(target);
      const found = world.deployments.get(namespace, name);
      const { rolledOut, replicas } = found
        ? toTarget(found, world.revisions.byIndex(indexes.owner, uid))
        : { rolledOut: true, replicas: 0 };
      return rolledOut || replicas === 0;
    }),
  );
  log.info({ targets: targets.length }, "every target is its user's again");
}

/** Says whether it is its user's again. Whoever writes it at the same moment is waited for; what is gone needs nothing. */
async function giveBack(parts: CleanupDeps, { metadata }: V1Deployment): Promise<boolean> {
  const { name = "", namespace = "", uid = "" } = { ...metadata };
  const found = parts.world.deployments.get(namespace, name);
  if (!found || metaOf(found).labels[label.target] !== uid) return true;
  try {
    await returnToUser(parts, found);
    return true;
  } catch (error: unknown) {
    if (hasCode(error, "NotFound")) return true;
    if (hasCode(error, "Conflict")) return false;
    throw error;
  }
}

async function takeTracesAway(parts: CleanupDeps, signal: AbortSignal): Promise<void> {
  const gone: RouteGone = new Map();
  const keys = everyKey(parts.world);
  await until(signal, "canary pods have drained and are deleted", async () => {
    const pending = await Promise.all(
      keys.map((key) => {
        const [namespace = "", name = ""] = key.split("/");
        return cleanUp(parts, { namespace, name }, gone);
      }),
    );
    return pending.every(({ requeueAfterMs }) => requeueAfterMs === undefined);
  });
}

/** A controller that is installed again later must not take up a run that is long over. */
async function resetStatuses({ cluster, world }: CleanupDeps & { world: Caches }): Promise<void> {
  const reason = "kubectl-canary was uninstalled: the target runs stable and is its user's alone.";
  for (const canary of world.canaries.list()) {
    const body = [{ op: "add", path: "/status", value: { phase: "", reason } }];
    const at = { name: metaOf(canary).name, namespace: metaOf(canary).namespace, subresource: "status" };
    try {
      await cluster.patch<Canary>(resource.canaries, at, { type: "json", body, fieldManager: manager });
    } catch (error: unknown) {
      if (!hasCode(error, "NotFound")) throw error;
    }
  }
}

/** Helm knows nothing of them, and one is a private key. */
async function deleteOwnObjects({ cluster, namespace, ownSecret }: UninstallDeps): Promise<void> {
  const own: [Resource, string | undefined][] = [
    [resource.secrets, ownSecret],
    [resource.leases, leaseName],
  ];
  for (const [of, name] of own)
    if (name !== undefined) await deleteSeen(cluster, of, { metadata: { name, namespace } });
}

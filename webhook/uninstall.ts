/**
 * What Helm runs before it deletes the release: the controller is stopped, every target goes back to its user on stable's
 * template, traffic leaves the canaries, and what we made is deleted, the controller's own objects last. One Deployment that cannot
 * be given back keeps no other from it. The Canaries stay, with a status that says so.
 */
import type { V1Deployment, V1Pod } from "@kubernetes/client-node";
import { cut } from "../shared/core/format/cut.ts";
import type { Canary } from "../shared/core/objects/canary.ts";
import { label, leaseName, manager } from "../shared/core/objects/names.ts";
import { type Clock, deadline, pause } from "../shared/kube/clock.ts";
import type { Cluster } from "../shared/kube/cluster.ts";
import { hasCode, messageOf } from "../shared/kube/errors.ts";
import { resource, type Resource } from "../shared/kube/resources.ts";
import { keyOf } from "../shared/kube/store.ts";
import { cleanUp, returnToUser, type CleanupDeps, type RouteGone } from "./controller/apply/cleanup.ts";
import { deleteSeen } from "./controller/apply/delete.ts";
import type { Logger } from "../shared/log.ts";
import { discoverRoutes } from "./controller/objects/route-choice.ts";
import { metaOf, toTarget } from "./controller/objects/from-objects.ts";
import { readableNamespaces } from "./runtime/watched-namespaces.ts";
import { createCaches, everyKey, indexes, type Caches } from "./controller/cache/caches.ts";

export interface UninstallDeps {
  cluster: Cluster;
  log: Logger;
  clock: Clock;
  random: () => number;
  /** The controller's own namespace and Deployment. */
  namespace: string;
  deployment: string;
  /** The only namespaces that were looked after; empty: all. */
  watchNamespaces: readonly string[];
  /** The Secret that the controller made for its certificate; undefined where another issuer's is used. */
  ownSecret: string | undefined;
  deadlineMs: number;
}

/**
 * Gives back what can be given back, and says what needs a person: in the log, in the Canaries' status, and in what is returned, each a
 * sentence. Throws only where the cluster cannot be asked at all.
 */
export async function uninstall(deps: UninstallDeps): Promise<string[]> {
  const { cluster, clock, log } = deps;
  const until = deadlines(clock, deps.deadlineMs);
  const left: Left = new Map();
  if (!(await stopController(deps, until.stopped)))
    left.set(`${deps.namespace}/`, "The controller's pods have not ended; what they still write may undo this.");
  const [routes, namespaces] = await Promise.all([
    discoverRoutes(cluster),
    readableNamespaces(deps, deps.watchNamespaces),
  ]);
  for (const namespace of namespaces.leftOut) left.set(`${namespace}/`, unreadable(namespace));
  if (deps.watchNamespaces.length > 0 && namespaces.watched.length === 0) {
    await deleteOwnObjects(deps);
    return said(left, log);
  }
  const world = createCaches({
    ...deps,
    routes,
    namespaces: namespaces.watched,
    templateNamespaces: [],
    providerNamespaces: [],
    wake: () => undefined,
    onError: () => undefined,
    onUnreadable: () => undefined,
  });
  const parts: Parts = { cluster, world, routes, log, clock, now: () => clock.wall() };
  try {
    await filled(world, { clock, signal: until.given });
    const rolling = await giveBackTargets(parts, until.given, left);
    await takeTracesAway(parts, until, { rolling, left });
    await resetStatuses(parts, left);
    await deleteOwnObjects(deps);
  } finally {
    await world.stop();
  }
  return said(left, log);
}

// --- internal ---

function said(left: Left, log: Logger): string[] {
  for (const what of left.values()) log.warn({ what }, "this needs a person");
  return [...left.values()];
}

const unreadable = (namespace: string): string =>
  `Namespace ${namespace} may not be read, and nothing was given back there; if it still exists, see kubectl -n ${namespace} get deploy -l ${label.target}`;

/** What needs a person: sentences by `namespace/name` of the Deployment or the Canary. */
type Left = Map<string, string>;

type Parts = CleanupDeps & { clock: Clock };

interface Within {
  clock: Clock;
  signal: AbortSignal;
}

const lookAgainMs = 250;

/** Each part gets its share of the time, so that the last one is reached. */
function deadlines(clock: Clock, wholeMs: number): Record<"stopped" | "given" | "rolled" | "drained", AbortSignal> {
  const after = (part: number): AbortSignal => deadline(clock, Math.floor(wholeMs * part)).signal;
  return { stopped: after(0.3), given: after(0.5), rolled: after(0.7), drained: after(0.9) };
}

/** Looks until it is done, and says whether it was in time; there is no one event for "all of these". */
async function inTime({ clock, signal }: Within, done: () => boolean | Promise<boolean>): Promise<boolean> {
  while (!(await done())) {
    if (signal.aborted) return false;
    await pause(clock, lookAgainMs, signal);
  }
  return true;
}

async function filled(world: Caches, within: Within): Promise<void> {
  void world.start();
  if (!(await inTime(within, () => world.hasSynced())))
    throw new Error("The cluster could not be read in time: nothing was given back. Run helm uninstall again.");
}

/** Two of us would undo each other's work. */
async function stopController(
  { cluster, clock, namespace, deployment }: UninstallDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const at = { namespace, name: deployment };
  try {
    const stopped = await cluster.patch<V1Deployment>(resource.deployments, at, {
      type: "merge",
      body: { spec: { replicas: 0 } },
    });
    const matched = Object.entries(stopped.spec?.selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
    const labelSelector = matched.join(",");
    return await inTime({ clock, signal }, async () => {
      const { items } = await cluster.list<V1Pod>(resource.pods, { namespace, labelSelector });
      return items.length === 0;
    });
  } catch (error: unknown) {
    if (hasCode(error, "NotFound")) return true;
    throw error;
  }
}

/** Returns those that roll because of us: their canaries go on serving until stable's pods are back. */
async function giveBackTargets(parts: Parts, signal: AbortSignal, left: Left): Promise<V1Deployment[]> {
  const targets = parts.world.deployments.list().filter(isMarked);
  const given = new Set<V1Deployment>();
  let open = targets;
  // What is refused again and again holds up nobody else's traffic.
  for (let tries = 0; open.length > 0 && tries < mostTries && !signal.aborted; tries++) {
    if (tries > 0) await pause(parts.clock, lookAgainMs * 2 ** tries, signal);
    const isGiven = await Promise.all(open.map((target) => giveBack(parts, target, left)));
    for (const [index, target] of open.entries()) if (isGiven[index]) given.add(target);
    open = open.filter((target) => !given.has(target));
  }
  parts.log.info({ given: given.size, left: open.length }, "targets were given back");
  return [...given].filter((target) => label.promoting in metaOf(target).labels);
}

/** With the pauses between them, some 16 s. */
const mostTries = 6;

const isMarked = (found: V1Deployment): boolean => metaOf(found).labels[label.target] === metaOf(found).uid;

/** Says whether it is its user's again; if not, why is kept. Whoever writes it at the same moment is waited for; what is gone needs nothing. */
async function giveBack(parts: CleanupDeps, target: V1Deployment, left: Left): Promise<boolean> {
  const { name, namespace, uid } = metaOf(target);
  const key = keyOf(target);
  const found = parts.world.deployments.get(namespace, name);
  try {
    if (found && metaOf(found).uid === uid && isMarked(found)) await returnToUser(parts, found);
    left.delete(key);
    return true;
  } catch (error: unknown) {
    if (!parts.world.deployments.get(namespace, name)) return true;
    left.set(
      key,
      `Deployment ${name} in ${namespace} was not given back: ${messageOf(error)} ` +
        `It serves on as it is; once its template is right: kubectl -n ${namespace} rollout resume deploy ${name}`,
    );
    return false;
  }
}

/** Traffic leaves a canary as soon as stable can carry it, and in any case while there is still time to drain. */
async function takeTracesAway(
  parts: Parts,
  until: ReturnType<typeof deadlines>,
  { rolling, left }: { rolling: readonly V1Deployment[]; left: Left },
): Promise<void> {
  const gone: RouteGone = new Map();
  let open = everyKey(parts.world);
  const isDone = async (key: string): Promise<boolean> => {
    const [namespace = "", name = ""] = key.split("/");
    const target = parts.world.canaries.get(namespace, name)?.spec.targetRef.name;
    const own = rolling.find(({ metadata }) => metadata?.namespace === namespace && metadata.name === target);
    if (own && !until.rolled.aborted && !rolledOut(parts.world, own)) return false;
    try {
      const { requeueAfterMs } = await cleanUp(parts, { namespace, name }, gone);
      if (requeueAfterMs !== undefined) return false;
    } catch (error: unknown) {
      left.set(
        `canary ${key}`,
        `What was made for Canary ${name} in ${namespace} is not all gone: ${messageOf(error)}`,
      );
      return false;
    }
    left.delete(`canary ${key}`);
    return true;
  };
  const isDrained = await inTime({ clock: parts.clock, signal: until.drained }, async () => {
    const done = await Promise.all(open.map(isDone));
    open = open.filter((_, index) => !done[index]);
    return open.length === 0;
  });
  if (!isDrained) for (const key of open) notDrained(key, left);
  for (const target of rolling) if (!rolledOut(parts.world, target)) stillRolls(target, left);
}

function notDrained(key: string, left: Left): void {
  const [namespace = "", name = ""] = key.split("/");
  const command = `kubectl -n ${namespace} get deploy,svc,trafficsplit,httproute -l ${label.canary}=${name}`;
  if (!left.has(`canary ${key}`))
    left.set(`canary ${key}`, `What was made for Canary ${name} in ${namespace} is not all gone; see ${command}`);
}

function stillRolls(target: V1Deployment, left: Left): void {
  const { name, namespace } = metaOf(target);
  const command = `kubectl -n ${namespace} rollout status deploy ${name}`;
  const what = `Deployment ${name} in ${namespace} is given back, and its rollout to stable is not over; see ${command}`;
  left.set(keyOf(target), what);
}

function rolledOut(world: Caches, target: V1Deployment): boolean {
  const { namespace, name, uid } = metaOf(target);
  const found = world.deployments.get(namespace, name);
  if (!found) return true;
  const { rolledOut: isOver, replicas } = toTarget(found, world.revisions.byIndex(indexes.owner, uid));
  return isOver || replicas === 0;
}

/** A controller that is installed again later must not take up a run that is long over. */
async function resetStatuses({ cluster, world, log }: CleanupDeps, left: Left): Promise<void> {
  for (const canary of world.canaries.list()) {
    const key = keyOf(canary);
    const still = left.get(`${metaOf(canary).namespace}/${canary.spec.targetRef.name}`) ?? left.get(`canary ${key}`);
    const reason = `kubectl-canary was uninstalled: ${still ?? "the target runs stable and is its user's alone."}`;
    const body = [{ op: "add", path: "/status", value: { phase: "", reason: cut(reason) } }];
    const at = { name: metaOf(canary).name, namespace: metaOf(canary).namespace, subresource: "status" };
    try {
      await cluster.patch<Canary>(resource.canaries, at, { type: "json", body, fieldManager: manager });
    } catch (error: unknown) {
      // Whoever installs it again finds a status that is looked at anew; nothing of the cluster hangs on it.
      if (!hasCode(error, "NotFound")) log.warn({ canary: key, reason: messageOf(error) }, "its status was not reset");
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

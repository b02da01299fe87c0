/** Gathers what one Canary's decision is made from: caches first, Prometheus when a check is due, pods when they fail. */
import type { V1Deployment, V1Pod } from "@kubernetes/client-node";
import { isWithoutService } from "../../../shared/core/objects/canary.ts";
import { commandIn } from "../../../shared/core/commands/codec.ts";
import { isSealedBy } from "../../../shared/core/objects/ownership.ts";
import { podSelectorText } from "../../../shared/core/selectors/track-label.ts";
import { canaryLeaf, label, primaryLeaf } from "../../../shared/core/objects/names.ts";
import { pendingCommand } from "../../../shared/core/commands/during-run.ts";
import type { Policy } from "../../../shared/core/spec/policy.ts";
import type { CanaryState } from "../../../shared/core/state.ts";
import type { Observation, Endpoints, Workload, Target } from "../../../shared/core/observation.ts";
import type { Cluster } from "../../../shared/kube/cluster.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { type Answers, type AskDeps, askPrometheus } from "./questions.ts";
import type { RouteSeen } from "../../../shared/core/routes/routes.ts";
import { splitProblem } from "../../../shared/service-profile.ts";
import { autoscalerSeen } from "./autoscaler.ts";
import { isAsWanted, isRouteBehind, wantedServices } from "../cache/wanted.ts";
import { readProfile } from "./service-profile.ts";
import { failureOf } from "./pod-failures.ts";
import { oursExist, otherRouteOf } from "../cache/ours.ts";
import { keptStable } from "../cache/kept-template.ts";
import {
  areAlikeByName,
  behind,
  metaOf,
  readyPods,
  toEndpoints,
  toTarget,
  toWorkload,
} from "../objects/from-objects.ts";
import { type Caches, indexes } from "../cache/caches.ts";
import { type CanaryObjects, defined, type ObjectDeps } from "../cache/canary-objects.ts";

export interface ObserveDeps extends AskDeps, ObjectDeps {
  cluster: Cluster;
}

export type Observed = Omit<Observation, "unmet">;

/**
 * All but what stands in the way. A command that waits for its answer is answered by what the caches know: what Prometheus, pods or
 * a spec that cannot be read would hold up is asked for afterwards. `objects` has nothing in it that is not ours.
 */
export async function observe(
  deps: ObserveDeps,
  objects: CanaryObjects,
  { state, policy }: { state: CanaryState; policy: Policy },
): Promise<Observed> {
  const { world } = deps;
  const command = commandIn(objects.canary);
  const isUrgent = pendingCommand({ state, seen: { ...defined({ command }) } }) !== undefined;
  const { canary, namespace, targetName, apexName, target } = objects;
  const now = deps.now();
  const workload = await workloadOf(deps, objects, { state, isUrgent });
  const isAsked = !isUrgent && policy.unreadable === undefined;
  const route = await divisionSeen(deps, objects, { state, isUrgent });
  const answers: Answers = isAsked ? await askPrometheus(deps, objects, { state, policy, workload, now }) : {};
  const autoscaler = autoscalerSeen(world, objects, answers);
  const revisions = [target, objects.workload].flatMap((owner) => (owner ? revisionsOf(world, owner) : []));
  const labelled = target && state.run && areAlikeByName(revisions) ? await hashesOf(deps.cluster, target) : undefined;
  const endpoints = (name: string): Endpoints => {
    const service = world.services.get(namespace, name);
    const slices = behind(service, world.slices.byIndex(indexes.owner, `${namespace}/${name}`));
    return { ...toEndpoints(slices, revisions, labelled), ...(service ? {} : { isGone: true }) };
  };
  const leaves = { primary: endpoints(primaryLeaf(apexName)), canary: endpoints(canaryLeaf(apexName)) };
  return {
    now,
    name: canary.metadata.name ?? "",
    namespace,
    targetName,
    apexName,
    warnings: bypassWarning(objects),
    servicesReady: servicesReady(world, objects),
    scrapeIntervalMs: deps.scrapeIntervalMs,
    hasOtherRoute: otherRouteOf(deps, objects) !== undefined,
    oursExist: oursExist(world, { namespace, name: canary.metadata.name ?? "" }),
    endpoints: isWithoutService(canary) ? podsThemselves(world, objects) : leaves,
    ...defined({
      command,
      target: target && targetOf(world, objects, target, state),
      workload,
      route,
      autoscaler,
      ...answers,
    }),
  };
}

// --- internal ---

/** Pods have nothing to tell yet, and each step of their start would ask for all of them. */
const podsSilentMs = 1_000;

async function divisionSeen(
  deps: ObserveDeps,
  objects: CanaryObjects,
  at: { state: CanaryState; isUrgent: boolean },
): Promise<RouteSeen | undefined> {
  if (isWithoutService(objects.canary)) return absentRoute(at.state);
  const seen = await routeSeen(deps, objects, at);
  return seen && isRouteBehind(objects) ? { ...seen, isBehind: true } : seen;
}

/** A TrafficSplit that nobody carries out looks as sound as any: its ServiceProfile is asked for before a run may start on it. */
async function routeSeen(
  deps: ObserveDeps,
  { route, served, apexName: apex, namespace, target }: CanaryObjects,
  { state, isUrgent }: { state: CanaryState; isUrgent: boolean },
): Promise<RouteSeen | undefined> {
  const seen = route && served?.router.read(route, apex);
  const isAboutToStart = !isUrgent && !state.run && target !== undefined && label.held in metaOf(target).labels;
  if (!seen || route.kind !== "TrafficSplit" || !isAboutToStart) return seen;
  const problem = splitProblem(route, await readProfile(deps.cluster, { namespace, apex }), deps.now());
  return problem === undefined ? seen : { ...seen, problem };
}

/** What is decided is in force at once. */
function absentRoute({ weight, run }: CanaryState): RouteSeen {
  return { weight, ownWeight: weight, isAbsent: true, ...(run ? { over: run.id } : {}) };
}

/** Ready pods, where no Service stands before them. */
function podsThemselves(world: Caches, { target, workload }: CanaryObjects): Observation["endpoints"] {
  const of = (owner: V1Deployment | undefined): Endpoints => readyPods(owner ? revisionsOf(world, owner) : []);
  return { primary: of(target), canary: of(workload) };
}

/** With stable among the versions whose template can be put back where we keep it ourselves. */
function targetOf(world: Caches, objects: CanaryObjects, target: V1Deployment, { stable }: CanaryState): Target {
  const seen = toTarget(target, revisionsOf(world, target));
  const isKept = stable !== undefined && keptStable(world, objects, stable.podTemplateHash);
  return isKept ? { ...seen, stableKept: true, kept: [...new Set([...seen.kept, stable.podTemplateHash])] } : seen;
}

function bypassWarning({ target, targetName, namespace }: CanaryObjects): string[] {
  if (!target || !(label.bypass in metaOf(target).labels)) return [];
  return [
    `Break-glass is set: the next change of Deployment ${targetName} goes out without a canary. To take it off: kubectl -n ${namespace} label deploy ${targetName} ${label.bypass}-`,
  ];
}

function revisionsOf(world: Caches, deployment: V1Deployment): ReturnType<Caches["revisions"]["byIndex"]> {
  return world.revisions.byIndex(indexes.owner, metaOf(deployment).uid);
}

async function workloadOf(
  deps: ObserveDeps,
  objects: CanaryObjects,
  { state, isUrgent }: { state: CanaryState; isUrgent: boolean },
): Promise<Workload | undefined> {
  const { workload } = objects;
  if (!workload) return undefined;
  const waiting = !isUrgent && state.run?.stage === "scaling" && (workload.status?.unavailableReplicas ?? 0) > 0;
  const failure = waiting ? await failureSeen(deps, workload, state.run?.stageAt) : undefined;
  const { name: canary, uid } = metaOf(objects.canary);
  const seen = toWorkload(workload, revisionsOf(deps.world, workload), failure);
  return isSealedBy({ canary, uid }, workload) ? seen : { ...seen, isUnsealed: true };
}

async function failureSeen(deps: ObserveDeps, workload: V1Deployment, stageAt = 0): Promise<string | undefined> {
  const now = deps.now();
  const pods = now - stageAt < podsSilentMs ? [] : await podsOf(deps.cluster, workload);
  return failureOf(workload, pods, now);
}

/** Of each pod by its name. Where they cannot be read, names must do. */
async function hashesOf(cluster: Cluster, target: V1Deployment): Promise<Map<string, string>> {
  const pods = await podsOf(cluster, target).catch(() => []);
  return new Map(pods.map((pod) => [metaOf(pod).name, metaOf(pod).labels[label.podTemplateHash] ?? ""]));
}

async function podsOf(cluster: Cluster, deployment: V1Deployment): Promise<V1Pod[]> {
  const labelSelector = podSelectorText(deployment.spec?.selector);
  const { namespace } = metaOf(deployment);
  return (await cluster.list<V1Pod>(resource.pods, { namespace, labelSelector })).items;
}

function servicesReady(world: Caches, objects: CanaryObjects): boolean {
  const { apex, namespace, canary } = objects;
  if (isWithoutService(canary)) return true;
  const all = wantedServices(world, objects);
  if (!apex || all.length === 0) return false;
  return all.every((wanted) => isAsWanted(world.services.get(namespace, metaOf(wanted).name), wanted));
}

/**
 * The actions that make what was seen agree with a state. They are derived from the state alone, so that a restart after
 * any of them derives the rest again; nothing is remembered of what has been done.
 */
import { isEdited, loweredByOthers, podsFor, preparedWeight, readyCanaries, sharedReplicas } from "./turn/capacity.ts";
import { drainLeftMs, isLeftBy } from "./turn/drain.ts";
import { rulesFor } from "./turn/routing.ts";
import { optional } from "./format/compact.ts";
import { fingerprintOf, type RouteRules, type RouteSeen } from "./routes/routes.ts";
import { isUnconfirmed } from "./gates/answers.ts";
import { configMarking } from "./lifecycle/configs.ts";
import { initializationBlocker } from "./lifecycle/initialize.ts";
import { isMissingForGood } from "./lifecycle/idle.ts";
import { rejectedWords } from "./lifecycle/start.ts";
import type { Policy } from "./spec/policy.ts";
import type { CanaryState, Run } from "./state.ts";
import type { Action } from "./action.ts";
import type { Observation, Target, Unmet } from "./observation.ts";

/** Actions in the order in which they are safe. */
export function actionsFor(next: CanaryState, seen: Observation, policy: Policy): Action[] {
  const { target } = seen;
  if (!next.stable) return [];
  if (!target && !next.run && isMissingForGood(next, seen.now)) return seen.oursExist ? [{ kind: "removeOurs" }] : [];
  if (!target)
    return [...lowerWeight(next, seen, rulesFor(next, seen, policy)), ...(next.run ? [] : close(next, seen, policy))];
  // What takes traffic back comes first: an action that fails keeps those after it from being done.
  const rules = rulesFor(next, seen, policy);
  const raising = raiseWeight(next, seen, policy);
  const actions = [
    ...lowerWeight(next, seen, rules),
    ...(next.run ? runTarget(next, next.run, target, raising.length > 0) : idleTarget(next, seen, policy)),
    ...plumbing(seen),
    ...workload(next, seen, policy),
    ...raising,
    ...otherRoute(next, seen),
    ...configMarking(next, seen),
  ];
  return isUnmet(seen, "unfit") ? retreat(actions, seen) : actions;
}

/** Of `actions` those that only lead back to stable: less weight, fewer canary pods, stable's own template. */
export function retreat(actions: readonly Action[], seen: Observation): Action[] {
  const { route } = seen;
  const leadsBack: { [K in Action["kind"]]?: (action: Extract<Action, { kind: K }>) => boolean } = {
    setWeight: ({ weight, over, rules }) =>
      route !== undefined && (weight < route.weight || (weight === 0 && (over !== undefined || isBare(route, rules)))),
    scaleCanary: ({ replicas }) => replicas === 0,
    restoreStable: () => true,
    unholdTarget: () => true,
  };
  return actions.filter((action) => (leadsBack[action.kind] as ((action: Action) => boolean) | undefined)?.(action));
}

/** What is done behind a barrier between runs: the pods of the run that is over still go, and nothing else is touched. */
export function leftToClose(next: CanaryState, seen: Observation, policy: Policy): Action[] {
  const [last] = next.history;
  const { workload: canary } = seen;
  if (!last || !isLeftBy(last.run, canary) || canary?.isUnsealed || canary?.intent !== last.intent) return [];
  return close(next, seen, policy);
}

// --- internal ---

function isUnmet(seen: Observation, of: Unmet["level"]): boolean {
  return seen.unmet.some(({ level }) => level === of);
}

function plumbing(seen: Observation): Action[] {
  const actions: Action[] = [];
  if (isUnmet(seen, "missing")) return actions;
  if (!seen.servicesReady) actions.push({ kind: "applyServices" });
  if (!seen.route || seen.route.isBehind) actions.push({ kind: "applyRoute" });
  return actions;
}

type Rules = RouteRules | undefined;

/** It would go on dividing traffic, by weights that nobody judges any more; until the new one has them it is left as it is. */
function otherRoute(next: CanaryState, { route, hasOtherRoute }: Observation): Action[] {
  const hasWeights = route !== undefined && route.weight === next.weight;
  return hasOtherRoute && hasWeights ? [{ kind: "removeOtherRoute" }] : [];
}

/** All rules beside the weights are to go. */
function isBare(route: RouteSeen, rules: Rules): boolean {
  return rules === undefined && (route.rules ?? "") !== "";
}

/** Where there is no route, nothing is written. */
const writable = ({ route }: Observation): RouteSeen | undefined => (route?.isAbsent ? undefined : route);

function lowerWeight(next: CanaryState, seen: Observation, rules: Rules): Action[] {
  const route = writable(seen);
  if (!route) return [];
  // Written once more where someone else set what is meant now: else their write would pass for a later lowering.
  const othersWrite = route.weight === next.weight && route.ownWeight !== route.weight;
  const ended = endedBy(next);
  const isOpen = ended.over !== undefined && route.over !== ended.over;
  const isIdle = next.weight === 0 && (route.restsOnCanary === "ours" || isBare(route, rules));
  const isDue = route.weight > next.weight || othersWrite || isOpen || isIdle;
  return isDue ? [{ kind: "setWeight", weight: next.weight, ...ended, ...optional("rules", rules) }] : [];
}

function endedBy({ weight, run }: CanaryState): { over?: string } {
  return weight === 0 && run?.stage === "draining" ? { over: run.id } : {};
}

/** At weight 0 they are taken out elsewhere: see `isBare`. */
function hasOther(route: RouteSeen, rules: Rules): boolean {
  const isOther = route.rules !== undefined && route.rules !== fingerprintOf(rules);
  return isOther && (rules !== undefined || route.weight > 0);
}

/** Also other rules at the weight that it has; a route that is not ours, or a TrafficSplit, has none. */
function raiseWeight(next: CanaryState, seen: Observation, policy: Policy): Action[] {
  const route = writable(seen);
  if (!route || !next.run || loweredByOthers(next, seen)) return [];
  const rules = rulesFor(next, seen, policy);
  const isDue = route.weight < next.weight || (route.weight === next.weight && hasOther(route, rules));
  if (!isDue) return [];
  const needed = podsFor(next.weight, sharedReplicas(next, next.run, seen, policy));
  const isCarried = readyCanaries(next.run, seen) >= needed;
  return isCarried ? [{ kind: "setWeight", weight: next.weight, ...optional("rules", rules) }] : [];
}

function idleTarget(next: CanaryState, seen: Observation, policy: Policy): Action[] {
  const { target } = seen;
  const stable = next.stable?.podTemplateHash ?? "";
  if (!target || !mayBeHeld(next, seen, policy)) return [];
  if (next.unvetted) return unvettedTarget(next, target);
  if (!target.optedIn) return [{ kind: "optIn", podTemplateHash: stable }];
  const actions = marking(target, stable);
  if (target.held && target.intent === next.stable?.hash) actions.push({ kind: "unholdTarget" });
  return [...actions, ...rejectionMark(next, seen, target), ...keeping(target, stable)];
}

/** Nothing is held before all is there that a run needs: a change that waits for what nobody makes would never go out. */
function mayBeHeld(next: CanaryState, seen: Observation, policy: Policy): boolean {
  if (next.phase !== "Initializing" || seen.target?.optedIn) return true;
  return initializationBlocker({ state: next, seen, policy }, next.stable) === undefined;
}

/** Who finds the target without us must know what is stable. */
function marking(target: Target, podTemplateHash: string): Action[] {
  const isMarked = target.promoting === undefined && target.stableMark === podTemplateHash;
  return isMarked ? [] : [{ kind: "markStable", podTemplateHash }];
}

function keeping({ stableKept, kept }: Target, podTemplateHash: string): Action[] {
  return stableKept || !kept.includes(podTemplateHash) ? [] : [{ kind: "keepStable", podTemplateHash }];
}

/** Marked as ours again, and let alone otherwise, until a person adopts or undoes what runs. */
function unvettedTarget(next: CanaryState, target: Target): Action[] {
  const { hash, podTemplateHash } = { hash: "", podTemplateHash: "", ...next.stable };
  if (!target.optedIn) return [{ kind: "optIn", podTemplateHash }];
  const isBack = target.intent === hash;
  const actions: Action[] = target.promoting === undefined ? [] : [{ kind: "markStable", podTemplateHash }];
  if (target.bypass && (isBack || !next.unvetted?.spent)) actions.push({ kind: "consumeBypass" });
  if (isBack && target.held) actions.push({ kind: "unholdTarget" });
  if (isBeingUndone(next, target)) actions.push({ kind: "restoreStable", podTemplateHash });
  return actions;
}

/** Only what was unvetted is overwritten: nothing that someone asked for since. */
function isBeingUndone({ unvetted, stable }: CanaryState, target: Target): boolean {
  const isUndone = unvetted?.undoneBy !== undefined && target.intent !== stable?.hash;
  return isUndone && unvetted.hash === target.intent && !target.held;
}

function rejectionMark(next: CanaryState, seen: Observation, target: Target): Action[] {
  const rejection = target.held ? next.rejected.find((entry) => entry.hash === target.intent) : undefined;
  if (!rejection) return clearing(target);
  if (target.markedRejected) return [];
  const { reason } = rejectedWords({ state: next, seen }, target, rejection);
  return [{ kind: "markRejected", intent: rejection.hash, words: reason }];
}

function runTarget(next: CanaryState, run: Run, target: Target, isRaising: boolean): Action[] {
  const { hash, podTemplateHash } = next.stable!;
  // What the canary is to carry while the target rolls it carries before that.
  if (run.stage === "promoting" && mustBeReleased(run, target))
    return isRaising ? [] : [...clearing(target), { kind: "releaseTarget", intent: run.intent, run: run.id }];
  if (run.stage === "restoring" && target.intent === run.intent) return [{ kind: "restoreStable", podTemplateHash }];
  if (target.held && target.intent === hash) return [...clearing(target), { kind: "unholdTarget" }];
  const isJudging = run.stage === "scaling" || run.stage === "analysing";
  const knowing = [...marking(target, podTemplateHash), ...keeping(target, podTemplateHash)];
  return [...clearing(target), ...(isJudging ? knowing : [])];
}

const mustBeReleased = (run: Run, target: Target): boolean =>
  target.intent === run.intent && (target.promoting !== run.id || target.held);

function clearing(target: Target): Action[] {
  return target.markedRejected ? [{ kind: "clearRejected" }] : [];
}

function workload(next: CanaryState, seen: Observation, policy: Policy): Action[] {
  const { run } = next;
  if (!run) return close(next, seen, policy);
  if (run.ending) return [];
  if (isUnconfirmed(run, next.weight, policy)) return [];
  const replicas = replicasFor(next, run, seen, policy);
  if (isWrittenFor(run, seen)) return scaleTo(replicas, seen);
  if (run.back) return closeForBack(next, seen, policy);
  const isDue = seen.target?.intent === run.intent && mayBeWritten(next, run, { seen, policy });
  return isDue ? [{ kind: "runCanary", intent: run.intent, replicas }] : [];
}

/** What is left of another run goes once it carries nothing, and nothing is made for one that needs no canary. */
function closeForBack(next: CanaryState, seen: Observation, policy: Policy): Action[] {
  const isInUse = next.weight > 0 || drainLeftMs(next, seen, policy) !== undefined;
  return isInUse ? [] : scaleTo(0, seen);
}

/** What an earlier run has left may have been edited since: each run writes its own. */
function isWrittenFor(run: Run, seen: Observation): boolean {
  const { workload: canary } = seen;
  return canary?.intent === run.intent && canary.over === undefined && !isEdited(run, seen);
}

/** Pods that someone else's edit has made go when nobody sends to them any more; what carries a promotion is let alone. */
function mayBeWritten(next: CanaryState, run: Run, { seen, policy }: { seen: Observation; policy: Policy }): boolean {
  if (!isEdited(run, seen)) return true;
  const isJudging = run.stage === "scaling" || run.stage === "analysing";
  const isCarrying = next.weight > 0 || (seen.route?.weight ?? 0) > 0;
  return isJudging && !isCarrying && seen.now - run.stageAt >= policy.drainMs;
}

/** No pods between runs; written also where there are none, once for each run that is over. */
function close(next: CanaryState, seen: Observation, policy: Policy): Action[] {
  const [last] = next.history;
  const { workload: canary } = seen;
  const isClosed = canary?.replicas === 0 && (!last || canary.over === last.run);
  const isInUse = next.keptUntil !== undefined || drainLeftMs(next, seen, policy) !== undefined;
  if (!canary || (isClosed && !canary.isUnsealed) || isInUse) return [];
  return [{ kind: "scaleCanary", replicas: 0, ...(last ? { over: last.run } : {}) }];
}

function scaleTo(replicas: number, { workload: canary }: Observation): Action[] {
  return canary && (canary.replicas !== replicas || canary.isUnsealed) ? [{ kind: "scaleCanary", replicas }] : [];
}

/** Enough for the weight it has and for the one being prepared; while it carries a promotion it never shrinks. */
function replicasFor(next: CanaryState, run: Run, seen: Observation, policy: Policy): number {
  const { weight } = next;
  const of = sharedReplicas(next, run, seen, policy);
  if (run.stage !== "scaling" && run.stage !== "analysing")
    return Math.max(podsFor(weight, of), seen.workload?.replicas ?? 0);
  return Math.max(podsFor(weight, of), podsFor(preparedWeight(run, policy), of));
}

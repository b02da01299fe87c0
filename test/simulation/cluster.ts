/** The two sides on which a decision meets the world: what is observed of it, and what an action does to it. */
import { checkIsDue } from "../../shared/core/decide.ts";
import type { Policy } from "../../shared/core/spec/policy.ts";
import { type CanaryState } from "../../shared/core/state.ts";
import type { Observation, Workload } from "../../shared/core/observation.ts";
import { fingerprintOf, type RouteRules, type RouteSeen } from "../../shared/core/routes/routes.ts";
import { type Action } from "../../shared/core/action.ts";
import { aVersion, canaryRevision, hashOf, imagesAt } from "../builders.ts";
import { answersIn } from "./hooks.ts";
import { countersIn, measure } from "./measure.ts";
import {
  canaryEndpoints,
  checkRoute,
  isRolling,
  primaryEndpoints,
  readyPods,
  settle,
  stuckWords,
  tagOf,
  type World,
} from "./world.ts";

export function observe(world: World, state: CanaryState, policy: Policy): Observation {
  const { command } = world;
  const route = world.isWorker ? absentRoute(state) : world.route;
  const metrics = checkIsDue(state, world.now) ? measure(world, state, policy) : undefined;
  const counters = countersIn(world, policy);
  const workload = workloadSeen(world);
  return {
    now: world.now,
    name: "podinfo",
    namespace: "test",
    targetName: "podinfo",
    apexName: "podinfo",
    answers: answersIn(world),
    unmet: world.unmet,
    warnings: [],
    target: targetSeen(world),
    servicesReady: world.services,
    scrapeIntervalMs: world.scrapeMs,
    oursExist: world.services || route !== undefined,
    endpoints: { primary: primaryEndpoints(world), canary: canaryEndpoints(world) },
    ...(workload ? { workload } : {}),
    ...(route ? { route: { ...route } } : {}),
    ...(metrics ? { metrics } : {}),
    ...(counters ? { counters } : {}),
    ...(command ? { command } : {}),
  };
}

/** Performs `action` as the API server and the controllers would. Promises are checked as it is done. */
export function perform(world: World, action: Action, state: CanaryState): void {
  const performer = performers[action.kind] as Performer<Action["kind"]>;
  performer(world, action, state);
  settle(world);
}

// --- internal ---

function workloadSeen({ canary }: World): Workload | undefined {
  if (!canary) return undefined;
  const failing = canary.pods.some((pod) => !Number.isFinite(pod.readyAt));
  return {
    intent: hashOf(canary.tag),
    replicas: canary.replicas,
    ...(canary.over === undefined ? {} : { over: canary.over }),
    podTemplateHash: canaryRevision(canary.tag),
    template: `stored-${canary.tag}`,
    ...(failing ? { failure: "pod podinfo-canary-1, container podinfod: CrashLoopBackOff" } : {}),
  };
}

/** What is decided is in force at once. */
function absentRoute({ weight, run }: CanaryState): RouteSeen {
  return { weight, ownWeight: weight, isAbsent: true, ...(run ? { over: run.id } : {}) };
}

type Performer<K extends Action["kind"]> = (
  world: World,
  action: Extract<Action, { kind: K }>,
  state: CanaryState,
) => void;

const performers: { [K in Action["kind"]]: Performer<K> } = {
  optIn: ({ target }, { podTemplateHash }) => {
    target.optedIn = true;
    target.stableMark = podTemplateHash;
  },
  applyServices: (world) => {
    world.services = true;
  },
  applyRoute: (world) => {
    world.route ??= { weight: 0, ownWeight: 0, ...(world.takesRules ? { rules: "" } : {}) };
  },
  setWeight: (world, action, state) => setWeight(world, action, state),
  runCanary: (world, action) => runCanary(world, action),
  scaleCanary: (world, action) => scaleCanary(world, action),
  releaseTarget: (world, action, state) => {
    const { target } = world;
    promise(world, action.intent === state.run?.intent, `released ${action.intent}, which is not the run's intent`);
    promise(world, action.intent === hashOf(target.tag), `released ${action.intent} over ${hashOf(target.tag)}`);
    target.held = false;
    target.promoting = action.run;
    target.rollingSince = world.now;
  },
  markStable: ({ target }, { podTemplateHash }) => {
    delete target.promoting;
    target.stableMark = podTemplateHash;
  },
  unholdTarget: (world, _action, state) => {
    const { target } = world;
    promise(world, hashOf(target.tag) === state.stable?.hash, `unheld ${target.tag}, which is not stable`);
    target.held = false;
  },
  restoreStable: ({ target, now }, { podTemplateHash }) => {
    target.tag = podTemplateHash.replace("pod", "");
    target.held = false;
    target.rollingSince = now;
  },
  // No configuration is tracked here.
  markConfigs: (world) => promise(world, false, "marked a template for configuration"),
  removeOtherRoute: () => undefined,
  removeOurs: (world) => {
    delete world.canary;
    delete world.route;
    world.services = false;
  },
  keepStable: () => undefined,
  consumeBypass: ({ target }) => {
    target.bypass = false;
  },
  markRejected: ({ target }) => {
    target.markedRejected = true;
  },
  clearRejected: ({ target }) => {
    target.markedRejected = false;
  },
};

function setWeight(world: World, action: Extract<Action, { kind: "setWeight" }>, state: CanaryState): void {
  const { weight, over } = action;
  const before = world.route?.weight ?? 0;
  world.route = { ...world.route, weight, ownWeight: weight, ...(over === undefined ? {} : { over }) };
  if (world.takesRules) setRules(world, world.route, action.rules);
  if (weight !== before) world.weights.push({ at: world.now, weight });
  if (weight > before) checkRoute(world, state.run && tagOf(world, state.run.intent));
}

function setRules(world: World, route: RouteSeen, rules: RouteRules | undefined): void {
  route.rules = fingerprintOf(rules);
  world.isForMatching = rules?.only !== undefined;
  const isServed = canaryEndpoints(world).ready > 0 || !(rules?.preview ?? rules?.affinity);
  promise(world, isServed, "a rule sends users to a canary without a ready pod");
}

/** Users' requests may still reach canary pods: somebody sent to them a moment ago. */
function isCarrying(world: World): boolean {
  return canaryEndpoints(world).ready > 0 && world.now - world.carriedAt < 5_000;
}

function runCanary(world: World, action: Extract<Action, { kind: "runCanary" }>): void {
  const { tag } = world.target;
  promise(world, !isCarrying(world) || world.canary?.tag === tag, "the canary's template changed under traffic");
  promise(world, action.intent === hashOf(tag), "the canary was given a template that nobody asked for");
  const made = world.canary ? action.replicas : 0;
  world.canary = { tag, replicas: made, pods: world.canary?.pods ?? [] };
}

function scaleCanary(world: World, { replicas, over }: Extract<Action, { kind: "scaleCanary" }>): void {
  if (!world.canary) return;
  const shrinks = replicas < Math.ceil((world.target.replicas * (world.route?.weight ?? 0)) / 100);
  promise(world, !shrinks && (replicas > 0 || !isCarrying(world)), `scaled to ${replicas} under traffic`);
  world.canary.replicas = replicas;
  if (over !== undefined) world.canary.over = over;
}

function promise(world: World, kept: boolean, broken: string): void {
  if (!kept) world.violations.push(broken);
}

function targetSeen(world: World): NonNullable<Observation["target"]> {
  const { target } = world;
  const stuck = stuckWords(world);
  return {
    uid: "uid-1",
    intent: hashOf(target.tag),
    ...(target.held ? {} : { podTemplateHash: `pod${target.tag}` }),
    images: imagesAt(target.tag),
    optedIn: target.optedIn,
    held: target.held,
    pausedByUser: target.pausedByUser,
    paused: target.held,
    bypass: target.bypass,
    changedBy: target.requestedBy,
    stableKept: true,
    kept: target.kept.map((tag) => `pod${tag}`),
    requestedBy: target.requestedBy,
    markedRejected: target.markedRejected,
    replicas: target.replicas,
    readyPods: readyPods(world, target.pods).length,
    rolledOut: !isRolling(world) && target.pods.every((pod) => pod.tag === target.tag),
    active: [...new Set(target.pods.map((pod) => pod.tag))].map(aVersion),
    ...(target.promoting === undefined ? {} : { promoting: target.promoting }),
    ...(target.stableMark === undefined ? {} : { stableMark: target.stableMark }),
    ...(stuck ? { stuck } : {}),
    ...(target.stopsFirst ? { mayLeaveNobody: true } : {}),
  };
}

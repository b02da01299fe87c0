/**
 * A cluster in a hundred lines, for playing whole runs of the core in no time: Deployments whose pods become ready after a
 * while, the leaves' endpoints, a route, and what its users can do. It knows nothing of decisions.
 */
import type { Command } from "../../shared/core/objects/command.ts";
import { podsFor } from "../../shared/core/turn/capacity.ts";
import type { Endpoints, Unmet } from "../../shared/core/observation.ts";
import type { RouteSeen } from "../../shared/core/routes/routes.ts";
import { canaryRevision, hashOf, start } from "../builders.ts";
import type { HookCall, HookSays } from "./hooks.ts";

/** What a version of the app is like. */
export interface Build {
  tag: string;
  readyAfterMs: number;
  successPercent: number;
  latencyMs: number;
}

export interface Pod {
  tag: string;
  readyAt: number;
}

export interface World {
  now: number;
  builds: Record<string, Build>;
  target: {
    tag: string;
    replicas: number;
    held: boolean;
    pausedByUser: boolean;
    /** The break-glass label is there. */
    bypass: boolean;
    /** Versions of which there still is a ReplicaSet. */
    kept: string[];
    optedIn: boolean;
    promoting?: string;
    stableMark?: string;
    markedRejected: boolean;
    requestedBy: string;
    pods: Pod[];
    /** What its pods ran last: a held one that is scaled up from 0 runs it again. */
    ran: string;
    rollingSince: number;
    /** `maxSurge: 0`, all unavailable: its old pods go before new ones are started. */
    stopsFirst?: true;
  };
  canary?: { tag: string; replicas: number; over?: string; pods: Pod[] };
  services: boolean;
  route?: RouteSeen;
  /** It is an HTTPRoute of ours, and may have rules beside its weights. */
  takesRules?: true;
  /** Its weights are for those who match. */
  isForMatching?: boolean;
  /** What keeps runs from starting. */
  unmet: Unmet[];
  /** Nobody sends to it: there is no route, and a weight is in force as soon as it is decided. */
  isWorker?: true;
  /** When the canary's pods that are there answered somebody first. */
  firstAnswerAt?: number;
  /** Percent of users whom an A/B test is for. */
  matching: number;
  /** Every weight that the controller set. */
  weights: { at: number; weight: number }[];
  /** When the route last gave the canary a share, for the drain. */
  carriedAt: number;
  prometheus: "up" | "down";
  /** Users' proxies obey the route. */
  obeyed: boolean;
  requestsPerSecond: number;
  /** What a load test sends straight to the canary's own Service. */
  loadTestPerSecond: number;
  scrapeMs: number;
  command?: Command;
  /** What each webhook answers, by its key; those that are not named open. */
  hooks: Record<string, HookSays>;
  /** What the controller in office has asked them. */
  calls: HookCall[];
  /** Every webhook that was ever asked, in order. */
  asked: string[];
  /** Promises that a decision or an action broke. */
  violations: string[];
}

/** podinfo 1.7.0 runs on four pods; nobody has put it under a canary yet. */
export function aWorld(over: Partial<World> = {}): World {
  return {
    now: start,
    builds: {},
    target: {
      tag: "1.7.0",
      replicas: 4,
      held: false,
      pausedByUser: false,
      bypass: false,
      kept: ["1.7.0", "1.7.1", "1.7.2"],
      optedIn: false,
      markedRejected: false,
      requestedBy: "alice",
      pods: Array.from({ length: 4 }, () => ({ tag: "1.7.0", readyAt: start })),
      ran: "1.7.0",
      rollingSince: start,
    },
    unmet: [],
    services: false,
    weights: [],
    carriedAt: 0,
    prometheus: "up",
    obeyed: true,
    requestsPerSecond: 50,
    loadTestPerSecond: 0,
    matching: 20,
    scrapeMs: 5_000,
    hooks: {},
    calls: [],
    asked: [],
    violations: [],
    ...over,
  };
}

export function buildOf(world: World, tag: string): Build {
  return world.builds[tag] ?? { tag, readyAfterMs: 3_000, successPercent: 99.8, latencyMs: 12 };
}

export const progressDeadlineMs = 120_000;

/** Lets Kubernetes do what is due now. */
export function settle(world: World): void {
  markStable(world);
  replaceCanaryPods(world);
  if ((world.route?.weight ?? 0) > 0) world.carriedAt = world.now;
  noteAnswer(world);
}

/** When something happens by itself next; undefined: nothing will. */
export function nextChange(world: World): number | undefined {
  const pods = [...world.target.pods, ...(world.canary?.pods ?? [])];
  const times = [...pods.map((pod) => pod.readyAt), ...world.calls.map(({ at }) => at)].concat(
    isRolling(world) ? rolloutDeadline(world) : [],
  );
  const coming = times.filter((at) => at > world.now && Number.isFinite(at));
  return coming.length > 0 ? Math.min(...coming) : undefined;
}

export function advanceTo(world: World, at: number): void {
  if ((world.route?.weight ?? 0) > 0) world.carriedAt = at;
  world.now = at;
  settle(world);
}

export function readyPods(world: World, pods: readonly Pod[]): Pod[] {
  return pods.filter((pod) => pod.readyAt <= world.now);
}

export function canaryEndpoints(world: World): Endpoints {
  return endpointsOf(readyPods(world, world.canary?.pods ?? []), canaryRevision);
}

export function primaryEndpoints(world: World): Endpoints {
  return endpointsOf(readyPods(world, world.target.pods), (tag) => `pod${tag}`);
}

/** Percent of users' requests that reach the canary now. */
export function shareOf(world: World): number {
  const weight = world.obeyed ? (world.route?.weight ?? 0) : 0;
  return world.isForMatching ? (weight * world.matching) / 100 : weight;
}

export function isRolling(world: World): boolean {
  const { tag, held, replicas, pods } = world.target;
  return !held && (pods.length !== replicas || pods.some((pod) => pod.tag !== tag || pod.readyAt > world.now));
}

export function stuckWords(world: World): string | undefined {
  return isRolling(world) && world.now >= rolloutDeadline(world)
    ? 'ReplicaSet "podinfo" has timed out progressing.'
    : undefined;
}

/** Invariants of the route: who is behind the share that it gives away. */
export function checkRoute(world: World, tag: string | undefined): void {
  const weight = world.route?.weight ?? 0;
  const ready = tag === undefined ? 0 : (canaryEndpoints(world).byRevision[canaryRevision(tag)] ?? 0);
  const needed = podsFor(weight, world.target.replicas);
  if (weight < 0 || weight > 100) world.violations.push(`weight ${weight} is no percentage`);
  if (ready < needed) world.violations.push(`weight ${weight} on ${ready} ready canary pods, it needs ${needed}`);
}

// --- what users do ---

/** An ordinary `set image` or `apply`: the webhook holds what differs, and refuses while a promotion is under way. */
export function setImage(world: World, tag: string, by = "alice"): void {
  const { target } = world;
  if (tag === target.tag) return;
  if (target.promoting !== undefined) return;
  target.tag = tag;
  target.rollingSince = world.now;
  if (!target.optedIn) return;
  target.held = true;
  target.requestedBy = by;
}

/** A change that the webhook did not see, or was told to let go. */
export function setImageUnseen(world: World, tag: string, by = "carol"): void {
  world.target.tag = tag;
  world.target.requestedBy = by;
  world.target.held = false;
  world.target.rollingSince = world.now;
}

export function setWeightByHand(world: World, weight: number): void {
  if (world.route) world.route.weight = weight;
}

export function ask(world: World, command: Omit<Command, "id" | "by">): void {
  world.command = { ...command, id: `${command.verb}-${world.now}`, by: "bob" };
}

export function scaleTo(replicas: number): (world: World) => void {
  return (world) => {
    world.target.replicas = replicas;
    world.target.rollingSince = world.now;
  };
}

/** Every canary pod, or only so many of them, dies and is ready again after `ms`. */
export function loseCanaryPods(world: World, ms: number, count = Infinity): void {
  for (const pod of (world.canary?.pods ?? []).slice(0, count)) pod.readyAt = world.now + ms;
}

// --- internal ---

function noteAnswer(world: World): void {
  const isAsked = world.requestsPerSecond * shareOf(world) > 0 || world.loadTestPerSecond > 0;
  if (canaryEndpoints(world).ready === 0) delete world.firstAnswerAt;
  else if (isAsked) world.firstAnswerAt ??= world.now;
}

function rolloutDeadline(world: World): number {
  return world.target.rollingSince + progressDeadlineMs;
}

/** One new pod at a time; an old one goes for each that is ready. Held: only the number of pods is kept. */
function markStable(world: World): void {
  const { target } = world;
  const wanted = target.held ? (target.pods[0]?.tag ?? target.ran) : target.tag;
  target.ran = wanted;
  let before: Pod[];
  do {
    before = target.pods;
    target.pods = rolledOn(world, wanted);
  } while (target.pods.length !== before.length || target.pods.some((pod) => !before.includes(pod)));
}

function rolledOn(world: World, wanted: string): Pod[] {
  const { target } = world;
  const fresh = target.pods.filter((pod) => pod.tag === wanted);
  const old = target.pods.filter((pod) => pod.tag !== wanted);
  const ready = readyPods(world, fresh).length;
  const spared = target.stopsFirst ? [] : old.slice(0, Math.max(0, target.replicas - ready));
  const starts = fresh.length < target.replicas && (target.stopsFirst || ready === fresh.length);
  const started = starts ? [{ tag: wanted, readyAt: world.now + buildOf(world, wanted).readyAfterMs }] : [];
  return [...spared, ...fresh.slice(0, target.replicas), ...started];
}

/** 100 % surge and unavailability: pods of another template go at once. */
function replaceCanaryPods(world: World): void {
  const { canary } = world;
  if (!canary) return;
  const kept = canary.pods.filter((pod) => pod.tag === canary.tag).slice(0, canary.replicas);
  const missing = Math.max(0, canary.replicas - kept.length);
  const readyAt = world.now + buildOf(world, canary.tag).readyAfterMs;
  canary.pods = [...kept, ...Array.from({ length: missing }, () => ({ tag: canary.tag, readyAt }))];
}

function endpointsOf(pods: readonly Pod[], revision: (tag: string) => string): Endpoints {
  const byRevision: Record<string, number> = {};
  for (const { tag } of pods) byRevision[revision(tag)] = (byRevision[revision(tag)] ?? 0) + 1;
  return { ready: pods.length, byRevision };
}

/** The tag that hashes to `intent`. */
export function tagOf(world: World, intent: string): string | undefined {
  const tags = [
    world.target.tag,
    ...world.target.pods.map((pod) => pod.tag),
    ...(world.canary ? [world.canary.tag] : []),
  ];
  return [...tags, "1.7.0", "1.7.1", "1.7.2", "1.7.3"].find((tag) => hashOf(tag) === intent);
}

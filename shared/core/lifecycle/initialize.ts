import type { Observation, Target } from "../observation.ts";
import type { CanaryState, Version } from "../state.ts";
import { targetMissingText } from "../preconditions/target.ts";
import { event } from "../turn/event-messages.ts";
import type { EventText } from "../action.ts";
import { optional } from "../format/compact.ts";
import { type Draft, type Turn, blockedBy, draft, formatChange, formatImages, fullName } from "../turn/turn.ts";
import { staleCallerEvents } from "./steady.ts";
import { steady } from "./steady.ts";

/** How long after initialization callers are looked for that are older than the TrafficSplit. */
export const newForMs = 90_000;

/** Initialized a moment ago, and never run. */
export function isNew(state: CanaryState, now: number): boolean {
  return state.phase === "Initialized" && state.runs === 0 && now - state.transitionAt < newForMs;
}

/** The one version whose pods run; undefined while a rollout is under way or nothing runs. */
export function findStable(target: Target | undefined): Version | undefined {
  const [only, ...others] = target?.active ?? [];
  if (!target || !only || others.length > 0) return undefined;
  return target.held || (target.rolledOut && only.hash === target.intent) ? only : undefined;
}

export function withoutStable(seen: Observation, target: Target): string {
  if (target.replicas === 0)
    return `Deployment ${seen.targetName} has 0 replicas: scale it up, so that there is a stable version.`;
  if (target.paused && target.active.length === 0)
    return `Deployment ${seen.targetName} is paused and has no pods, as after a restore: kubectl -n ${seen.namespace} rollout resume deploy ${seen.targetName}.`;
  return target.stuck ?? `Deployment ${seen.targetName} is rolling out: waiting until its pods are ready.`;
}

export function initializationBlocker(turn: Turn, stable: Version | undefined): string | undefined {
  const { seen } = turn;
  const { target, route } = seen;
  const blocked = blockedBy(turn);
  if (!target) return blocked?.what ?? targetMissingText(seen);
  if (blocked) return blocked.what;
  if (!stable) return withoutStable(seen, target);
  if (!seen.servicesReady || !route) return `Creating Services and route for ${seen.apexName}.`;
  return route.problem ? `The route ${seen.apexName} is not obeyed yet: ${route.problem}.` : undefined;
}

/** What is stable of a Canary that is not initialized yet. Nothing is held until then: what goes out meanwhile is said. */
export function changedMeanwhile({ state, seen }: Turn): { stable?: Version; events: EventText[] } {
  const { stable: before } = state;
  const live = findStable(seen.target);
  if (!live || !before || seen.target?.optedIn || live.hash === before.hash)
    return { ...optional("stable", before ?? live), events: [] };
  const change = `${formatImages(before.images)} to ${formatChange(live.images, before)}`;
  const words = `Deployment ${seen.targetName} went from ${change} without a canary: Canary ${fullName(seen)} is not initialized yet.`;
  return { stable: live, events: [event.warning(words)] };
}

/** Phases "" and Initializing: nothing is promised yet; everything must be found sound first. */
export function initialize(turn: Turn): Draft {
  const { state, seen } = turn;
  const { stable = state.stable, events } = changedMeanwhile(turn);
  const blocker = initializationBlocker(turn, stable);
  const known = stable ? { stable } : {};
  if (blocker)
    return draft(turn, { phase: "Initializing", weight: 0, reason: blocker, next: "", ...known }, { events });
  if (!seen.target?.optedIn || !stable) {
    const reason = `Taking Deployment ${seen.targetName} under control; its pods stay as they are.`;
    return draft(turn, { phase: "Initializing", weight: 0, reason, next: "", ...known }, { events });
  }
  const staleCallers = seen.staleCallers ?? state.staleCallers;
  return draft(
    turn,
    { phase: "Initialized", weight: 0, failedChecks: 0, stable, staleCallers, ...steady(turn, stable) },
    { events: [...events, ...staleCallerEvents(seen, staleCallers), event.initialized(fullName(seen))] },
  );
}

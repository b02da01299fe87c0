/**
 * The one place that branches on phases. `decide` is a total function: same state, same observation, same policy, same
 * decision. Callers save `next` first (the fence), then perform the actions in order.
 */
import { withAlerts } from "./alerts/pending.ts";
import { analysing, scaling } from "./traffic/analyse.ts";
import { hasNoReadyPods, isScaledToZero } from "./turn/capacity.ts";
import { actionsFor, leftToClose, retreat } from "./actions.ts";
import {
  barrierOf,
  blockedBy,
  draft,
  formatImages,
  type Barrier,
  type RunTurn,
  type Draft,
  type Turn,
} from "./turn/turn.ts";
import { told } from "./gates/after-run.ts";
import { questionsFor } from "./gates/questions.ts";
import { rollbackAsked } from "./hooks/rollback-hooks.ts";
import { drainLeftMs } from "./turn/drain.ts";
import { floorDueMs, withFloor } from "./turn/floor.ts";
import { emptyLeafDueMs, leafEmptySince } from "./turn/empty-leaf.ts";
import { optional } from "./format/compact.ts";
import { event } from "./turn/event-messages.ts";
import { configNotes, withConfigs } from "./lifecycle/configs.ts";
import { idle } from "./lifecycle/idle.ts";
import { changedMeanwhile, initialize, isNew } from "./lifecycle/initialize.ts";
import { unvetted } from "./lifecycle/unvetted.ts";
import { followTemplateChange } from "./lifecycle/template-change.ts";
import { behindBarrier } from "./traffic/behind-barrier.ts";
import { lostAllPods } from "./traffic/lost-pods.ts";
import type { Policy } from "./spec/policy.ts";
import { continuePromotion, returning } from "./traffic/promote.ts";
import { type Blocked, type CanaryState, type Phase, type Stage } from "./state.ts";
import { assertNever } from "./format/assert-never.ts";
import type { Decision, EventText } from "./action.ts";
import { type Observation } from "./observation.ts";
import { keptLeftMs, withKept } from "./turn/kept.ts";
import { pendingCommand, answerCommand } from "./commands/during-run.ts";
import { noReadyPods, draining, restoring } from "./lifecycle/end.ts";

export function decide(state: CanaryState, seen: Observation, policy: Policy): Decision {
  const turn: Turn = { state, seen, policy };
  return withAlerts(turn, decideTurn(turn));
}

function decideTurn(turn: Turn): Decision {
  const { state, seen, policy } = turn;
  const barrier = barrierOf(turn);
  const command = pendingCommand(turn);
  const made = command ? answerCommand(turn, command) : (rollbackAsked(turn) ?? onward(turn, barrier));
  const { requeueAfterMs } = made;
  const { state: heardOf, events: heard } = told(made.state, seen, policy);
  const next = withKept(withConfigs(withFloor(heardOf, turn), seen), turn);
  const events = [...made.events, ...heard];
  const moved = next.phase !== state.phase || next.weight !== state.weight;
  const actions = actionsFor(next, seen, policy);
  const isOver = !state.run && !next.run;
  const { blocked: _past, leafEmptySince: _since, ...rest } = next;
  const since = leafEmptySince(state, seen);
  const after: CanaryState = { ...rest, ...optional("leafEmptySince", since) };
  const dueMs = earlier(emptyLeafDueMs(since, seen.now), floorDueMs(next.floor, seen.now));
  const drainMs = next.run ? undefined : drainLeftMs(next, seen, policy);
  const lookAgainMs = earlier(earlier(requeueAfterMs, drainMs), earlier(dueMs, keptLeftMs(next, seen.now)));
  const blocked = blockedBy({ ...turn, state: after });
  const decided: CanaryState = {
    ...remembering(after, state, seen),
    ...(blocked ? { blocked } : {}),
    warnings: [...seen.warnings, ...notStable(next, seen), ...configNotes(next, seen)],
    transitionAt: moved ? seen.now : state.transitionAt,
  };
  return {
    state: decided,
    questions: questionsFor(decided, seen, policy),
    actions: barrier ? (isOver ? leftToClose(next, seen, policy) : retreat(actions, seen)) : actions,
    events: [...events, ...blockedNews(blocked, state)],
    ...optional("requeueAfterMs", lookAgainMs),
  };
}

/** A fresh Canary's state. */
export function initialState(): CanaryState {
  return {
    phase: "",
    weight: 0,
    failedChecks: 0,
    rejected: [],
    checks: [],
    staleCallers: [],
    warnings: [],
    alerts: [],
    history: [],
    runs: 0,
    reason: "",
    next: "",
    transitionAt: 0,
  };
}

/** Callers older than the TrafficSplit are looked for while it is new; Prometheus may need a few scrapes to know them. */
export function callersMatter(state: CanaryState, now: number): boolean {
  if (state.run !== undefined) return false;
  return between[state.phase] === "fresh" || isNew(state, now);
}

/** The decision at `now` needs metrics; at any other time they would not be looked at. */
export function checkIsDue({ run, weight }: CanaryState, now: number): boolean {
  // Before there is any pod there is nothing to ask about.
  if (!run || run.gate?.type === "confirm-rollout") return false;
  // At weight 0 it is an iteration, unless someone has taken the weight away.
  if (run.stage === "analysing") return (weight > 0 || run.ceiling === undefined) && now >= (run.checkAt ?? 0);
  return run.stage === "scaling" && run.checkAt !== undefined && now >= run.checkAt;
}

// --- internal ---

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined ? other : Math.min(one, other ?? one);
}

/** Kubernetes scales a paused Deployment up from 0 in the ReplicaSet of its template, or in the newest that there is. */
function notStable({ stable }: CanaryState, { target, targetName }: Observation): string[] {
  const [only, ...others] = target?.active ?? [];
  if (!stable || !target?.held || !only || others.length > 0 || only.hash === stable.hash) return [];
  const runs = `Deployment ${targetName} runs ${formatImages(only.images)}, not stable's ${formatImages(stable.images)}`;
  return [`${runs}: Kubernetes chose that ReplicaSet when it was scaled up from 0, past any canary.`];
}

const onward = (turn: Turn, barrier: Barrier | undefined): Draft => (barrier ? stayBehind(turn, barrier) : go(turn));

/** What the API server made of the canary's template is known when it is first seen in this run, and holds for the whole of it. */
function remembering(next: CanaryState, { run: before }: CanaryState, { workload }: Observation): CanaryState {
  const { run } = next;
  if (!run || run.canaryTemplate !== undefined || run.id !== before?.id || run.ending) return next;
  const isWritten = workload?.intent === run.intent && workload.over === undefined;
  return isWritten ? { ...next, run: { ...run, canaryTemplate: workload.template } } : next;
}

/** Said when it begins, and when it is another: by its code, and a refused write by which it is, for all of them have one code. */
function blockedNews(blocked: Blocked | undefined, { blocked: before }: CanaryState): EventText[] {
  if (!blocked) return [];
  return isSame(blocked, before) ? [] : [event.warning(blocked.what)];
}

/** A status of an earlier version does not tell which write was refused. */
function isSame(blocked: Blocked, before: Blocked | undefined): boolean {
  if (blocked.code !== before?.code) return false;
  return before?.write === undefined || blocked.write === before.write;
}

/** Nothing goes forward behind a barrier; a run may always go back, and one under traffic goes on being judged. */
function stayBehind(turn: Turn, barrier: Barrier): Draft {
  const { state } = turn;
  const { run } = state;
  if (run) return wayBack({ ...turn, run }) ?? behindBarrier({ ...turn, run }, barrier, stages[run.stage]);
  // Without a phase nobody would see that it has been looked at.
  const phase = state.phase === "" ? "Initializing" : state.phase;
  const words = { reason: barrier.reason, reasonCode: barrier.code, next: barrier.next };
  if (between[phase] === "fresh") {
    const { stable, events } = changedMeanwhile(turn);
    return draft(turn, { phase, ...words, ...(stable ? { stable } : {}) }, { events });
  }
  const gone = goneOut(turn);
  if (!gone) return draft(turn, { phase, ...words });
  return { ...gone, state: { ...gone.state, ...words, reason: `${gone.state.reason} ${words.reason}` } };
}

/** A change that nothing holds is said behind a barrier as without it. */
function goneOut(turn: Turn): Draft | undefined {
  const { stable } = turn.state;
  const { target } = turn.seen;
  if (!stable || !target || target.held || target.intent === stable.hash) return undefined;
  const found = unvetted(turn, target, stable);
  return found.state.unvetted?.undoneBy === undefined ? found : undefined;
}

function wayBack(turn: RunTurn): Draft | undefined {
  const { run, seen, state } = turn;
  if (run.ending) return stages[run.stage](turn);
  if (run.stage !== "scaling" && run.stage !== "analysing") return noReadyPods(turn);
  if (seen.target?.intent === state.stable?.hash || isScaledToZero(seen)) return followTemplateChange(turn);
  return hasNoReadyPods(state, seen) ? lostAllPods(turn) : undefined;
}

/** What each phase stands for, whether or not a run is found in the state. */
const between: Record<Phase, "fresh" | "calm" | "running"> = {
  "": "fresh",
  Initializing: "fresh",
  Initialized: "calm",
  Succeeded: "calm",
  Failed: "calm",
  Waiting: "calm",
  Terminating: "calm",
  Progressing: "running",
  WaitingPromotion: "running",
  Promoting: "running",
  Finalising: "running",
};

function go(turn: Turn): Draft {
  const { state } = turn;
  if (state.run) return stages[state.run.stage]({ ...turn, run: state.run });
  const kind = between[state.phase];
  switch (kind) {
    case "fresh":
      return initialize(turn);
    case "calm":
      return idle(turn);
    case "running":
      return idle({ ...turn, state: { ...state, phase: "Initialized" } });
    default:
      return assertNever(kind);
  }
}

const stages: Record<Stage, (turn: RunTurn) => Draft> = {
  scaling: (turn) => followTemplateChange(turn) ?? scaling(turn),
  analysing: (turn) => followTemplateChange(turn) ?? analysing(turn),
  promoting: (turn) => noReadyPods(turn) ?? continuePromotion(turn),
  returning: (turn) => noReadyPods(turn) ?? returning(turn),
  restoring: (turn) => noReadyPods(turn) ?? restoring(turn),
  draining,
};

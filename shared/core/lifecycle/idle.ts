/** Between runs: initialization, waiting for an intent, and the start of a run. */
import {
  barrierOf,
  formatChange,
  fullName,
  fullTarget,
  rejectedCode,
  draft,
  type Draft,
  type Turn,
} from "../turn/turn.ts";
import { event } from "../turn/event-messages.ts";
import { targetMissingText } from "../preconditions/target.ts";
import { isScaledToZero } from "../turn/capacity.ts";
import { isDraining } from "../turn/drain.ts";
import { isKept } from "../turn/kept.ts";
import { changeWaits, scaledToZero } from "../objects/canary-status.ts";
import type { CanaryState, Version } from "../state.ts";
import type { EventText } from "../action.ts";
import type { Target } from "../observation.ts";
import { initialize, isNew } from "./initialize.ts";
import { rejectedWords, startBlocker, startRun } from "./start.ts";
import { unvettedResolved, unvetted, unvettedBlocker } from "./unvetted.ts";
import { staleCallerEvents, steady } from "./steady.ts";
import { goBack, withinWindow } from "./way-back.ts";

const callersRecheckMs = 5_000;
const problemRecheckMs = 5_000;

/**
 * Initialized, Succeeded and Failed: wait for an intent that is neither stable nor rejected. `announcement` is the event of
 * a run that starts.
 */
export function idle(turn: Turn, announcement = event.newRevision(fullTarget(turn.seen))): Draft {
  const { state, seen } = turn;
  const { target } = seen;
  const { stable } = state;
  if (!stable) return initialize(turn);
  if (!target) return targetMissing(turn);
  if (state.targetMissingSince !== undefined) return targetBack(turn, announcement);
  if (target.intent === stable.hash) return backToStable(turn, stable);
  return target.held ? asked({ ...turn, stable }, target, announcement) : unvetted(turn, target, stable);
}

/** The target holds an intent that is not stable: it starts a run, or waits, or was rejected before. */
function asked(turn: Turn & { stable: Version }, target: Target, announcement: EventText): Draft {
  const { state, stable } = turn;
  const rejection = state.rejected.find((entry) => entry.hash === target.intent);
  if (rejection) return rejectedBefore(turn, rejectedWords(turn, target, rejection));
  const blocker = barrierOf(turn)?.reason ?? unvettedBlocker(turn) ?? startBlocker(turn, target, stable);
  // Who carries a route out is not all watched.
  const again = turn.seen.route?.problem === undefined ? {} : { requeueAfterMs: problemRecheckMs };
  if (blocker)
    return draft(
      turn,
      { weight: 0, reason: blocker, reasonCode: isScaledToZero(turn.seen) ? scaledToZero : changeWaits, next: "" },
      again,
    );
  return started(turn, target, announcement);
}

function started(turn: Turn & { stable: Version }, target: Target, announcement: EventText): Draft {
  const back = withinWindow(turn, target.intent);
  if (back) return goBack(turn, target, back, turn.state.runs + 1);
  return isDraining(turn) || isKept(turn) ? afterDrain(turn, target) : startRun(turn, target, announcement);
}

/** The canary's pods cannot be another version's while somebody may still send to them. */
function afterDrain(turn: Turn & { stable: Version }, target: Target): Draft {
  const { stable } = turn;
  const reason = `${formatChange(target.images, stable)} was asked for by ${target.requestedBy}: its canary starts when ${isKept(turn) ? "the pods of the one before are told to go" : "the requests that are still open at the one before have ended"}.`;
  return draft(turn, { weight: 0, reason, next: "its canary pods, in a few seconds" });
}

/** A Deployment may be deleted to be created again: what was made for it goes only when it stays away. */
const missingPatienceMs = 30_000;

export function isMissingForGood({ targetMissingSince: since }: CanaryState, now: number): boolean {
  return since !== undefined && now - since >= missingPatienceMs;
}

function backToStable(turn: Turn, known: Version): Draft {
  const { state, seen } = turn;
  // A target that was created anew, or had no pods when it was promoted, has another ReplicaSet for the same template.
  const stable = seen.target?.active.find((version) => version.hash === known.hash) ?? known;
  if (state.unvetted) return unvettedResolved(turn, stable);
  const isAsked = seen.staleCallers !== undefined && state.phase !== "Failed";
  if (isNew(state, seen.now) || isAsked) return watchCallers(turn, stable);
  const words = steady(turn, stable);
  const after = afterRollback(turn);
  if (after) return draft(turn, { weight: 0, stable, ...words, reason: `${after} ${words.reason}` });
  return draft(turn, { phase: state.phase === "Failed" ? "Initialized" : state.phase, weight: 0, stable, ...words });
}

/** A rejected template that its user takes back is still held; where we put stable back ourselves, nobody has. */
function afterRollback({ state, seen }: Turn): string | undefined {
  const [last] = state.history;
  if (state.phase !== "Failed" || last?.outcome !== "rejected" || seen.target?.held) return undefined;
  return `${formatChange(last.images, state.stable)} was rejected: ${last.cause}.`;
}

/**
 * Soon after initialization, and after another route took the place of the one before: whoever turns out to ignore it is named, and taken
 * off the list once restarted.
 */
function watchCallers(turn: Turn, stable: Version): Draft {
  const { state, seen } = turn;
  const staleCallers = seen.staleCallers ?? state.staleCallers;
  const found = staleCallers.filter(({ pod }) => !state.staleCallers.some((known) => known.pod === pod));
  const events = staleCallerEvents(seen, found);
  return draft(
    turn,
    { weight: 0, stable, staleCallers, ...steady(turn, stable) },
    { events, requeueAfterMs: callersRecheckMs },
  );
}

/** Nothing of a rejected intent starts again by itself; whoever asked for it is told so once. */
function rejectedBefore(turn: Turn, words: Pick<CanaryState, "reason" | "next">): Draft {
  const said = [event.warning(`Canary of ${fullName(turn.seen)} not started: ${words.reason}`)];
  const reasonCode = rejectedCode(turn.seen.target?.intent ?? "");
  const events = turn.state.reasonCode === reasonCode ? [] : said;
  return draft(turn, { phase: "Failed", weight: 0, ...words, reasonCode }, { events });
}

function targetMissing(turn: Turn): Draft {
  const { state, seen } = turn;
  const targetMissingSince = state.targetMissingSince ?? seen.now;
  const missing = { weight: 0, targetMissingSince, reason: targetMissingText(seen), next: "" };
  const leftMs = targetMissingSince + missingPatienceMs - seen.now;
  return draft(turn, missing, leftMs > 0 ? { requeueAfterMs: leftMs } : {});
}

function targetBack(turn: Turn, announcement: EventText): Draft {
  const { targetMissingSince: _since, ...state } = turn.state;
  return idle({ ...turn, state }, announcement);
}

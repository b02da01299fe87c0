import type { Unvetted, Version } from "../state.ts";
import type { Observation, Target } from "../observation.ts";
import { type Draft, type Turn, formatImages, fullName, draft, verbLine } from "../turn/turn.ts";
import { event } from "../turn/event-messages.ts";
import { findStable } from "./initialize.ts";
import { steady } from "./steady.ts";

/** A canary is judged beside stable, so stable must be what the Deployment's pods run. */
export function unvettedBlocker({ state, seen }: Turn): string | undefined {
  const { unvetted, stable } = state;
  if (!unvetted || !stable || seen.target?.active.some((version) => version.hash === stable.hash)) return undefined;
  return `${formatImages(unvetted.images)} runs without having been judged: adopt it or undo it, then the change starts. ${unvettedCommands(seen)}.`;
}

export function unvettedSeen(seen: Observation, target: Target): Unvetted {
  const how = target.bypass ? "break-glass" : target.optedIn ? "the webhook did not answer" : "recreated or unlabelled";
  return { hash: target.intent, images: target.images, by: target.changedBy, how, at: seen.now };
}

export function unvettedCommands(seen: Observation): string {
  return `keep it: ${verbLine(seen, "adopt")}; take it back: ${verbLine(seen, "undo")}`;
}

/** The template changed without us (webhook down or bypassed): said until a person settles it, for it may be an emergency fix. */
export function unvetted(turn: Turn, target: Target, stable: Version): Draft {
  const { state, seen } = turn;
  const known = state.unvetted?.hash === target.intent ? state.unvetted : undefined;
  if (known?.undoneBy !== undefined) return draft(turn, {});
  const found = known ? { ...known, ...(target.bypass ? {} : { spent: true }) } : unvettedSeen(seen, target);
  const change = `${formatImages(stable.images)} to ${formatImages(target.images)}`;
  const where = findStable(target) ? "runs everywhere" : "is rolling out";
  const reason = `Unvetted change by ${found.by}: ${change} went past the canary (${found.how}) and ${where}.`;
  const events = known ? [] : [event.warning(reason)];
  return draft(turn, { weight: 0, unvetted: found, reason, next: unvettedCommands(seen) }, { events });
}

/** Stable's template is back in the Deployment: once its pods are, nothing unvetted is left. */
export function unvettedResolved(turn: Turn, stable: Version): Draft {
  const { state, seen } = turn;
  const { unvetted: past, ...rest } = state;
  const { target } = seen;
  const isRolling = !target?.held && !target?.rolledOut;
  if (isRolling || target?.bypass) {
    const reason = `Deployment ${seen.targetName} goes back to ${formatImages(stable.images)} from an unvetted change.`;
    return draft(turn, { weight: 0, stable, reason, next: "" });
  }
  const said = event.normal(`Unvetted change of ${fullName(seen)} is gone: ${formatImages(past?.images ?? {})}`);
  const calm: Turn = { ...turn, state: rest };
  return draft(calm, { weight: 0, stable, ...steady(turn, stable) }, { events: [said] });
}

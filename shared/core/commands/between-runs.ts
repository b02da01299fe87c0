/** Commands between runs: try a rejected version again, and settle a change that went past the canary. */
import { andThen, formatImages, fullName, draft, type Turn } from "../turn/turn.ts";
import { event } from "../turn/event-messages.ts";
import { changeWaits, scaledToZero } from "../objects/canary-status.ts";
import { canaryName } from "../objects/names.ts";
import { isKept } from "../turn/kept.ts";
import { idle } from "../lifecycle/idle.ts";
import type { Version } from "../state.ts";
import type { Answer } from "./asked.ts";

export function retry(turn: Turn, by: string): Answer {
  const { state, seen } = turn;
  const { target } = seen;
  const rejection = state.rejected.find((entry) => entry.hash === target?.intent);
  if (!target || !rejection || !target.held)
    return `Deployment ${seen.targetName} does not have a rejected version: ${state.reason}`;
  const rejected = state.rejected.filter((entry) => entry !== rejection);
  const said = event.normal(`Retry of ${formatImages(target.images)} in ${fullName(seen)} asked for by ${by}`);
  const started = andThen(draft(turn, { rejected }, { events: [said] }), turn, idle);
  const version = formatImages(target.images);
  const { run, reasonCode } = started.state;
  if (!run && isKept(turn) && reasonCode !== changeWaits && reasonCode !== scaledToZero)
    return {
      step: started,
      message: `${version} gets another run as soon as the pods of the last one are told to go.`,
    };
  if (!started.state.run) return started.state.reason;
  return { step: started, message: `${version} gets another run (${started.state.run.id}).` };
}

/** The pods of a rejected canary go now. */
export function letGo(turn: Turn, by: string): Answer {
  const { keptUntil: _until, ...state } = turn.state;
  const message = `the pods of Deployment ${canaryName(turn.seen.targetName)} go now.`;
  const said = event.normal(`${fullName(turn.seen)}: ${message} Asked for by ${by}`);
  return { step: draft({ ...turn, state }, {}, { events: [said] }), message };
}

/** What runs without having been judged becomes stable. */
export function adopt(turn: Turn, by: string): Answer {
  const { state, seen } = turn;
  const live = unvettedVersion(turn);
  if (typeof live === "string") return live;
  const { unvetted: _accepted, ...rest } = state;
  const message = `${formatImages(live.images)} is stable now, without a canary.`;
  const said = event.warning(`Unvetted change adopted by ${by} in ${fullName(seen)}: ${message}`);
  const rejected = rest.rejected.filter((entry) => entry.hash !== live.hash);
  const adopted: Turn = { ...turn, state: { ...rest, rejected, stable: live, phase: "Initialized" } };
  return { step: { ...andThen(draft(adopted, {}, { events: [said] }), adopted, idle) }, message };
}

/** Stable's template goes back into the Deployment, which rolls to it by its own strategy. */
export function undo(turn: Turn, by: string): Answer {
  const { state, seen } = turn;
  const { unvetted, stable } = state;
  if (!unvetted || !stable) return `there is no unvetted change: ${state.reason}`;
  if (seen.target?.held)
    return `${formatImages(seen.target.images)} was asked for on top of it and would be lost: put ${formatImages(stable.images)} back yourself (kubectl set image, or apply), or adopt.`;
  if (!seen.target?.kept.includes(stable.podTemplateHash))
    return `the ReplicaSet of ${formatImages(stable.images)} is gone, so its template is not known any more: set the old version yourself, or adopt.`;
  const message = `Deployment ${seen.targetName} goes back to ${formatImages(stable.images)}.`;
  const said = event.warning(`Unvetted change undone by ${by} in ${fullName(seen)}: ${message}`);
  const undoing = { ...unvetted, undoneBy: by };
  return { step: draft(turn, { unvetted: undoing, reason: message, next: "" }, { events: [said] }), message };
}

// --- internal ---

function unvettedVersion({ state, seen }: Turn): Version | string {
  const { unvetted } = state;
  const { target } = seen;
  if (!unvetted || !target) return `there is no unvetted change: ${state.reason}`;
  // Where another change was held on top, the rollout has stopped wherever it was: the newest version is what it went to.
  const live = target.active.at(-1);
  if (!live || (!target.held && (target.active.length > 1 || !target.rolledOut)))
    return `Deployment ${seen.targetName} is still rolling to ${formatImages(unvetted.images)}: adopt when that is done.`;
  return live;
}

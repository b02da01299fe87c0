/** What becomes of a run when its target is no longer what it was started for: another template, or no pods at all. */
import { formatImages, fullTarget, draft, type RunTurn, type Draft } from "../turn/turn.ts";
import { event } from "../turn/event-messages.ts";
import { freshRun, withoutNumbers } from "./start.ts";
import { goBack, withinWindow } from "./way-back.ts";
import { isScaledToZero } from "../turn/capacity.ts";
import { label } from "../objects/names.ts";
import type { Target } from "../observation.ts";
import { endRun } from "./end.ts";

/** An intent that changes before any traffic replaces the run's own; later it supersedes the run, or ends it. */
export function followTemplateChange(turn: RunTurn): Draft | undefined {
  const { run, seen, state } = turn;
  const { target } = seen;
  if (!target) return endRun(turn, "aborted", `Deployment ${seen.targetName} was deleted`);
  if (target.intent === state.stable?.hash) return endRun(turn, "reverted", `reverted by ${target.requestedBy}`);
  if (!target.held) return endRun(turn, "aborted", letGoWords(turn, target));
  if (isScaledToZero(seen)) return endRun(turn, "aborted", `Deployment ${seen.targetName} was scaled to 0`);
  if (target.intent === run.intent) return undefined;
  const isRejected = state.rejected.some((entry) => entry.hash === target.intent);
  if (isRejected || hasServed(turn)) return endRun(turn, "superseded", `superseded by ${formatImages(target.images)}`);
  return replace(turn, target);
}

// --- internal ---

/** Users have been on this run's canary, or it has failed in their stead: it has a story of its own. */
function hasServed({ run, state, seen }: RunTurn): boolean {
  const { weight, rules } = { weight: 0, rules: "", ...seen.route };
  const hasTraffic = state.weight > 0 || weight > 0 || rules !== "";
  return hasTraffic || run.step > 0 || run.losses !== undefined || run.ceiling !== undefined || state.checks.length > 0;
}

function replace(turn: RunTurn, target: Target): Draft {
  const { seen, state } = turn;
  const back = withinWindow(turn, target.intent);
  if (back) return goBack(turn, target, back, state.runs);
  const { run, reason } = freshRun(target, state.stable, { runs: state.runs, now: seen.now });
  const fresh = { ...turn, state: withoutNumbers(state) };
  return draft(fresh, { run, failedChecks: 0, checks: [], reason }, { events: [event.restarting(fullTarget(seen))] });
}

/** Nothing of ours holds the rollout any more: Kubernetes rolls to it, whatever a canary would have found. */
function letGoWords({ seen }: RunTurn, target: Target): string {
  if (!target.optedIn) return `Deployment ${seen.targetName} was recreated by ${target.changedBy}`;
  if (target.bypass) return `let go without a canary by ${target.changedBy} (label ${label.bypass})`;
  return `let go without a canary by ${target.changedBy}`;
}

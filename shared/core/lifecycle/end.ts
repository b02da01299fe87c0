/** The ways out of a run: rejected, reverted, superseded, promoted. Traffic first, then a drain, then the pods. */
import { isRolledOut, isScaledToZero, noReadyPodsText, hasNoReadyPods, primaryRunsOnly } from "../turn/capacity.ts";
import {
  formatChange,
  formatImages,
  fullName,
  fullTarget,
  rejectedCode,
  entering,
  draft,
  andThen,
  withoutRun,
  type RunTurn,
  type Draft,
  type DraftExtra,
  type Turn,
} from "../turn/turn.ts";
import { event } from "../turn/event-messages.ts";
import { keeping } from "../turn/kept.ts";
import { idle } from "./idle.ts";
import { takeTrafficBack, windingWords } from "./take-back.ts";
import { remembered } from "./way-back.ts";
import { optional } from "../format/compact.ts";
import { afterRunOf } from "../gates/after-run.ts";
import { matchedPercent } from "../analysis/traffic-share.ts";
import type { Policy } from "../spec/policy.ts";
import type { CanaryState, Run, RunOutcome, Version } from "../state.ts";
import type { EventText } from "../action.ts";
import type { Observation } from "../observation.ts";

const kept = 20;
/** A stage's beginning is not written anew more often: each write of ours wakes us. */
const freshMs = 1_000;

/** Ends the run: weight 0 as soon as the primary can carry everything, a drain, then its pods go. */
export function endRun(turn: RunTurn, outcome: RunOutcome, cause: string, events: EventText[] = []): Draft {
  const { run, seen, state, policy } = turn;
  const isAtZero = state.weight === 0 && (seen.route?.weight ?? 0) === 0 && !hasRules(seen);
  const stageAt = isAtZero ? seen.now - policy.drainMs : seen.now;
  const ended: Run = { ...entering(run, "draining", stageAt), ending: { outcome, cause: asClause(cause) } };
  const begun = draft(turn, { run: ended, reason: windingWords(ended), next: "all traffic on stable" }, { events });
  return andThen(begun, turn, (now) => (wasEverGiven(turn) ? draining : finish)({ ...now, run: ended }));
}

/** Ends the run as rejected, with Flagger's words for it. */
export function reject(turn: RunTurn, cause: string, announcement: EventText): Draft {
  return endRun(turn, "rejected", cause, [announcement, event.failed(fullName(turn.seen))]);
}

/** Back out of a promotion: stable's template goes back first, and traffic follows only when its pods serve. */
export function restore(turn: RunTurn, cause: string, announcement: EventText): Draft {
  const { run, seen } = turn;
  const ended: Run = { ...entering(run, "restoring", seen.now), ending: { outcome: "rejected", cause } };
  const reason = `Rolling back: putting ${formatImages(turn.state.stable?.images ?? {})} back into Deployment ${seen.targetName}.`;
  const next = "traffic goes to the primary when all of its pods are back on stable";
  return draft(turn, { phase: "Promoting", run: ended, reason, next }, { events: [announcement] });
}

export function restoring(turn: RunTurn): Draft {
  const { run, seen } = turn;
  const cause = run.ending?.cause ?? "rolled back";
  const failed = event.failed(fullName(seen));
  if (!seen.target) return endRun(turn, "rejected", cause, [failed]);
  const { stable } = turn.state;
  if (stable && isBackOn(stable, turn)) return endRun(turn, "rejected", cause, [event.routingToPrimary(), failed]);
  const isOther = seen.target.intent !== run.intent && seen.target.intent !== stable?.hash;
  return isOther ? overtakenBack(turn, cause) : goingBack(turn);
}

/** While the target rolls or goes back, a canary without a ready pod loses its share, and does not get it again. */
export function noReadyPods(turn: RunTurn): Draft | undefined {
  const { state, seen } = turn;
  if (!hasNoReadyPods(state, seen)) return undefined;
  const reason = `${noReadyPodsText(turn)} at weight ${state.weight}: all traffic goes to the primary, which has ${seen.endpoints.primary.ready}.`;
  return draft(turn, { weight: 0, reason }, { events: [event.warning(`${fullName(seen)}: ${reason}`)] });
}

/** Weight 0 and nobody sends any more: then the run is over. */
export function draining(turn: RunTurn): Draft {
  const { run, seen, state, policy } = turn;
  if (state.weight > 0) return takeTrafficBack(turn);
  // The drain begins when the route is at 0: a leader may have died between saying so and doing it, and that long ago.
  if ((seen.route?.weight ?? 0) > 0) {
    const isFresh = seen.now - run.stageAt < freshMs;
    return draft(turn, isFresh ? {} : { run: { ...run, stageAt: seen.now } }, { requeueAfterMs: freshMs });
  }
  // Before it is over nothing of it may be on its way any more: see `setWeight`.
  if (seen.route && seen.route.over !== run.id) return draft(turn, {}, { requeueAfterMs: freshMs });
  const leftMs = run.stageAt + drainInRunMs(run, policy) - seen.now;
  return leftMs > 0 ? draft(turn, {}, { requeueAfterMs: leftMs }) : finish(turn);
}

// --- internal ---

/** For its users a promotion is complete before that: see `drainLeftMs`. */
const drainInRunMs = ({ ending }: Run, { drainMs }: Policy): number => (ending?.outcome === "promoted" ? 0 : drainMs);

/** The canary has, had, or is about to have a weight: nobody sends to it, and nobody raises it, is to be waited for. */
function wasEverGiven({ run, seen, state }: RunTurn): boolean {
  const now = state.weight > 0 || (seen.route?.weight ?? 0) > 0;
  return now || hasRules(seen) || run.step > 0 || run.losses !== undefined || run.ceiling !== undefined;
}

/** Some users get the canary whatever its weight. */
function hasRules({ route }: Observation): boolean {
  return (route?.rules ?? "") !== "";
}

function isBackOn(stable: Version, { seen, policy }: RunTurn): boolean {
  const { target } = seen;
  if (target?.intent !== stable.hash || !isRolledOut(target, policy)) return false;
  return primaryRunsOnly(stable.podTemplateHash, seen, policy);
}

/** Break-glass while stable is being put back: an emergency fix is not overwritten. */
function overtakenBack(turn: RunTurn, cause: string): Draft {
  const { target, targetName } = turn.seen;
  return endRun(
    turn,
    "rejected",
    `${asClause(cause)}; ${target?.changedBy} changed Deployment ${targetName} meanwhile`,
    [event.failed(fullName(turn.seen))],
  );
}

const stuck = "rollback-stuck";

/** Says how far it is, and, once it takes longer than pods may take or cannot be, that it is stuck. */
function goingBack(turn: RunTurn): Draft {
  const { run, seen, state, policy } = turn;
  const count = countBack(turn);
  const lost = stableIsLost(turn);
  const leftMs = run.stageAt + policy.progressDeadlineMs - seen.now;
  if (!lost && leftMs > 0) {
    const reason = `Rolling back: ${count}; traffic stays at ${state.weight}% meanwhile.`;
    return draft(turn, { reason }, { requeueAfterMs: leftMs });
  }
  const images = formatImages(state.stable?.images ?? {});
  const why = lost ? `the ReplicaSet of ${images} is gone, its template is not known any more` : count;
  const own = seen.target?.stuck ? ` (${seen.target.stuck})` : "";
  const reason = `Going back is stuck: ${why}${own}. Traffic stays at ${state.weight}% on the canary.`;
  const place = `-n ${seen.namespace}`;
  const next = lost
    ? `put ${images} back yourself: kubectl ${place} edit deploy ${seen.targetName}`
    : `mend the pods: kubectl ${place} describe deploy ${seen.targetName}`;
  const events = state.reasonCode === stuck ? [] : [event.warning(`${fullName(seen)}: ${reason}`)];
  return draft(turn, { reason, reasonCode: stuck, next }, { events });
}

function countBack({ state, seen }: RunTurn): string {
  const { hash, images } = { hash: "", images: {}, ...state.stable };
  const pods = seen.target?.active.find((version) => version.hash === hash)?.podTemplateHash ?? "";
  const ready = seen.endpoints.primary.byRevision[pods] ?? 0;
  return `${ready} of ${seen.target?.replicas ?? 0} pods are back on ${formatImages(images)}`;
}

/** Kubernetes keeps as many old ReplicaSets as `revisionHistoryLimit` says, which may be none. */
function stableIsLost({ state, seen }: RunTurn): boolean {
  const { stable } = state;
  const { target } = seen;
  if (!stable || !target || target.intent === stable.hash) return false;
  return !target.kept.includes(stable.podTemplateHash);
}

/** Causes are put into sentences that bring their own full stop. */
function asClause(cause: string): string {
  return cause.replace(/\.$/, "");
}

function finish(turn: RunTurn): Draft {
  const { run, seen, state } = turn;
  const { outcome, cause } = run.ending ?? { outcome: "rejected", cause: "no reason was recorded" };
  const history = [
    {
      run: run.id,
      intent: run.intent,
      images: run.images,
      requestedBy: run.requestedBy,
      outcome,
      cause,
      startedAt: run.startedAt,
      endedAt: seen.now,
      ...optional("matchedPercent", matchedPercent(run)),
      ...(outcome === "promoted" ? remembered(run, state.stable) : {}),
    },
    ...state.history,
  ].slice(0, kept);
  const afterRun = afterRunOf(run, outcome, seen.now, turn.policy);
  const ended: CanaryState = { ...withoutRun(state), history, weight: 0, ...optional("afterRun", afterRun) };
  const over: Turn = { ...turn, state: ended };
  switch (outcome) {
    case "promoted":
      return promoted(over, run);
    case "rejected":
      return andThen(rejected(over, run, cause), over, idle);
    case "reverted":
      return andThen(
        draft(over, { phase: "Initialized", failedChecks: 0 }, said(turn, `${formatImages(run.images)} was ${cause}`)),
        over,
        idle,
      );
    case "superseded":
      return superseded(over, run);
    case "aborted":
      return aborted(over, run, cause);
  }
}

function said(turn: Turn, sentence: string): DraftExtra {
  return { events: [event.normal(`${sentence} in ${fullName(turn.seen)}; stable goes on serving`)] };
}

function promoted({ state: { unvetted: _replaced, ...state }, ...rest }: Turn, run: Run): Draft {
  const turn: Turn = { ...rest, state };
  const { seen } = turn;
  const live = seen.target?.active.find((version) => version.hash === run.intent);
  const podTemplateHash = seen.target?.podTemplateHash ?? "";
  const stable = live ?? { hash: run.intent, podTemplateHash, images: run.images };
  const gets = isScaledToZero(seen) ? `, and Deployment ${seen.targetName} is scaled to 0` : " and gets all traffic";
  const reason = `${formatImages(run.images)} was promoted: it is stable${gets}.`;
  const next = `the next change of Deployment ${seen.targetName} starts a canary`;
  const done = turn.policy.skipAnalysis || run.back ? event.promotedUnjudged : event.promoted;
  return draft(turn, { phase: "Succeeded", stable, reason, next }, { events: [done(fullTarget(seen))] });
}

function rejected(turn: Turn, run: Run, cause: string): Draft {
  const { state, seen } = turn;
  const others = state.rejected.filter((entry) => entry.hash !== run.intent);
  const entry = { hash: run.intent, at: seen.now, cause };
  const reason = `${formatChange(run.images, state.stable)} was rejected: ${cause}. Stable goes on serving.`;
  const { keptUntil, ...said } = keeping(turn, run.images);
  return draft(
    turn,
    {
      phase: "Failed",
      failedChecks: 0,
      rejected: [entry, ...others].slice(0, kept),
      reason,
      reasonCode: rejectedCode(run.intent),
      ...optional("keptUntil", keptUntil),
    },
    said,
  );
}

/** What was judged is not there to be promoted any more; what is there instead is looked at as between runs. */
function aborted(turn: Turn, run: Run, cause: string): Draft {
  const ended = event.warning(`Run of ${formatImages(run.images)} in ${fullName(turn.seen)} ended: ${cause}`);
  const calm = draft(turn, { phase: "Initialized", failedChecks: 0 }, { events: [ended] });
  return andThen(calm, turn, idle);
}

/** The newest intent starts at once, if it may start at all. */
function superseded(turn: Turn, run: Run): Draft {
  const calm: Turn = { ...turn, state: { ...turn.state, phase: "Initialized", failedChecks: 0 } };
  const after = idle(calm, event.restarting(fullTarget(turn.seen)));
  if (after.state.run) return after;
  const ended = event.normal(`${formatImages(run.images)} was superseded in ${fullName(turn.seen)}`);
  return { ...after, events: [ended, ...after.events] };
}

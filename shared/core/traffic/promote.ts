/** Promotion: the target rolls to the judged intent while the canary goes on carrying its share; then traffic returns. */
import {
  carriedBy,
  enoughOf,
  fullReplicas,
  isGrowing,
  isRolledOut,
  isScaledToZero,
  isShrunk,
  loweredByOthers,
  lowestWeight,
  podsFor,
  primaryIsWhole,
  primaryRunsOnly,
  readyCanaries,
} from "../turn/capacity.ts";
import {
  andThen,
  entering,
  formatImages,
  fullName,
  fullTarget,
  draft,
  verbLine,
  type RunTurn,
  type Draft,
} from "../turn/turn.ts";
import { event } from "../turn/event-messages.ts";
import { primaryName } from "../objects/names.ts";
import type { EventText } from "../action.ts";
import type { Observation, Target } from "../observation.ts";
import type { CanaryState } from "../state.ts";
import { endRun } from "../lifecycle/end.ts";
import { goingBack } from "../lifecycle/way-back.ts";

/** Starts the promotion of the run's intent. The caller has seen that the target still holds exactly that intent. */
export function promote(turn: RunTurn, events: EventText[] = []): Draft {
  const { run, seen } = turn;
  const promoted = entering(run, "promoting", seen.now);
  const copying = event.copying(fullTarget(seen), `${primaryName(seen.targetName)}.${seen.namespace}`);
  const patch = { phase: "Promoting" as const, run: promoted, ...rollingWords(turn) };
  const begun = draft(turn, patch, { events: [...events, copying] });
  return andThen(begun, turn, (now) => standIn({ ...now, run: promoted }) ?? draft(now, {}));
}

export function continuePromotion(turn: RunTurn): Draft {
  const { run, seen } = turn;
  const { target } = seen;
  if (!target) return endRun(turn, "aborted", `Deployment ${seen.targetName} was deleted while it was being promoted`);
  if (target.intent !== run.intent) return overtaken(turn);
  const standing = standIn(turn);
  if (standing) return standing;
  if (target.promoting !== run.id || target.held) return draft(turn, rollingWords(turn));
  if (!rolledToIntent(turn, target))
    return target.stuck ? primaryStuck(turn, target.stuck) : draft(turn, rollingWords(turn));
  const begun = draft(turn, { run: { ...run, stage: "returning", stageAt: seen.now, checkAt: seen.now } });
  return andThen(begun, turn, (now) => returning({ ...now, run: now.state.run ?? run }));
}

/** Every pod of the target and every ready endpoint of the primary runs the judged intent, and enough of them are ready. */
function rolledToIntent({ run, seen, policy }: RunTurn, target: Target): boolean {
  const [live, ...older] = target.active;
  // Scaled to 0 it has no pods to wait for: those that it is given next run the judged intent.
  if (!live && isScaledToZero(seen)) return target.rolledOut && seen.endpoints.primary.ready === 0;
  if (!isRolledOut(target, policy) || live?.hash !== run.intent || older.length > 0) return false;
  return primaryRunsOnly(live.podTemplateHash, seen, policy);
}

/** Traffic goes back to the primary: at once, or by `stepWeightPromotion` percent an interval. */
export function returning(turn: RunTurn): Draft {
  const { run, seen, state, policy } = turn;
  if (seen.target && seen.target.intent !== run.intent) return overtaken(turn);
  const dueAt = run.checkAt ?? run.stageAt;
  if (seen.now < dueAt) return draft(turn, {}, { requeueAfterMs: dueAt - seen.now });
  const wanted = Math.max(0, state.weight - (policy.stepWeightPromotion ?? state.weight));
  const weight = reachable(turn, wanted, dueAt);
  if (weight > wanted && weight >= state.weight) return awaitPrimary(turn, dueAt, 100 - wanted);
  return weight === 0 ? giveAllBack(turn) : giveBack(turn, weight);
}

// --- internal ---

function giveAllBack(turn: RunTurn): Draft {
  const { seen, state, policy } = turn;
  const said =
    policy.stepWeightPromotion === undefined ? event.routingToPrimary() : event.advancePrimary(fullName(seen), 100);
  const finalising: RunTurn = { ...turn, state: { ...state, phase: "Finalising" } };
  return endRun(finalising, "promoted", promotedBecause(turn), [said]);
}

function giveBack(turn: RunTurn, weight: number): Draft {
  const { run, seen, policy } = turn;
  return draft(
    turn,
    {
      weight,
      run: { ...run, checkAt: seen.now + policy.intervalMs },
      reason: `${formatImages(run.images)} runs on every pod: ${100 - weight}% of traffic is back on the primary.`,
      next: `${Math.min(100, 100 - weight + (policy.stepWeightPromotion ?? 100))}% at the next interval`,
    },
    { events: [event.advancePrimary(fullName(seen), 100 - weight)], requeueAfterMs: policy.intervalMs },
  );
}

/**
 * Where the target has nobody while it rolls, or may come to that, the canary gets what its ready pods can carry: the version is
 * the one that the target rolls to, and the primary's share would fail.
 */
function standIn(turn: RunTurn): Draft | undefined {
  const { run, seen, state } = turn;
  const { target } = seen;
  const isNeeded = target?.mayLeaveNobody === true || seen.endpoints.primary.ready === 0;
  if (!target || !isNeeded || state.weight === 0 || isScaledToZero(seen) || loweredByOthers(state, seen))
    return undefined;
  const weight = carriedBy(readyCanaries(run, seen), fullReplicas(state, seen));
  if (weight <= state.weight) return undefined;
  const reason = `Promoting ${formatImages(run.images)}: Deployment ${seen.targetName} ${nobodyWords(seen)}, so the canary carries ${weight}% meanwhile.`;
  return draft(turn, { weight, reason }, { events: [event.advance(fullName(seen), weight)] });
}

function nobodyWords({ endpoints }: Observation): string {
  return endpoints.primary.ready === 0 ? "has no ready pod" : "may have no ready pod while it rolls to it";
}

function awaitPrimary(turn: RunTurn, dueAt: number, share: number): Draft {
  const { run, seen, state } = turn;
  const { ready } = seen.endpoints.primary;
  const needed = neededFor(share, turn);
  const reason = `${formatImages(run.images)} runs on every pod, but ${ready} of the ${needed} that ${share}% needs are ready: the canary keeps ${state.weight}%.`;
  const waitedMs = seen.now - dueAt;
  const patienceMs = [autoscalerSeesMs, turn.policy.progressDeadlineMs].find((ms) => ms > waitedMs);
  const leftMs = isShrunk(state, seen) && patienceMs !== undefined ? { requeueAfterMs: patienceMs - waitedMs } : {};
  return draft(turn, { reason, next: `${share}% on the primary when they are` }, leftMs);
}

/**
 * Traffic follows the primary's pods: what they cannot carry stays on the canary. Where stable has fewer replicas than all traffic needs, it
 * goes as far as it can: an autoscaler adds to them when it sees the load, and one that does not is not waited for forever.
 */
function reachable(turn: RunTurn, wanted: number, dueAt: number): number {
  const { seen, state, policy } = turn;
  if (seen.endpoints.primary.ready >= neededFor(100 - wanted, turn)) return wanted;
  if (!isShrunk(state, seen)) return state.weight;
  const waitedMs = seen.now - dueAt;
  if (seen.endpoints.primary.ready > 0 && waitedMs >= policy.progressDeadlineMs) return wanted;
  // A share of its own keeps the canary's pods until its autoscaler has given stable enough of them.
  const lowest = Math.max(lowestWeight(state, seen, policy), isGrowing(state, seen) ? 1 : 0);
  if (lowest < state.weight) return lowest;
  return waitedMs >= autoscalerSeesMs && isContent(turn) ? aQuarterLess(state.weight) : state.weight;
}

/** What scales the target by its load has made no more replicas of it than are ready. */
function isContent({ seen, policy }: RunTurn): boolean {
  return seen.autoscaler?.load !== undefined && primaryIsWhole(seen, policy);
}

/** An autoscaler looks every 15 s at what is a little older: if it has asked for no more by then, stable's pods can do with more. */
const autoscalerSeesMs = 60_000;

/** The weight beside which the primary has a quarter more than it has. */
const aQuarterLess = (weight: number): number => Math.max(0, 100 - Math.ceil((100 - weight) * 1.25));

/** Ready pods of the primary before `share` percent may reach them. */
function neededFor(share: number, { state, seen, policy }: RunTurn): number {
  const carrying = isScaledToZero(seen) ? 0 : podsFor(share, fullReplicas(state, seen));
  return enoughOf(carrying, policy.primaryReadyPercent);
}

function rollingWords({ run, seen, state }: RunTurn): Pick<CanaryState, "reason" | "next"> & { reasonCode?: string } {
  if (run.back && state.weight === 0)
    return {
      reason: `Going back to ${formatImages(run.images)} at once, without a canary: Deployment ${seen.targetName} rolls to it.`,
      reasonCode: goingBack,
      next: "the run ends when every pod of it is new and ready",
    };
  return {
    reason: `Promoting ${formatImages(run.images)}: Deployment ${seen.targetName} rolls to it while the canary carries ${state.weight}%.`,
    next: "traffic returns to the primary when every pod of it is new and ready",
  };
}

/** Why the run was promoted, for its history: a check that was never made, or failed, is not said to have passed. */
function promotedBecause({ run, state, policy }: RunTurn): string {
  const command = state.lastCommand;
  if (command?.verb === "promote" && command.accepted && command.at >= run.startedAt)
    return `promoted by ${command.by}`;
  if (run.back) return run.back.cause;
  if (policy.skipAnalysis) return "analysis was skipped";
  return run.step < policy.weights.length - 1 ? "promoted by hand before the last step" : "every check passed";
}

/** The template moved before the promotion took hold, or past the refusal: what was judged is not what would run. */
function overtaken(turn: RunTurn): Draft {
  const { seen, state } = turn;
  const { target } = seen;
  const back: RunTurn = { ...turn, state: { ...state, phase: "Progressing" } };
  if (target?.intent === state.stable?.hash) return endRun(back, "reverted", `reverted by ${target?.requestedBy}`);
  if (target?.held) return endRun(back, "superseded", "a newer version was asked for");
  return endRun(
    back,
    "aborted",
    `Deployment ${seen.targetName} was changed by ${target?.changedBy} while it was promoted`,
  );
}

const stuck = "promotion-stuck";

function primaryStuck(turn: RunTurn, words: string): Draft {
  const { seen, state } = turn;
  const share = state.weight === 0 ? "" : ` Traffic stays at ${state.weight}% on the canary.`;
  const reason = `Promotion is stuck: ${words}${share}`;
  const events =
    state.reasonCode === stuck
      ? []
      : [event.warning(`Promotion of ${fullTarget(seen)} failed, primary not ready: ${words}`)];
  return draft(turn, { reason, reasonCode: stuck, next: waysOut(seen) }, { events });
}

function waysOut(seen: Observation): string {
  return `mend the pods (kubectl -n ${seen.namespace} describe deploy ${seen.targetName}), or go back: ${verbLine(seen, "rollback")}`;
}

/** The run's steps: bring pods up, give them weight, judge, and go on, hold, or roll back. */
import { compare, lookingAgain } from "../comparison/comparison.ts";
import {
  hasNoReadyPods,
  isEdited,
  isInEffect,
  isIterating,
  podsFor,
  readyCanaries,
  sharedReplicas,
  stepWeight,
} from "../turn/capacity.ts";
import { give } from "./give.ts";
import { lostWhileIterating, passesUnused, unused } from "./iterating.ts";
import { isUnconfirmed } from "../gates/answers.ts";
import { checkWithHooks, withHooksAsked } from "../hooks/check-hooks.ts";
import { confirm } from "../hooks/confirm-rollout.ts";
import { afterStep, beforeUsers, newsAtGate, pastPause, stayAtGate } from "../hooks/at-gate.ts";
import { andThen, draft, ungated, withoutWait, type RunTurn, type Draft } from "../turn/turn.ts";
import { failedCheck, failedMetrics } from "../lifecycle/failed-check.ts";
import { finishAnalysis, finishOrWait } from "./finish.ts";
import { externalWeight } from "./external-weight.ts";
import {
  freeze,
  outageOf,
  refusedBy,
  waitBecause,
  missingSince,
  waitsForPerson,
  unreached,
  beforeFirstUsers,
  warmingUp,
  type Wait,
} from "./wait.ts";
import { checkWords } from "../analysis/verdict.ts";
import { deciding, decisive, verdict } from "../analysis/deciding.ts";
import { lostPods } from "./lost-pods.ts";
import type { Run } from "../state.ts";
import type { MetricsSeen } from "../observation.ts";
import { waitForPods } from "./wait-for-pods.ts";
import { isCarried, podsOf, weightCarried, type StepPods } from "./step-pods.ts";
import { unseenPods } from "./unseen.ts";
import { tallied } from "../turn/metric-failures.ts";
import { waitForShare } from "./share-wait.ts";
import { measurements, type Measured } from "../turn/track-status.ts";
import { measureShare } from "./measured-share.ts";
import { nextSampleMs } from "../turn/next-sample.ts";

const freshMs = 1_000;

/** Pods for the step's weight must be ready, and only this run's, before the weight moves. */
export function scaling(turn: RunTurn): Draft {
  return compared(turn, prepareStep);
}

export function analysing(turn: RunTurn): Draft {
  return withHooksAsked(turn, compared(turn, analyseStep));
}

// --- internal ---

/** A canary that is worse than the primary goes back at once, whatever its step waits for; one that nobody is behind, that was edited or is not to be judged has its own way. */
function compared(turn: RunTurn, go: (turn: RunTurn) => Draft): Draft {
  const { run, seen, state } = turn;
  const isOther = hasNoReadyPods(state, seen) || isEdited(run, seen) || isSkipped(turn);
  const informed = isOther ? turn : compare(measureShare(turn));
  return "events" in informed ? informed : lookingAgain(go(informed), informed);
}

function prepareStep(turn: RunTurn): Draft {
  const { run, seen, state, policy } = turn;
  if (isUnconfirmed(run, state.weight, policy)) return confirm(turn);
  const external = externalWeight(turn, weightOf(turn));
  if (external) return external;
  const lost = lostPods(turn);
  if (lost) return lost;
  const isResting = run.wait !== undefined && (run.checkAt ?? 0) > seen.now;
  return newsAtGate(turn) ?? (isResting ? lookLater(turn) : prepare(turn));
}

function analyseStep(turn: RunTurn): Draft {
  const { seen, state } = turn;
  const external = externalWeight(turn, weightOf(turn));
  if (external) return external;
  if (!isInEffect(state, seen) && !hasNoReadyPods(state, seen)) return notInEffect(turn);
  return lostPods(turn) ?? lostWhileIterating(turn) ?? judgeStep(turn);
}

function judgeStep(turn: RunTurn): Draft {
  const { run, seen, state } = turn;
  if (isSkipped(turn)) return finishOrWait(turn, "Analysis is skipped");
  if (state.weight === 0 && !isIterating(state, turn.policy)) return withoutWeight(turn);
  if (isResumedByUser(turn)) return askNow(turn);
  const isDue = seen.now >= (run.checkAt ?? 0);
  return newsAtGate(turn) ?? (isDue ? checkWithHooks(turn, check) : lookLater(turn));
}

/** Someone took it away; or the step was an iteration when it began, and its spec says otherwise now. */
function withoutWeight(turn: RunTurn): Draft {
  const { run, seen, state } = turn;
  const { reason, next } = waitsForPerson(turn) ?? state;
  if (run.ceiling !== undefined) return draft(turn, { reason, next });
  const { checkAt: _checkAt, ...rest } = ungated(withoutWait(run));
  return draft(turn, { run: { ...rest, stage: "scaling", stageAt: seen.now } }, { requeueAfterMs: 0 });
}

/** What someone else has written into the canary is not what would be promoted for it. */
function isSkipped({ run, seen, policy }: RunTurn): boolean {
  return policy.skipAnalysis && !isEdited(run, seen);
}

function prepare(turn: RunTurn): Draft {
  const { seen, policy } = turn;
  const pods = podsOf(turn, weightOf(turn));
  const isReady = isCarried(turn, pods);
  if (isReady && policy.skipAnalysis) return finishOrWait(turn, "Analysis is skipped");
  const go = (): Draft => (isReady ? advance(turn, pods) : waitForPods(turn, pods));
  if (seen.metrics) return lookBefore(turn, seen.metrics, go);
  // A weight is raised only while Prometheus answers: a canary that nobody can judge gets no (more) users.
  return isReady ? askNow(turn) : go();
}

/** A check is due. */
function check(turn: RunTurn): Draft {
  const { run, seen, state } = turn;
  const { metrics } = seen;
  if (!metrics || metrics.askedAt < run.stageAt)
    return freeze(turn, { reason: "Prometheus has not been asked since the weight moved", code: "not-asked" });
  if (!metrics.ok) return freeze(turn, outageOf(metrics));
  const measured: RunTurn = { ...turn, state: { ...state, ...measurements(metrics, turn) } };
  return weigh(measured, metrics);
}

function lookLater(turn: RunTurn): Draft {
  return draft(turn, {}, { requeueAfterMs: (turn.run.checkAt ?? turn.seen.now) - turn.seen.now });
}

function weightOf({ run, policy }: RunTurn): number {
  return stepWeight(run, policy);
}

function isResumedByUser({ run, seen }: RunTurn): boolean {
  return run.wait === "paused-by-user" && seen.target?.pausedByUser === false;
}

/** The check is due at once; its numbers come with the next decision. */
function askNow(turn: RunTurn): Draft {
  const run = isResumedByUser(turn) ? withoutWait(turn.run) : turn.run;
  return draft(turn, { run: { ...run, checkAt: turn.seen.now } }, { requeueAfterMs: 0 });
}

/** What is known speaks against going on, or `go`. Before any traffic only what cannot be asked does. */
function lookBefore(turn: RunTurn, metrics: MetricsSeen, go: () => Draft): Draft {
  const { state } = turn;
  if (!metrics.ok) return freeze(turn, outageOf(metrics));
  const measured: RunTurn = { ...turn, state: { ...state, ...measurements(metrics, turn) } };
  const refusal = deciding(metrics.checks).find((check) => check.outcome === "cannot-ask");
  if (state.weight === 0) return refusal ? freeze(turn, refusedBy(refusal)) : go();
  if (verdict(metrics.checks) === "fail") return failedMetrics(measured, metrics.checks);
  return refusal ? freeze(measured, refusedBy(refusal)) : go();
}

/**
 * The step begins when the route has its weight: a leader may have died between saying so and doing it, or someone has
 * deleted the route. What was measured since then was measured at another weight.
 */
function notInEffect(turn: RunTurn): Draft {
  const { run, seen, state, policy } = turn;
  const { checkAt: _checkAt, ...rest } = run;
  const needed = podsFor(state.weight, sharedReplicas(state, run, seen, policy));
  if (readyCanaries(run, seen) < needed)
    return draft(turn, { run: { ...rest, stage: "scaling", stageAt: seen.now } }, { requeueAfterMs: 0 });
  // Each write of ours wakes us: a weight that cannot be written is not to be said anew all the time.
  if (run.checkAt !== undefined && seen.now - run.stageAt < freshMs)
    return draft(turn, {}, { requeueAfterMs: freshMs });
  const begun: Run = { ...run, stageAt: seen.now, checkAt: seen.now + policy.intervalMs };
  return draft(turn, { run: begun }, { requeueAfterMs: freshMs });
}

function advance(turn: RunTurn, pods: StepPods): Draft {
  const { run, state } = turn;
  const weight = weightCarried(turn, pods);
  const waiting = waitsForPerson(turn);
  if (waiting && (waiting.cause !== "lowered-by-hand" || state.weight >= (run.ceiling ?? weight)))
    return waitBecause(turn, waiting);
  const unready = beforeFirstUsers(turn);
  if (unready) return waitBecause(turn, unready);
  const passage = beforeUsers(turn);
  return "stop" in passage ? passage.stop : give(turn, pods, passage);
}

const noChecks = { metric: "", outcome: "no-evidence", message: "" } as const;
/** Its pods have stayed ready, else it would not have come to a check. */
const stayedReady = { metric: "", outcome: "pass", message: "" } as const;

function weigh(turn: RunTurn, metrics: Measured): Draft {
  const found = decisive(metrics.checks) ?? (turn.policy.countsRequests ? noChecks : stayedReady);
  const { outcome } = found;
  const reason = checkWords(found);
  if (outcome === "fail") return failedMetrics(turn, metrics.checks);
  const unseen = unseenPods(turn, metrics);
  if (unseen) return unseen;
  if (outcome === "cannot-ask") return freeze(turn, refusedBy(found));
  const astray = waitForShare(turn);
  if (astray) return waitBecause(turn, astray);
  const warming = outcome === "no-evidence" ? warmingUp(turn) : undefined;
  if (warming) return waitBecause(turn, warming);
  return weighEvidence(turn, metrics, { isMissing: outcome === "no-evidence", reason });
}

function weighEvidence(
  turn: RunTurn,
  metrics: Measured,
  { isMissing, reason }: { isMissing: boolean; reason: string },
): Draft {
  // A metric of a longer window may have seen a few requests where the shown one has none: then it says how many are missing.
  const someSeen = isMissing && deciding(metrics.checks).some(({ requests }) => (requests ?? 0) > 0);
  const isCounted = turn.policy.countsRequests && !someSeen;
  const iterates = isIterating(turn.state, turn.policy);
  if (iterates && passesUnused(turn, { isMissing })) return passedCheck(turn, metrics);
  if (iterates && isCounted) return withoutEvidence(turn, unused(turn, metrics), metrics);
  if (isCounted && metrics.canary.requests === 0) return withoutEvidence(turn, unreached(turn, metrics), metrics);
  if (isMissing)
    return withoutEvidence(
      turn,
      { cause: "no-evidence", reason, next: "the weight stays until there is evidence" },
      metrics,
    );
  return passedCheck(turn, metrics);
}

/** By the Canary's policy. What only needs to wait is never a failure, and users who do not reach the canary never a pass. */
function withoutEvidence(asked: RunTurn, found: Wait, metrics: Measured): Draft {
  const turn = pastPause(asked);
  const { policy, deadlineMs } = turn.policy.noEvidence;
  const standing = policy === "fail" ? undefined : stayAtGate(turn);
  if (standing) return standing;
  const counts = ["no-evidence", "no-traffic", "unreached"].includes(found.cause) && metrics.isEarly !== true;
  if (policy === "fail" && counts) return failedCheck(turn, found.reason);
  const passes = found.cause === "no-evidence" || found.cause === "no-traffic";
  if (policy === "pass" && passes && turn.seen.now - missingSince(turn) >= deadlineMs)
    return passedCheck(turn, metrics);
  return waitBecause(turn, found);
}

function passedCheck(asked: RunTurn, metrics: Measured): Draft {
  const { run, state, policy } = asked;
  const waiting = waitsForPerson(asked);
  if (waiting) return waitBecause(asked, waiting);
  const last = run.step >= policy.weights.length - 1;
  if (last && metrics.sampledAt < run.stageAt) {
    const reason = `No numbers yet from the last step at ${state.weight}%.`;
    const lookAgainMs = nextSampleMs(asked.seen);
    return waitBecause(asked, {
      cause: "no-numbers",
      reason,
      next: "promotion when Prometheus has scraped it",
      lookAgainMs,
    });
  }
  const turn = tallied(asked, metrics.checks);
  // A spec that was edited may have put another weight where this step is.
  const isLast = last && state.weight >= weightCarried(turn, podsOf(turn, weightOf(turn)));
  const passage = afterStep(turn, { isLast, weight: weightOf(turn) });
  if ("stop" in passage) return passage.stop;
  const past: RunTurn = { ...turn, run: passage.run, state: { ...turn.state, run: passage.run } };
  const following = last ? run.step : run.step + 1;
  const step = isLast ? finishAnalysis(past, "Every check passed") : followingStep(past, following);
  return { ...step, events: [...passage.events, ...step.events] };
}

function followingStep(turn: RunTurn, step: number): Draft {
  const { checkAt: _checkAt, paused: _paused, ...rest } = ungated(withoutWait(turn.run));
  // An iteration's pods are those of the next: a sample of theirs is not awaited anew.
  const stageAt = isIterating(turn.state, turn.policy) ? turn.run.stageAt : turn.seen.now;
  const following: Run = { ...rest, stage: "scaling", step, stageAt };
  return andThen(draft(turn, { run: following }), turn, (now) => scaling({ ...now, run: following }));
}

/** The run's steps: bring pods up, give them weight, judge, and go on, hold, or roll back. */
import { isDeserted, isInEffect, loweredByHand, onlyThisRun, podsFor, readyCanaries } from "./capacity.ts";
import { formatImages, fullName, fullTarget, step, andThen, verbLine, type RunTurn, type Step } from "./decision.ts";
import { formatDuration } from "./duration.ts";
import { event } from "./events.ts";
import { decisive } from "./judge.ts";
import { restartLines } from "./callers.ts";
import { runId } from "./idle.ts";
import { promote } from "./promote.ts";
import type { Run } from "./state.ts";
import { measurements, type Measured } from "./tracks.ts";
import { reject, wind } from "./unwind.ts";

/** While a step is held, how soon to look again. */
const recheckMs = 2_000;
const frozenWords = "nothing counts until it can be asked; the weight stays";
/** Three scrapes of Linkerd-Viz's Prometheus: after so long without numbers something is wrong. */
const firstNumbersMs = 30_000;
/** While pods are awaited, how soon to ask them why they are not ready: nothing we watch changes when they fail. */
const lookAgainMs = 5_000;

/** An intent that changes before any traffic replaces the run's own; later it supersedes the run, or ends it. */
export function followIntent(turn: RunTurn): Step | undefined {
  const { run, seen, state } = turn;
  const { target } = seen;
  if (!target || target.intent === run.intent) return undefined;
  if (target.intent === state.stable?.hash) return wind(turn, "reverted", `reverted by ${target.requestedBy}`);
  const rejection = state.rejected.find((entry) => entry.hash === target.intent);
  if (state.weight > 0 || (seen.route?.weight ?? 0) > 0 || rejection)
    return wind(turn, "superseded", `superseded by ${formatImages(target.images)}`);
  const replaced: Run = {
    ...run,
    id: runId(target, state.runs),
    intent: target.intent,
    images: target.images,
    requestedBy: target.requestedBy,
    stage: "scaling",
    step: 0,
    stageAt: seen.now,
  };
  const reason = `New version ${formatImages(target.images)} asked for by ${target.requestedBy}: starting its canary pods.`;
  return step(
    turn,
    { run: replaced, failedChecks: 0, checks: [], reason },
    { events: [event.restarting(fullTarget(seen))] },
  );
}

/** Pods for the step's weight must be ready, and only this run's, before the weight moves. */
export function scaling(turn: RunTurn): Step {
  const { run, seen, policy } = turn;
  const weight = weightOf(turn);
  const needed = podsFor(weight, seen.target?.replicas ?? 1);
  if (loweredByHand(turn.state, seen)) return heldByHand(turn);
  if (isDeserted(turn.state, seen)) return lostEndpoints(turn);
  if (readyCanaries(run, seen) >= needed && onlyThisRun(run, seen))
    return policy.skipAnalysis ? promote(turn) : advance(turn, weight);
  return waitForPods(turn, weight, needed);
}

function waitForPods(turn: RunTurn, weight: number, needed: number): Step {
  const { run, seen, policy } = turn;
  const deadline = run.stageAt + policy.progressDeadlineMs;
  const said = failureWords(turn);
  if (seen.now >= deadline) {
    const cause = `canary pods were not ready within ${formatDuration(policy.progressDeadlineMs)}${said}`;
    return reject(turn, cause, event.rollingBack(fullName(seen), cause));
  }
  const pods = `${needed} ready canary pod${needed === 1 ? "" : "s"}`;
  const reason = `Waiting for ${pods} of ${formatImages(run.images)}: ${readyCanaries(run, seen)} so far${said}.`;
  return step(
    turn,
    { reason, next: `weight ${weight}` },
    { requeueAfterMs: Math.min(lookAgainMs, deadline - seen.now) },
  );
}

function failureWords({ seen }: RunTurn): string {
  return seen.workload?.failure ? ` (${seen.workload.failure})` : "";
}

export function analysing(turn: RunTurn): Step {
  const { run, seen, state } = turn;
  if (loweredByHand(state, seen)) return heldByHand(turn);
  if (seen.endpoints.canary.ready === 0) return lostEndpoints(turn);
  if (!isInEffect(state, seen)) return notInEffect(turn);
  const dueAt = run.checkAt ?? seen.now;
  if (seen.now < dueAt) return step(turn, {}, { requeueAfterMs: dueAt - seen.now });
  const { metrics } = seen;
  if (!metrics || metrics.askedAt < run.stageAt) return step(turn, {}, { requeueAfterMs: 1_000 });
  if (!metrics.ok) return freeze(turn, `Prometheus cannot be asked: ${metrics.error}`);
  const measured: RunTurn = { ...turn, state: { ...state, ...measurements(metrics, turn) } };
  return weigh(measured, metrics);
}

/**
 * The step begins when the route has its weight: a leader may have died between saying so and doing it, or someone has
 * deleted the route. What was measured since then was measured at another weight.
 */
function notInEffect(turn: RunTurn): Step {
  const { run, seen, state, policy } = turn;
  const { checkAt: _checkAt, ...rest } = run;
  const needed = podsFor(state.weight, seen.target?.replicas ?? 1);
  if (readyCanaries(run, seen) < needed)
    return step(turn, { run: { ...rest, stage: "scaling", stageAt: seen.now } }, { requeueAfterMs: 0 });
  const begun: Run = { ...run, stageAt: seen.now, checkAt: seen.now + policy.intervalMs };
  return step(turn, { run: begun }, { requeueAfterMs: policy.intervalMs });
}

// --- internal ---

function weightOf({ run, policy }: RunTurn): number {
  return policy.weights[Math.min(run.step, policy.weights.length - 1)] ?? 100;
}

function advance(turn: RunTurn, weight: number): Step {
  const { run, seen, state, policy } = turn;
  const first = run.step === 0 && state.checks.length === 0 && state.weight === 0;
  const analysed: Run = { ...run, stage: "analysing", stageAt: seen.now, checkAt: seen.now + policy.intervalMs };
  const events = [event.advance(fullName(seen), weight)];
  if (first) events.unshift(event.starting(fullTarget(seen)));
  return step(
    turn,
    {
      weight,
      run: analysed,
      reason: `${formatImages(run.images)} gets ${weight}% of traffic (step ${run.step + 1} of ${policy.weights.length}).`,
      next: nextWords(turn, run.step + 1),
    },
    { events, requeueAfterMs: policy.intervalMs },
  );
}

function nextWords({ policy }: RunTurn, stepIndex: number): string {
  const weight = policy.weights[stepIndex];
  return weight === undefined ? "promotion if the checks pass" : `weight ${weight} if the checks pass`;
}

function weigh(turn: RunTurn, metrics: Measured): Step {
  const { outcome: verdict, message } = decisive(metrics.checks) ?? { outcome: "no-evidence", message: "" };
  if (verdict === "fail") return failedCheck(turn, message);
  const said = causeOf(message);
  if (verdict === "cannot-ask") return freeze(turn, said);
  if (metrics.canary.requests === 0) return unreached(turn, metrics);
  if (verdict === "no-evidence") return hold(turn, said, "the weight stays until there is evidence");
  return passedCheck(turn, metrics);
}

function passedCheck(turn: RunTurn, metrics: Measured): Step {
  const { run, seen, state, policy } = turn;
  const last = run.step >= policy.weights.length - 1;
  if (last && metrics.sampledAt < run.stageAt) {
    const reason = `No numbers yet from the last step at ${state.weight}%.`;
    return hold(turn, reason, "promotion when Prometheus has scraped it");
  }
  if (last) return finishAnalysis(turn);
  const { holdSince: _holdSince, checkAt: _checkAt, ...rest } = run;
  const following: Run = { ...rest, stage: "scaling", step: run.step + 1, stageAt: seen.now };
  return andThen(step(turn, { run: following }), turn, (now) => scaling({ ...now, run: following }));
}

function finishAnalysis(turn: RunTurn): Step {
  const { run, seen } = turn;
  if (seen.target?.intent === run.intent && seen.target.held && !seen.target.pausedByUser) return promote(turn);
  const reason = `Every check passed, but Deployment ${seen.targetName} was paused by its user: it is not promoted.`;
  return hold(turn, reason, `kubectl -n ${seen.namespace} rollout resume deploy ${seen.targetName}`);
}

function failedCheck(turn: RunTurn, message: string): Step {
  const { run, seen, state, policy } = turn;
  const failedChecks = state.failedChecks + 1;
  const halted = event.warning(message);
  const counted: RunTurn = { ...turn, state: { ...state, failedChecks } };
  if (failedChecks >= policy.threshold) {
    const cause = `${failedChecks} failed check${failedChecks === 1 ? "" : "s"}, the last: ${causeOf(message)}`;
    const step = reject(counted, cause, event.thresholdReached(fullName(seen), failedChecks));
    return { ...step, events: [halted, ...step.events] };
  }
  const { holdSince: _holdSince, ...rest } = run;
  return step(
    counted,
    {
      run: { ...rest, checkAt: seen.now + policy.intervalMs },
      reason: `Check failed (${failedChecks} of ${policy.threshold}): ${causeOf(message)}.`,
      next: `rollback at ${policy.threshold} failed checks`,
    },
    { events: [halted], requeueAfterMs: policy.intervalMs },
  );
}

/** Flagger's `Halt x.y advancement success rate 91% < 99%` without its frame. */
function causeOf(message: string): string {
  return message.replace(/^Halt \S+ advancement /, "");
}

/** Who cannot be asked says nothing against the canary: no deadline runs, and that for evidence begins anew afterwards. */
function freeze(turn: RunTurn, reason: string): Step {
  const { run, seen, state, policy } = turn;
  const after = Math.min(recheckMs, policy.intervalMs);
  const frozen: Run = { ...run, holdSince: run.holdSince ?? seen.now, checkAt: seen.now + after };
  const said = event.warning(`Halt ${fullName(seen)} advancement: ${reason}`);
  const events = state.next === frozenWords ? [] : [said];
  return step(turn, { run: frozen, reason, next: frozenWords }, { events, requeueAfterMs: after });
}

/** The weight stays; the same sentence is announced once, and a hold that lasts too long ends the run. */
function hold(turn: RunTurn, reason: string, next: string): Step {
  const { run, seen, state, policy } = turn;
  const wasFrozen = state.next === frozenWords;
  const holdSince = (wasFrozen ? undefined : run.holdSince) ?? seen.now;
  if (seen.now - holdSince >= policy.evidenceDeadlineMs) {
    const cause = `no verdict within ${formatDuration(policy.evidenceDeadlineMs)}: ${reason}`;
    return reject(turn, cause, event.rollingBack(fullName(seen), cause));
  }
  const after = Math.min(recheckMs, policy.intervalMs);
  const held: Run = { ...run, holdSince, checkAt: seen.now + after };
  const said = state.reason === reason ? [] : [event.warning(`Halt ${fullName(seen)} advancement: ${reason}`)];
  const announced = run.holdSince === undefined ? said : [];
  return step(turn, { run: held, reason, next }, { events: announced, requeueAfterMs: after });
}

/** Prometheus cannot know of a first request before it has scraped: a young step without numbers is no finding yet. */
function unreached(turn: RunTurn, metrics: Measured): Step {
  const { run, seen, state } = turn;
  const next = "the weight stays until users reach the canary";
  if (metrics.staleCallers.length > 0 || seen.now - run.stageAt >= firstNumbersMs)
    return hold(turn, unreachedWords(turn, metrics), next);
  const held: Run = { ...run, holdSince: run.holdSince ?? seen.now, checkAt: seen.now + recheckMs };
  const reason = `No numbers yet of the canary at weight ${state.weight}: Prometheus has not scraped its first requests.`;
  return step(turn, { run: held, reason, next }, { requeueAfterMs: recheckMs });
}

function unreachedWords(turn: RunTurn, metrics: Measured): string {
  const { seen, state } = turn;
  const callers = metrics.staleCallers;
  const head = `No user request has reached the canary at weight ${state.weight}`;
  if (callers.length > 0)
    return `${head}: ${callers.join(", ")} ${callers.length === 1 ? "is" : "are"} older than the TrafficSplit and ignore${callers.length === 1 ? "s" : ""} it. Restart once: ${restartLines(callers)}.`;
  if (metrics.primary.requests === 0) return `${head}, nor the primary: there is no traffic to judge by.`;
  return `${head}, while the primary got ${metrics.primary.requests}: is every caller meshed, and does it call Service ${seen.apexName}?`;
}

function heldByHand(turn: RunTurn): Step {
  const { seen, state } = turn;
  const reason = `The canary's weight was lowered by hand to ${seen.route?.weight ?? 0} (it was ${state.weight}): it is not raised again by itself.`;
  const events = state.reason === reason ? [] : [event.warning(`Halt ${fullName(seen)} advancement: ${reason}`)];
  const next = `${verbLine(seen, "promote")}, or ${verbLine(seen, "rollback")}, or set the weight back to ${state.weight}`;
  return step(turn, { reason, next }, { events });
}

/** Nobody is behind the canary leaf any more: its share would fail, so it goes to the primary until there are pods again. */
function lostEndpoints(turn: RunTurn): Step {
  const { run, seen, state } = turn;
  const { checkAt: _checkAt, ...rest } = run;
  const reason = `The canary has no ready pod at weight ${state.weight}: all traffic is on stable until it has${failureWords(turn)}.`;
  return step(
    turn,
    {
      weight: 0,
      run: { ...rest, stage: "scaling", stageAt: seen.now },
      reason,
      next: `weight ${weightOf(turn)} again when pods are ready`,
    },
    { events: [event.warning(`Halt ${fullName(seen)} advancement: ${reason}`)] },
  );
}

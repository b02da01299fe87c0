/** Between runs: initialization, waiting for an intent, and the start of a run. */
import {
  barrierOf,
  blockedBy,
  formatChange,
  formatImages,
  fullName,
  fullTarget,
  missingTarget,
  step,
  verbLine,
  type Step,
  type Turn,
} from "./decision.ts";
import { event } from "./events.ts";
import { restartLines } from "./callers.ts";
import type { CanaryState, EventText, Observation, Rejection, Run, Target, Unvetted, Version } from "./state.ts";

/** For so long after initialization callers are looked for that are older than the TrafficSplit. */
const newForMs = 90_000;
const callersRecheckMs = 5_000;

/** Initialized a moment ago, and never run. */
export function isNew(state: CanaryState, now: number): boolean {
  return state.phase === "Initialized" && state.runs === 0 && now - state.transitionAt < newForMs;
}

/** Phases "" and Initializing: nothing is promised yet; everything must be found sound first. */
export function initialize(turn: Turn): Step {
  const { state, seen } = turn;
  const stable = state.stable ?? findStable(seen.target);
  const blocker = initializationBlocker(turn, stable);
  const known = stable ? { stable } : {};
  if (blocker) return step(turn, { phase: "Initializing", weight: 0, reason: blocker, next: "", ...known });
  if (!seen.target?.optedIn || !stable) {
    const reason = `Taking Deployment ${seen.targetName} under control; its pods stay as they are.`;
    return step(turn, { phase: "Initializing", weight: 0, reason, next: "", ...known });
  }
  const staleCallers = seen.staleCallers ?? state.staleCallers;
  return step(
    turn,
    { phase: "Initialized", weight: 0, failedChecks: 0, stable, staleCallers, ...steady(turn, stable) },
    { events: [...staleCallerEvents(seen, staleCallers), event.initialized(fullName(seen))] },
  );
}

/**
 * Initialized, Succeeded and Failed: wait for an intent that is neither stable nor rejected. `announcement` is the event of
 * a run that starts.
 */
export function idle(turn: Turn, announcement = event.newRevision(fullTarget(turn.seen))): Step {
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
function asked(turn: Turn & { stable: Version }, target: Target, announcement: EventText): Step {
  const { state, stable } = turn;
  const rejection = state.rejected.find((entry) => entry.hash === target.intent);
  if (rejection) return rejectedBefore(turn, rejectedWords(turn, target, rejection));
  const blocker = barrierOf(turn)?.reason ?? unvettedBlocker(turn) ?? startBlocker(turn, target, stable);
  if (blocker) return step(turn, { weight: 0, reason: blocker, next: "" });
  return startRun(turn, target, announcement);
}

/** A new run for the target's present intent, at weight 0 until its pods are ready. */
function startRun(turn: Turn, target: Target, announcement: EventText): Step {
  const { state, seen } = turn;
  const runs = state.runs + 1;
  const { run, reason } = freshRun(target, state.stable, { runs, now: seen.now });
  return step(
    turn,
    {
      phase: "Progressing",
      weight: 0,
      failedChecks: 0,
      checks: [],
      run,
      runs,
      reason,
      next: "first traffic when they are ready",
    },
    { events: [announcement] },
  );
}

/** A run of the target's intent as it begins, and what is said of it. `runs` counts all of this Canary's. */
export function freshRun(
  target: Target,
  stable: Version | undefined,
  { runs, now }: { runs: number; now: number },
): { run: Run; reason: string } {
  const { intent, images, requestedBy } = target;
  // Names the intent as well, so that a command that was meant for one intent is not taken for another.
  const id = `${intent.slice(-8)}-${runs}`;
  const run: Run = { id, intent, images, requestedBy, stage: "scaling", step: 0, startedAt: now, stageAt: now };
  const reason = `New version ${formatChange(images, stable)} asked for by ${requestedBy}: starting its canary pods.`;
  return { run, reason };
}

/** Sentence about a rejected intent that is still the target's template, the same for status and for the target's condition. */
export function rejectedWords(
  { state, seen }: Pick<Turn, "state" | "seen">,
  target: Target,
  rejection: Rejection,
): Pick<CanaryState, "reason" | "next"> {
  return {
    reason: `${formatChange(target.images, state.stable)} was rejected: ${rejection.cause}. Stable goes on serving.`,
    next: `set another image, or put the old one back: kubectl -n ${seen.namespace} get deploy ${seen.targetName} -o wide`,
  };
}

/** A Deployment may be deleted to be created again: what was made for it goes only when it stays away. */
const missingPatienceMs = 30_000;

export function isMissingForGood({ targetMissingSince: since }: CanaryState, now: number): boolean {
  return since !== undefined && now - since >= missingPatienceMs;
}

// --- internal ---

/** The one version whose pods run; undefined while a rollout is under way or nothing runs. */
function findStable(target: Target | undefined): Version | undefined {
  const [only, ...others] = target?.active ?? [];
  if (!target || !only || others.length > 0) return undefined;
  return target.held || (target.rolledOut && only.hash === target.intent) ? only : undefined;
}

function initializationBlocker(turn: Turn, stable: Version | undefined): string | undefined {
  const { seen } = turn;
  const { target, route } = seen;
  const blocked = blockedBy(turn);
  if (!target || blocked) return blocked?.what;
  if (!stable) return withoutStable(seen, target);
  if (!seen.servicesReady || !route) return `Creating Services and route for ${seen.apexName}.`;
  return route.problem ? `The route ${seen.apexName} is not obeyed yet: ${route.problem}.` : undefined;
}

function withoutStable(seen: Observation, target: Target): string {
  if (target.replicas === 0)
    return `Deployment ${seen.targetName} has 0 replicas: scale it up, so that there is a stable version.`;
  if (target.paused && target.active.length === 0)
    return `Deployment ${seen.targetName} is paused and has no pods, as after a restore: kubectl -n ${seen.namespace} rollout resume deploy ${seen.targetName}.`;
  return target.stuck ?? `Deployment ${seen.targetName} is rolling out: waiting until its pods are ready.`;
}

/** A canary is judged beside stable, so stable must be what the Deployment's pods run. */
function unvettedBlocker({ state, seen }: Turn): string | undefined {
  const { unvetted, stable } = state;
  if (!unvetted || !stable || seen.target?.active.some((version) => version.hash === stable.hash)) return undefined;
  return `${formatImages(unvetted.images)} runs without having been judged: adopt it or undo it, then the change starts. ${settleLines(seen)}.`;
}

/** What keeps an intent waiting; undefined: a run may start. */
function startBlocker(turn: Turn, target: Target, stable: Version): string | undefined {
  const { seen } = turn;
  const { targetName, route } = seen;
  const blocked = blockedBy(turn);
  if (blocked) return blocked.what;
  if (target.pausedByUser)
    return `Deployment ${targetName} was paused by its user: the change waits for kubectl -n ${seen.namespace} rollout resume deploy ${targetName}.`;
  if (target.replicas === 0) return `Deployment ${targetName} has 0 replicas: the change waits until it is scaled up.`;
  if (target.active.length > 1 && !target.active.some((version) => version.hash === stable.hash))
    return `Deployment ${targetName} is still rolling: the change waits until that is done.`;
  if (!seen.servicesReady || !route) return `Services and route of ${seen.apexName} are being restored.`;
  return route.problem ? `The route ${seen.apexName} is not obeyed: ${route.problem}.` : undefined;
}

function backToStable(turn: Turn, known: Version): Step {
  const { state, seen } = turn;
  // A target that was created anew, or had no pods when it was promoted, has another ReplicaSet for the same template.
  const stable = seen.target?.active.find((version) => version.hash === known.hash) ?? known;
  if (state.unvetted) return settled(turn, stable);
  if (isNew(state, seen.now)) return watchCallers(turn, stable);
  const words = steady(turn, stable);
  const after = afterRollback(turn);
  if (after) return step(turn, { weight: 0, stable, next: words.next, reason: `${after} ${words.reason}` });
  return step(turn, { phase: state.phase === "Failed" ? "Initialized" : state.phase, weight: 0, stable, ...words });
}

/** A rejected template that its user takes back is still held; where we put stable back ourselves, nobody has. */
function afterRollback({ state, seen }: Turn): string | undefined {
  const [last] = state.history;
  if (state.phase !== "Failed" || last?.outcome !== "rejected" || seen.target?.held) return undefined;
  return `${formatChange(last.images, state.stable)} was rejected: ${last.cause}.`;
}

/** Soon after initialization: whoever turns out to ignore the TrafficSplit is named, and taken off the list once restarted. */
function watchCallers(turn: Turn, stable: Version): Step {
  const { state, seen } = turn;
  const staleCallers = seen.staleCallers ?? state.staleCallers;
  const found = staleCallers.filter((caller) => !state.staleCallers.includes(caller));
  const events = staleCallerEvents(seen, found);
  return step(
    turn,
    { weight: 0, stable, staleCallers, ...steady(turn, stable) },
    { events, requeueAfterMs: callersRecheckMs },
  );
}

function steady(turn: Turn, stable: Version): Pick<CanaryState, "reason" | "next"> {
  const { targetName } = turn.seen;
  const serves = `${formatImages(stable.images)} is stable and gets all traffic.`;
  const blocked = blockedBy(turn);
  if (blocked) return { reason: `${serves} No canary can start: ${blocked.what}`, next: "" };
  return { reason: serves, next: `the next change of Deployment ${targetName} starts a canary` };
}

/** Nothing of a rejected intent starts again by itself; whoever asked for it is told so once. */
function rejectedBefore(turn: Turn, words: Pick<CanaryState, "reason" | "next">): Step {
  const said = [event.warning(`Canary of ${fullName(turn.seen)} not started: ${words.reason}`)];
  const events = turn.state.reason === words.reason ? [] : said;
  return step(turn, { phase: "Failed", weight: 0, ...words }, { events });
}

/** The template changed without us (webhook down or bypassed): said until a person settles it, for it may be an emergency fix. */
function unvetted(turn: Turn, target: Target, stable: Version): Step {
  const { state, seen } = turn;
  const known = state.unvetted?.hash === target.intent ? state.unvetted : undefined;
  if (known?.undoneBy !== undefined) return step(turn, {});
  const found = known ? { ...known, ...(target.bypass ? {} : { spent: true }) } : unvettedSeen(seen, target);
  const change = `${formatImages(stable.images)} to ${formatImages(target.images)}`;
  const where = findStable(target) ? "runs everywhere" : "is rolling out";
  const reason = `Unvetted change by ${found.by}: ${change} went past the canary (${found.how}) and ${where}.`;
  const events = known ? [] : [event.warning(reason)];
  return step(turn, { weight: 0, unvetted: found, reason, next: settleLines(seen) }, { events });
}

function unvettedSeen(seen: Observation, target: Target): Unvetted {
  const how = target.bypass ? "break-glass" : target.optedIn ? "the webhook did not answer" : "recreated or unlabelled";
  return { hash: target.intent, images: target.images, by: target.changedBy, how, at: seen.now };
}

function settleLines(seen: Observation): string {
  return `keep it: ${verbLine(seen, "adopt")}; take it back: ${verbLine(seen, "undo")}`;
}

/** Stable's template is back in the Deployment: once its pods are, nothing unvetted is left. */
function settled(turn: Turn, stable: Version): Step {
  const { state, seen } = turn;
  const { unvetted: past, ...rest } = state;
  const { target } = seen;
  const isRolling = !target?.held && !target?.rolledOut;
  if (isRolling || target?.bypass) {
    const reason = `Deployment ${seen.targetName} goes back to ${formatImages(stable.images)} from an unvetted change.`;
    return step(turn, { weight: 0, stable, reason, next: "" });
  }
  const said = event.normal(`Unvetted change of ${fullName(seen)} is gone: ${formatImages(past?.images ?? {})}`);
  const calm: Turn = { ...turn, state: rest };
  return step(calm, { weight: 0, stable, ...steady(turn, stable) }, { events: [said] });
}

function targetMissing(turn: Turn): Step {
  const { state, seen } = turn;
  const targetMissingSince = state.targetMissingSince ?? seen.now;
  const missing = { weight: 0, targetMissingSince, reason: missingTarget(seen), next: "" };
  const leftMs = targetMissingSince + missingPatienceMs - seen.now;
  return step(turn, missing, leftMs > 0 ? { requeueAfterMs: leftMs } : {});
}

function targetBack(turn: Turn, announcement: EventText): Step {
  const { targetMissingSince: _since, ...state } = turn.state;
  return idle({ ...turn, state }, announcement);
}

function staleCallerEvents(seen: Observation, callers: readonly string[]): EventText[] {
  if (callers.length === 0) return [];
  const head = `${callers.join(", ")} called ${seen.apexName} before its TrafficSplit was there and will ignore it`;
  return [event.warning(`${head} until restarted once: ${restartLines(callers)}`)];
}

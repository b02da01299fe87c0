/** What a person asked for: each command is answered once, with what it did or why it could not. */
import { shellQuoted } from "../format/shell.ts";
import type { Command, Verb } from "../objects/command.ts";
import { podsFor, readyCanaries, sharedReplicas } from "../turn/capacity.ts";
import {
  barrierOf,
  entering,
  formatImages,
  fullName,
  draft,
  withoutWait,
  verbLine,
  type RunTurn,
  type Draft,
  type Turn,
} from "../turn/turn.ts";
import { formatDuration, parseDuration } from "../format/duration.ts";
import { event } from "../turn/event-messages.ts";
import { stepName, stepsList } from "../turn/step-words.ts";
import { decisive } from "../analysis/deciding.ts";
import { isUnconfirmed } from "../gates/answers.ts";
import { confirmed } from "../hooks/confirm-rollout.ts";
import { openedByHand } from "../hooks/at-gate.ts";
import { gateWords } from "../hooks/gate-wait.ts";
import { promote } from "../traffic/promote.ts";
import { acceptingClientErrors, waitsForClientErrors } from "../comparison/client-errors.ts";
import { by, notHeld, why, type Answer } from "./asked.ts";
import { adopt, letGo, retry, undo } from "./between-runs.ts";
import { undoNow } from "./undo-now.ts";
import { isKept } from "../turn/kept.ts";
import type { Pause, Run } from "../state.ts";
import { reject, restore } from "../lifecycle/end.ts";

/** A command that has not been answered yet, if there is one. */
export function pendingCommand({ state, seen: { command } }: Asked): Command | undefined {
  return command && command.id !== state.lastCommand?.id ? command : undefined;
}

interface Asked {
  state: Pick<Turn["state"], "lastCommand">;
  seen: Pick<Turn["seen"], "command">;
}

export function answerCommand(turn: Turn, command: Command): Draft {
  const answer = answerTo(turn, command);
  const isRefusal = typeof answer === "string";
  const message = isRefusal ? `cannot ${command.verb}: ${answer}` : answer.message;
  const made = isRefusal ? draft(turn, {}) : answer.step;
  const result = {
    id: command.id,
    verb: command.verb,
    by: by(command),
    accepted: !isRefusal,
    message,
    at: turn.seen.now,
  };
  return { ...made, state: { ...made.state, lastCommand: result }, requeueAfterMs: 0 };
}

// --- internal ---

function answerTo(turn: Turn, command: Command): Answer {
  const { run } = turn.state;
  const barrier = barrierOf(turn);
  if (barrier && command.verb !== "rollback") return barrier.reason;
  const settling = betweenRuns[command.verb];
  if (settling) return run ? `${formatImages(run.images)} is under way (${run.id}).` : settling(turn, by(command));
  if (!run && isLettingGo(turn, command)) return letGo(turn, by(command));
  if (!run) return nothingRuns(turn, command);
  const against = notMeant(turn, command, run);
  if (against) return against;
  const running = { ...turn, run };
  return (duringRun[command.verb] ?? unknown)(running, command);
}

/** Not what was meant for a run that is over meanwhile. */
const isLettingGo = (turn: Turn, { verb, run }: Command): boolean =>
  verb === "rollback" && run === undefined && isKept(turn);

const betweenRuns: Partial<Record<Verb, (turn: Turn, by: string) => Answer>> = { retry, adopt, undo };

const duringRun: Partial<Record<Verb, (turn: RunTurn, command: Command) => Answer>> = {
  promote: promoteNow,
  rollback: rollBackNow,
  pause,
  resume,
  "undo-now": undoNow,
};

const unknown = (_turn: RunTurn, command: Command): Answer => `this controller does not know ${command.verb}.`;

function nothingRuns({ state, seen }: Turn, { verb }: Command): string {
  const [last] = state.history;
  const ended = last ? ` The last run, of ${formatImages(last.images)}, was ${last.outcome}.` : "";
  const back = verb === "rollback" && last?.outcome === "promoted" ? wayBackWords(seen, last) : "";
  return `nothing is running: ${state.reason || `${seen.targetName} is not initialized.`}${ended}${back}`;
}

function wayBackWords(seen: Turn["seen"], { before }: Turn["state"]["history"][number]): string {
  const [image] = Object.values(before?.images ?? {});
  const version = image?.slice(image.lastIndexOf("/") + 1) ?? "VERSION";
  return ` To go back at once: ${verbLine(seen, "undo")} --to ${shellQuoted(version)} --now`;
}

function notMeant({ seen }: Turn, command: Command, run: Run): string | undefined {
  if (command.run !== undefined && command.run !== run.id)
    return `it was meant for run ${command.run}, but ${run.id} (${formatImages(run.images)}) is running now; look again: ${verbLine(seen, "status")}`;
  if (run.ending && run.ending.outcome !== "promoted") return `the run is being ended already: ${run.ending.cause}.`;
  return undefined;
}

const isJudging = (run: Run): boolean => run.stage === "scaling" || run.stage === "analysing";

function promoteNow(turn: RunTurn, command: Command): Answer {
  const { run, seen } = turn;
  if (!isJudging(run)) return `${formatImages(run.images)} is being promoted already.`;
  const isUnbegun = isUnconfirmed(run, turn.state.weight, turn.policy) && command.force !== true;
  const opened = isUnbegun ? openedByHand(turn) : undefined;
  if (opened) return openGate(turn, opened, command);
  if (command.toStep !== undefined) return toStep(turn, command, command.toStep);
  const against = againstPromotion(turn, command.force ?? false);
  if (against) return against;
  const said = event.normal(`Promotion of ${fullName(seen)} asked for by ${by(command)}${why(command)}`);
  const message = `promoting ${formatImages(run.images)}: Deployment ${seen.targetName} rolls to it now.`;
  return { step: promote(turn, [said]), message };
}

/** Steps are left out, never the pods that the weight needs. */
function toStep(turn: RunTurn, command: Command, wanted: number): Answer {
  const { run, seen, policy } = turn;
  const { weights } = policy;
  const weight = weights[wanted - 1];
  if (weight === undefined) return `there is no step ${wanted}: there are ${weights.length} (${stepsList(policy)}).`;
  if (wanted <= run.step) return `step ${wanted} is over: it is at step ${run.step + 1} of ${weights.length}.`;
  const moved: Run = { ...entering(run, "scaling", seen.now), step: wanted - 1 };
  const message = `going to step ${wanted} of ${weights.length}, ${stepName(policy, wanted - 1)}, as soon as its pods are ready.`;
  const said = event.normal(`${fullName(seen)}: step ${wanted} asked for by ${by(command)}${why(command)}`);
  return {
    step: draft(turn, { run: moved, reason: message, next: stepName(policy, wanted - 1) }, { events: [said] }),
    message,
  };
}

/** Why promotion is not safe to start now; `force` overrules doubt, never impossibility. */
function againstPromotion(turn: RunTurn, force: boolean): string | undefined {
  const impossible = notHeld(turn);
  if (impossible) return impossible;
  const doubt = force ? undefined : doubtOf(turn);
  return doubt === undefined ? undefined : `${doubt}. --force promotes it all the same.`;
}

function doubtOf({ run, seen, state, policy }: RunTurn): string | undefined {
  const { gate } = run;
  if (gate?.type === "pre-rollout" && gate.answer !== undefined)
    return `webhook ${gate.name} (pre-rollout) has not passed: ${gate.answer}`;
  const needed = Math.max(1, podsFor(state.weight, sharedReplicas(state, run, seen, policy)));
  const ready = readyCanaries(run, seen);
  if (ready < needed) return `the canary is not ready: ${ready} of ${needed} pods`;
  const failed = decisive(state.checks);
  return failed?.outcome === "fail" ? `its last check failed: ${failed.message}` : undefined;
}

function rollBackNow(turn: RunTurn, command: Command): Answer {
  const { run, seen } = turn;
  const cause = `rolled back by ${by(command)}${why(command)}`;
  const announcement = event.warning(`Rolling back ${fullName(seen)} manual command by ${by(command)}`);
  if (isJudging(run)) {
    const message = `rolling back ${formatImages(run.images)}: all traffic goes to stable.`;
    return { step: reject(turn, cause, announcement), message };
  }
  const message = `backing out of the promotion: Deployment ${seen.targetName} goes back to stable first, then all traffic.`;
  return { step: restore(turn, cause, announcement), message };
}

function pause(turn: RunTurn, command: Command): Answer {
  const { run, seen } = turn;
  if (!isJudging(run)) return `${formatImages(run.images)} is being promoted: only rollback stops that.`;
  const forMs = command.for === undefined ? undefined : parseDuration(command.for);
  if (command.for !== undefined && forMs === undefined) return `"${command.for}" is not a duration such as 30m.`;
  const paused: Pause = {
    by: by(command),
    at: seen.now,
    ...(forMs === undefined ? {} : { until: seen.now + forMs }),
    ...(command.reason ? { reason: command.reason } : {}),
  };
  const until = forMs === undefined ? "until it is resumed" : `for ${formatDuration(forMs)}`;
  const message = `${formatImages(run.images)} stays at weight ${turn.state.weight} ${until}; a failing check still takes it back.`;
  const said = event.normal(`${fullName(seen)} paused by ${by(command)}${why(command)}`);
  const reason = `Paused by ${by(command)}${why(command)}: ${message}`;
  const next = `${verbLine(seen, "resume")}, or ${verbLine(seen, "rollback")}`;
  const waiting: Run = { ...withoutWait(run), paused, wait: "paused", waitSince: seen.now };
  return { step: draft(turn, { run: waiting, reason, next }, { events: [said] }), message };
}

function resume(turn: RunTurn, command: Command): Answer {
  const { run, seen, policy } = turn;
  if (seen.target?.pausedByUser)
    return `Deployment ${seen.targetName} was paused by its user: kubectl -n ${seen.namespace} rollout resume deploy ${seen.targetName}.`;
  const waits = waitsForClientErrors(run, policy);
  // What a person did, or is asked about, comes first: the gate is another question.
  if (!run.paused && run.ceiling === undefined && !waits) {
    const opened = openedByHand(turn);
    return opened ? openGate(turn, opened, command) : `nothing is paused: ${turn.state.reason}`;
  }
  const accepted = waits ? acceptingClientErrors(run, by(command)) : run;
  const { paused: _paused, checkAt: _checkAt, ...rest } = withoutWait(accepted);
  const resumed = run.ceiling === undefined ? rest : { ...entering(accepted, "scaling", seen.now) };
  const message = `${formatImages(run.images)} goes on at step ${run.step + 1} of ${policy.weights.length}, ${stepName(policy, run.step)}.`;
  const said = event.normal(`${fullName(seen)} resumed by ${by(command)}${why(command)}`);
  return {
    step: draft(turn, { run: resumed, reason: `Resumed by ${by(command)}: ${message}`, next: "" }, { events: [said] }),
    message,
  };
}

/** Before any pod there is nothing to promote yet: the gate is what stands in its way. */
function openGate(turn: RunTurn, opened: Run, command: Command): Answer {
  const { run, seen, state, policy } = turn;
  const where = run.gate ? gateWords(run.gate) : "";
  const message = `${formatImages(run.images)} is let through ${where}.`;
  const said = event.normal(`${fullName(seen)}: ${where} opened by ${by(command)}${why(command)}`);
  if (isUnconfirmed(run, state.weight, policy))
    return { step: confirmed(turn, { run: opened, events: [said] }), message };
  const { checkAt: _checkAt, paused: _paused, ...rest } = opened;
  const reason = `Resumed by ${by(command)}: ${message}`;
  return { step: draft(turn, { run: rest, reason, next: "" }, { events: [said] }), message };
}

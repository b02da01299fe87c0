/** What of a decision is worth an alert: beginnings, every end of a run, waits for a person, and whatever keeps a change from going out. */
import type { Decision } from "../action.ts";
import type { AlertSeverity } from "../objects/alerts/alert-provider.ts";
import { changeWaits } from "../objects/canary-status.ts";
import { waitCauses } from "../objects/wait-causes.ts";
import type { CanaryState, Run, RunOutcome } from "../state.ts";
import { formatChange, formatImages, type Turn } from "../turn/turn.ts";

/** An alert before it is known who gets it. */
export interface News {
  /** For programs; one decision has each at most once. */
  code: string;
  severity: AlertSeverity;
  message: string;
  /** How the analysis will go belongs to it, as in Flagger's alerts of a beginning. */
  isBeginning?: true;
}

/** In the order in which they happened. */
export function newsOf(turn: Turn, { state: after }: Decision): News[] {
  const change: Change = { turn, before: turn.state, after };
  return [...ends(change), ...beginnings(change), ...waits(change), ...stoppages(change)];
}

// --- internal ---

interface Change {
  turn: Turn;
  before: CanaryState;
  after: CanaryState;
}

interface End {
  run: string;
  images: Record<string, string>;
  outcome: RunOutcome;
  cause: string;
  back?: unknown;
}

/** Said when it is certain how a run ends; a promotion when it is done, anything else when its traffic is taken away. */
function ends({ turn, before, after }: Change): News[] {
  const known = new Set(endsIn(before).map(({ run }) => run));
  const isRestarted = after.run !== undefined && after.run.id !== before.run?.id;
  return endsIn(after)
    .filter(({ run, outcome }) => !known.has(run) && !(outcome === "superseded" && isRestarted))
    .map((end) => endNews(end, { turn, before, after }));
}

/** Also those that are being wound up. */
function endsIn({ run, history }: CanaryState): End[] {
  const under =
    run?.ending && run.ending.outcome !== "promoted" ? [{ run: run.id, images: run.images, ...run.ending }] : [];
  return [...under, ...history];
}

/** A sentence about an end, from the versions and the cause; `isBack`: stable has to be put back first. */
interface EndWords {
  version: string;
  stable: string;
  cause: string;
  isSkipped: boolean;
  isBack: boolean;
}

const endWords: Record<RunOutcome, (words: EndWords) => string> = {
  promoted: ({ version, isSkipped }) =>
    `Canary analysis ${isSkipped ? "was skipped" : "completed successfully"}, promotion finished. ${version} gets all traffic.`,
  rejected: ({ version, cause, stable, isBack }) =>
    `Rolling back ${version}: ${cause}. ${stable} ${isBack ? "is put back" : "goes on serving"}.`,
  reverted: ({ version, cause, stable }) => `${version} was ${cause}. ${stable} goes on serving.`,
  superseded: ({ version, cause }) => `The run of ${version} ended: ${cause}.`,
  aborted: ({ version, cause }) => `The run of ${version} ended: ${cause}.`,
};

const endSeverity: Record<RunOutcome, AlertSeverity> = {
  promoted: "info",
  rejected: "error",
  reverted: "info",
  superseded: "info",
  aborted: "warn",
};

function endNews({ images, outcome, cause, back }: End, { turn, before, after }: Change): News {
  const message = endWords[outcome]({
    version: formatImages(images),
    stable: formatImages(before.stable?.images ?? {}),
    cause,
    isSkipped: turn.policy.skipAnalysis || back === true,
    isBack: after.run?.stage === "restoring",
  });
  const isCalm = outcome === "rejected" && isAskedFor(before, after);
  return { code: outcome, severity: isCalm ? "warn" : endSeverity[outcome], message };
}

/** By a person's command, so that nobody has to be woken. */
function isAskedFor(before: CanaryState, { lastCommand }: CanaryState): boolean {
  return lastCommand?.id !== before.lastCommand?.id && lastCommand?.verb === "rollback" && lastCommand.accepted;
}

function beginnings({ before, after }: Change): News[] {
  const { run } = after;
  if (isFresh(before.phase) && after.phase === "Initialized")
    return [beginning("initialized", `New Deployment detected, initialization completed. ${after.reason}`)];
  if (!run || run.id === before.run?.id) return [];
  if (run.back) return [beginning("going-back", after.reason)];
  const change = formatChange(run.images, after.stable);
  const words = `New revision detected, progressing canary analysis. ${change} was asked for by ${run.requestedBy}.`;
  return [beginning("progressing", words)];
}

const isFresh = (phase: CanaryState["phase"]): boolean => phase === "" || phase === "Initializing";

function beginning(code: string, message: string): News {
  return { code, severity: "info", message, isBeginning: true };
}

/** Of a run: a person is waited for, Prometheus is, or it has lost its share. */
function waits(change: Change): News[] {
  const { before, after } = change;
  const { run, reason } = after;
  if (!run || run.ending) return [];
  const known = run.id === before.run?.id ? reasonsToWait(before.run) : [];
  const found = reasonsToWait(run).filter((mark) => !known.includes(mark) && !isMuted(run, change));
  const deserted = isDeserted(run, change) ? [desertedNews(reason)] : [];
  return [...found.map((mark) => waiting(mark, reason)), ...deserted];
}

/** The Canary wants nobody to be alerted to the webhook at which it waits. */
function isMuted({ wait, gate }: Run, { turn }: Change): boolean {
  return (
    wait === "gate" &&
    turn.policy.hooks.some(({ name, type, isMuted: muted }) => muted && name === gate?.name && type === gate.type)
  );
}

/** Its pods were lost while the target rolls or goes back. */
function isDeserted({ stage }: Run, { before, after }: Change): boolean {
  const isCarrying = stage === "promoting" || stage === "returning" || stage === "restoring";
  return isCarrying && stage === before.run?.stage && before.weight > 0 && after.weight === 0;
}

const desertedNews = (message: string): News => ({ code: "canary-deserted", severity: "error", message });

/** What a person has done or must see to is there between checks too, when nothing is waited for. */
function reasonsToWait(run: Run): string[] {
  const { paused, ceiling, clientErrors, wait } = run;
  const marks = [
    ...(paused ? [`paused/${paused.at}`] : []),
    ...(ceiling === undefined ? [] : [`lowered-by-hand/${ceiling}`]),
    ...(clientErrors && clientErrors.acceptedBy === undefined ? ["client-errors"] : []),
  ];
  if (wait === undefined || wait === "obstacle" || marks.some((mark) => causeOf(mark) === wait)) return marks;
  return isTold(wait) ? [...marks, markOf(wait, run)] : marks;
}

/** One gate is not another. */
function markOf(wait: NonNullable<Run["wait"]>, { gate }: Run): string {
  return wait === "gate" && gate ? `gate/${gate.type}/${gate.name}` : wait;
}

/** What goes on by itself keeps nobody waiting. */
function isTold(wait: NonNullable<Run["wait"]>): boolean {
  const { kind, goesOn } = { goesOn: false, ...waitCauses[wait] };
  return !goesOn && (kind === "person" || kind === "outage");
}

const causeOf = (mark: string): string => mark.slice(0, `${mark}/`.indexOf("/"));

function waiting(mark: string, reason: string): News {
  const cause = causeOf(mark);
  const head = cause === "cannot-ask" ? "" : "Canary is waiting for a person. ";
  return { code: `waiting/${cause}`, severity: "warn", message: `${head}${reason}` };
}

/** Whether or not a run is under way: what nobody but a person ends. */
function stoppages({ turn, before, after }: Change): News[] {
  return [blocked(before, after), unvetted(before, after), stuck(before, after), pausedChange(turn, after)].flat();
}

/** What is merely missing is said of what has run: manifests are applied one after the other. */
function blocked(before: CanaryState, { blocked: found, phase }: CanaryState): News[] {
  if (!found || found.code === before.blocked?.code) return [];
  if (found.kind === "missing" && isFresh(phase)) return [];
  return [{ code: `blocked/${found.code ?? found.kind}`, severity: "warn", message: found.what }];
}

function unvetted(before: CanaryState, { unvetted: found, reason }: CanaryState): News[] {
  if (!found || found.hash === before.unvetted?.hash) return [];
  return [{ code: "unvetted", severity: "warn", message: reason }];
}

function stuck(before: CanaryState, { reasonCode, reason }: CanaryState): News[] {
  const isStuck = reasonCode === "promotion-stuck" || reasonCode === "rollback-stuck";
  if (!isStuck || before.reasonCode === reasonCode) return [];
  return [{ code: reasonCode, severity: "error", message: reason }];
}

/** A change that its user's own pause keeps from starting. */
function pausedChange({ state: before, seen }: Turn, { reasonCode, reason, blocked: found }: CanaryState): News[] {
  if (reasonCode !== changeWaits || before.reasonCode === changeWaits || found) return [];
  return seen.target?.pausedByUser ? [{ code: "waiting/change", severity: "warn", message: reason }] : [];
}

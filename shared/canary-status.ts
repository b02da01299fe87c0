/**
 * A Canary's status on the wire (RFC 3339 times, Flagger's fields) to and from the core's state (milliseconds).
 * Reading refuses what it does not understand: a status written by something else must stop us, not be guessed at.
 */
import { type Canary } from "./core/objects/canary.ts";
import {
  runOutcomes,
  type HistoryEntry,
  type CanaryStatus,
  type RunStatus,
  runStages,
  type SaidStatus,
  type CanaryCondition,
  type Phase,
  phases,
} from "./core/objects/canary-status.ts";
import { initialState } from "./core/decide.ts";
import type { CanaryState, Pause, Run } from "./core/state.ts";
import { waitCauses } from "./core/objects/wait-causes.ts";
import { parseCallers, printCallers } from "./callers-status.ts";
import { floorLeftMs, parseSince, printSince, withoutSince } from "./status-since.ts";
import { optional } from "./core/format/compact.ts";
import { parseComparison, printComparison } from "./comparison-status.ts";
import { parseAfterRun, parseGates, printAfterRun, printGates } from "./gate-status.ts";
import { leafEmpty } from "./core/turn/empty-leaf.ts";
import { printAlerts, readableAlerts } from "./alert-status.ts";
import { parseConfigs, printConfigs } from "./config-status.ts";
import { cutTexts } from "./core/format/cut.ts";

/** Thrown for a status that this version cannot read; the message says which field and what to do. */
export class UnreadableStatus extends Error {}

/** The state kept in `canary.status`; a fresh one where there is none. */
export function parseStatus(canary: Canary): CanaryState {
  const status: CanaryStatus = { phase: "", canaryWeight: 0, ...canary.status };
  const { stable, run, tracks, trend, lastCommand, unvetted } = status;
  return {
    ...initialState(),
    ...present(status, ["checks", "warnings", "blocked", "reason", "reasonCode", "next"]),
    staleCallers: parseCallers(status),
    failedChecks: count(status.failedChecks, "failedChecks"),
    runs: count(status.runs, "runs"),
    phase: phaseOf(status),
    weight: percent(status.canaryWeight),
    rejected: (status.rejected ?? []).map((entry) => ({ ...entry, at: ms(entry.at, "rejected.at") })),
    history: (status.history ?? []).map(parseHistory),
    alerts: readableAlerts(status),
    transitionAt: status.lastTransitionTime ? ms(status.lastTransitionTime, "lastTransitionTime") : 0,
    ...optional("stable", stable),
    ...optional("run", run && parseRun(run)),
    ...optional("tracks", tracks && { ...tracks, at: ms(tracks.at, "tracks.at") }),
    ...(trend ? { trend: trend.map((point) => ({ ...point, at: ms(point.at, "trend.at") })) } : {}),
    ...optional("lastCommand", lastCommand && { ...lastCommand, at: ms(lastCommand.at, "lastCommand.at") }),
    ...optional("unvetted", unvetted && { ...unvetted, at: ms(unvetted.at, "unvetted.at") }),
    ...parseAfterRun(status, ms),
    ...parseSince(status, ms),
    ...parseConfigs(status),
  };
}

export interface StatusContext {
  generation: number;
  steps: number;
  now: number;
  route?: CanaryStatus["route"];
  said?: SaidStatus[];
  previous?: CanaryStatus | undefined;
}

/** `state` as it is written to the API server: every text is cut, for a status that is too large would never be written again. */
export function printStatus(state: CanaryState, context: StatusContext): CanaryStatus {
  const { stable, run, lastCommand, unvetted, weight, transitionAt, configs: _configs, ...rest } = state;
  const { staleCallers, alerts, afterRun, tracks: _tracks, trend: _trend, ...same } = withoutSince(rest);
  const promotedSpec = stable?.hash ?? "";
  return cutTexts({
    ...same,
    canaryWeight: weight,
    iterations: 0,
    observedGeneration: context.generation,
    lastAppliedSpec: run?.intent ?? promotedSpec,
    lastPromotedSpec: promotedSpec,
    lastTransitionTime: iso(transitionAt),
    conditions: conditionsOf(state, context),
    ...printCallers(staleCallers),
    rejected: state.rejected.map((entry) => ({ ...entry, at: iso(entry.at) })),
    history: state.history.map((entry) => ({ ...entry, startedAt: iso(entry.startedAt), endedAt: iso(entry.endedAt) })),
    ...optional("alerts", printAlerts(alerts)),
    ...optional("stable", stable),
    ...optional("run", run && printRun(run, context.steps)),
    ...printNumbers(state),
    ...optional("lastCommand", lastCommand && { ...lastCommand, at: iso(lastCommand.at) }),
    ...optional("unvetted", unvetted && { ...unvetted, at: iso(unvetted.at) }),
    ...printAfterRun(afterRun),
    ...printSince(state, iso),
    ...printConfigs(state),
    ...optional("route", context.route),
    ...optional("said", context.said),
  });
}

/** `next`: to correct the spec, unless it says otherwise. */
export type Unreadable = Required<Pick<CanaryStatus, "reason" | "reasonCode">> & Pick<CanaryStatus, "next">;

/** The status of a Canary that cannot be read: what is known of it stays, but for a floor that is over, and it needs a person. */
export function printUnreadable(words: Unreadable, since: Since): CanaryStatus {
  const told = since.previous?.conditions?.filter(({ type }) => type === "Promoted") ?? [];
  const conditions = kstatus("stalled", { reason: "Unreadable", message: words.reason }, since);
  const { floor, ...rest } = { ...since.previous };
  const kept = {
    ...rest,
    ...optional("floor", floorLeftMs({ ...since.previous }, since.now) === 0 ? undefined : floor),
  };
  return cutTexts({ ...kept, next: "correct the spec", ...words, conditions: [...told, ...conditions] });
}

// --- internal ---

/** Those of `keys` that have a value. */
function present<T extends object, K extends keyof T>(
  from: T,
  keys: readonly K[],
): { [key in K]?: NonNullable<T[key]> } {
  const found = keys.filter((key) => from[key] !== undefined && from[key] !== null);
  return Object.fromEntries(found.map((key) => [key, from[key]])) as { [key in K]?: NonNullable<T[key]> };
}

function phaseOf(status: CanaryStatus): Phase {
  const found = phases.find((phase) => phase === (status.phase ?? ""));
  if (found === undefined)
    throw new UnreadableStatus(`status.phase "${String(status.phase)}" is unknown to this version: nothing is touched`);
  return found;
}

function percent(weight = 0): number {
  if (Number.isInteger(weight) && weight >= 0 && weight <= 100) return weight;
  throw new UnreadableStatus(`status.canaryWeight ${weight} is not a percentage: nothing is touched`);
}

function count(value: number | null | undefined, field: string): number {
  if (value === undefined || value === null) return 0;
  if (Number.isInteger(value) && value >= 0) return value;
  throw new UnreadableStatus(`status.${field} ${value} is not a count: nothing is touched`);
}

function known<T extends string>(all: readonly T[], value: T, field: string): void {
  if (all.includes(value)) return;
  throw new UnreadableStatus(`status.${field} "${value}" is unknown to this version: nothing is touched`);
}

function ms(time: string, field: string): number {
  const value = Date.parse(time);
  if (Number.isNaN(value)) throw new UnreadableStatus(`status.${field} "${time}" is not a time: nothing is touched`);
  return value;
}

const iso = (time: number): string => new Date(time).toISOString();

function printNumbers({
  tracks,
  trend,
}: Pick<CanaryState, "tracks" | "trend">): Pick<CanaryStatus, "tracks" | "trend"> {
  return {
    ...optional("tracks", tracks && { ...tracks, at: iso(tracks.at) }),
    ...optional(
      "trend",
      trend?.map((point) => ({ ...point, at: iso(point.at) })),
    ),
  };
}

function parseRun(run: RunStatus): Run {
  const { steps: _steps, startedAt, stageAt, checkAt, hold, holdSince, holdCode, paused, ...counted } = run;
  const { comparison, share, gate: _gate, hooksAt: _hooksAt, ...rest } = counted;
  known(runStages, run.stage, "run.stage");
  if (hold) known(Object.keys(waitCauses), hold, "run.hold");
  if (run.ending) known(runOutcomes, run.ending.outcome, "run.ending.outcome");
  return {
    ...rest,
    step: count(run.step, "run.step"),
    startedAt: ms(startedAt, "run.startedAt"),
    stageAt: ms(stageAt, "run.stageAt"),
    ...(checkAt ? { checkAt: ms(checkAt, "run.checkAt") } : {}),
    ...optional("wait", hold),
    ...(holdSince ? { waitSince: ms(holdSince, "run.holdSince") } : {}),
    ...optional("waitCode", holdCode),
    ...optional("paused", paused && parsePause(paused)),
    ...optional("comparison", comparison && parseComparison(comparison)),
    ...optional("share", share && { ...share, movedAt: ms(share.movedAt, "run.share.movedAt") }),
    ...parseGates(run, { ms, known }),
  };
}

function printRun(run: Run, steps: number): RunStatus {
  const { startedAt, stageAt, checkAt, wait, waitSince, waitCode, paused, ...counted } = run;
  const { comparison, share, gate: _gate, hooksAt: _hooksAt, ...rest } = counted;
  return {
    ...rest,
    steps,
    startedAt: iso(startedAt),
    stageAt: iso(stageAt),
    ...(checkAt === undefined ? {} : { checkAt: iso(checkAt) }),
    ...optional("hold", wait),
    ...(waitSince === undefined ? {} : { holdSince: iso(waitSince) }),
    ...optional("holdCode", waitCode),
    ...optional("paused", paused && printPause(paused)),
    ...optional("comparison", comparison && printComparison(comparison)),
    ...optional("share", share && { ...share, movedAt: iso(share.movedAt) }),
    ...printGates(run),
  };
}

function parsePause({ until, ...rest }: NonNullable<RunStatus["paused"]>): Pause {
  return {
    ...rest,
    at: ms(rest.at, "run.paused.at"),
    ...(until ? { until: ms(until, "run.paused.until") } : {}),
  };
}

function printPause({ until, ...rest }: Pause): NonNullable<RunStatus["paused"]> {
  return { ...rest, at: iso(rest.at), ...(until === undefined ? {} : { until: iso(until) }) };
}

function parseHistory(entry: HistoryEntry): CanaryState["history"][number] {
  const { startedAt, endedAt } = entry;
  return { ...entry, startedAt: ms(startedAt, "history.startedAt"), endedAt: ms(endedAt, "history.endedAt") };
}

type Truth = CanaryCondition["status"];

/** Flagger's `Promoted` messages, by phase. */
const promotedWords: Record<Phase, [Truth, string]> = {
  "": ["Unknown", "New Deployment detected, starting initialization."],
  Initializing: ["Unknown", "New Deployment detected, starting initialization."],
  Initialized: ["True", "Deployment initialization completed."],
  Waiting: ["Unknown", "Waiting for approval."],
  Progressing: ["Unknown", "New revision detected, progressing canary analysis."],
  WaitingPromotion: ["Unknown", "Waiting for approval."],
  Promoting: ["Unknown", "Canary analysis completed, starting primary rolling update."],
  Finalising: ["Unknown", "Canary analysis completed, routing all traffic to primary."],
  Succeeded: ["True", "Canary analysis completed successfully, promotion finished."],
  Failed: ["False", "Canary analysis failed, Deployment scaled to zero."],
  Terminating: ["Unknown", "New Deployment detected, starting initialization."],
};

type Standing = "settled" | "stalled" | "moving" | "waiting";

/** What kstatus asks: is it done, does it need a person, or is it under way, if only waiting for what may still arrive. */
function standingOf({ phase, run, unvetted, blocked }: CanaryState): Standing {
  if (phase === "Failed" || unvetted || blocked?.kind === "obstacle") return "stalled";
  if (blocked) return "waiting";
  return promotedWords[phase][0] === "True" && !run ? "settled" : "moving";
}

const readiness: Record<Standing, Truth> = { settled: "True", stalled: "False", waiting: "False", moving: "Unknown" };

/** One word for why, in the manner of Kubernetes' conditions. */
function conditionReason({ phase, unvetted, blocked }: CanaryState): string {
  if (unvetted) return "UnvettedChange";
  if (blocked && phase !== "Failed") return { obstacle: "Obstacle", missing: "Missing" }[blocked.kind];
  return phase || "Initializing";
}

/** Flagger's `Promoted`, and kstatus' `Ready`, `Reconciling` and `Stalled`, which GitOps tools read. */
function conditionsOf(state: CanaryState, context: StatusContext): CanaryCondition[] {
  const [status, message] = promotedWords[state.phase];
  // Flagger's own condition tells of what was promoted last, whatever keeps the next.
  const { blocked: _next, ...past } = state;
  const promoted = conditionOf({ type: "Promoted", status, reason: conditionReason(past), message }, context);
  const { code, what = state.reason } = { ...state.blocked };
  const words = { reason: conditionReason(state), message: code === leafEmpty ? what : state.reason };
  return [promoted, ...kstatus(standingOf(state), words, context)];
}

function kstatus(standing: Standing, words: { reason: string; message: string }, since: Since): CanaryCondition[] {
  const reconciles = standing === "moving" || standing === "waiting";
  const truths: [CanaryCondition["type"], Truth][] = [
    ["Ready", readiness[standing]],
    ["Reconciling", reconciles ? "True" : "False"],
    ["Stalled", standing === "stalled" ? "True" : "False"],
  ];
  return truths.map(([type, status]) => conditionOf({ type, status, ...words }, since));
}

type Since = Pick<StatusContext, "now" | "previous">;

type Said = Omit<CanaryCondition, "lastUpdateTime" | "lastTransitionTime">;

/** With the times of the condition before it, as far as it says the same. */
function conditionOf(said: Said, since: Since): CanaryCondition {
  const before = since.previous?.conditions?.find((condition) => condition.type === said.type);
  const same = before?.status === said.status;
  const unchanged = same && before.reason === said.reason && before.message === said.message;
  return {
    ...said,
    lastUpdateTime: unchanged ? before.lastUpdateTime : iso(since.now),
    lastTransitionTime: same ? before.lastTransitionTime : iso(since.now),
  };
}

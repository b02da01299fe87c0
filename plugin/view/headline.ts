/** The one line that an operator reads first: is it safe, and who gets the requests. Pure. */
import { changeWaits, scaledToZero, type Stage, type Phase } from "../../shared/core/objects/canary-status.ts";
import { deciding } from "../../shared/core/analysis/deciding.ts";
import { goingBack } from "../../shared/core/lifecycle/way-back.ts";
import { leafEmpty } from "../../shared/core/turn/empty-leaf.ts";
import { isWaitCause, type WaitCause, waitCauses } from "../../shared/core/objects/wait-causes.ts";
import { formatDuration } from "../../shared/core/format/duration.ts";
import { exitCode } from "../context.ts";
import { imagesText } from "./images.ts";
import { isGone } from "./controller-health.ts";
import type { CanaryFacts, Headline, RunView } from "./types.ts";

export function headlineOf(facts: CanaryFacts): Headline {
  const silent = judgeController(facts);
  if (silent) return silent;
  if (facts.blocked?.code === leafEmpty)
    return { level: "bad", text: "stable's Service reaches none of its ready pods: its requests fail" };
  if (facts.run?.ending) return judgeEnding(facts, facts.run.ending);
  if (facts.run) return judgeRun(facts, facts.run);
  if (facts.unvetted) return judgeUnvetted(facts, facts.unvetted);
  return judgeIdle(facts);
}

/** What only a person can do to continue; undefined while it continues by itself. */
export function awaitedPerson({ phase, run, unvetted }: Awaiting): string | undefined {
  if (!run) return unvetted && !unvetted.undoneBy ? "waits for adopt or undo" : undefined;
  if (run.ending) return undefined;
  if (run.clientErrors && !run.clientErrors.acceptedBy) return waitCauses["client-errors"].person;
  return run.paused ? pausedFor(run.paused) : awaitedBy(phase, run);
}

function awaitedBy(phase: string, { hold, gate }: NonNullable<Awaiting["run"]>): string | undefined {
  if (hold === "gate" && gate) return `waits at gate ${gate.name} (${gate.type})`;
  return entryOf(hold)?.person ?? personPhases[phase as Phase];
}

/** A pause that has an end goes on by itself. */
function pausedFor({ by, until }: { by: string; until?: string | null }): string | undefined {
  return until ? undefined : `paused by ${by || "someone"}`;
}

/** Whether its controller is one that looks after other namespaces only. */
export function isOutside({ controller: { watchNamespaces }, namespace }: CanaryFacts): boolean {
  return watchNamespaces.length > 0 && !watchNamespaces.includes(namespace);
}

/** For scripts that ask where a canary stands: 0 as long as it is well, or goes on by itself. */
export function headlineCode(facts: CanaryFacts): number {
  if (isGone(facts.controller) || isOutside(facts)) return exitCode.error;
  const { outcome } = facts.run?.ending ?? {};
  if (outcome === "rejected" || outcome === "aborted") return exitCode.failed;
  if (awaitedPerson(facts)) return exitCode.waitsForPerson;
  return !facts.run && failedPhases.has(facts.phase) ? exitCode.failed : exitCode.ok;
}

const failedPhases: ReadonlySet<string> = new Set(["Failed"]);

/** Of a view, or of a status as it is on the wire. */
interface Awaiting {
  phase: string;
  run: {
    hold?: WaitCause | null;
    paused?: { by: string; until?: string | null } | null;
    clientErrors?: { acceptedBy?: string | null } | null;
    gate?: { type: string; name: string } | null;
    ending?: unknown;
  } | null;
  unvetted: { undoneBy?: string } | null;
}

/** Percent of requests that the canary has now: the route's word, or the status' where it cannot be read. */
export function weightNow(facts: CanaryFacts): number {
  return facts.route?.canaryPercent ?? facts.canaryWeightPercent;
}

// --- internal ---

function judgeController(facts: CanaryFacts): Headline | undefined {
  const { controller } = facts;
  if (isOutside(facts)) {
    const text = `the controller looks after other namespaces only (watchNamespaces), and not after ${facts.namespace}: changes go out unjudged`;
    return { level: "bad", text };
  }
  if (!isGone(controller)) return undefined;
  const { silentSeconds } = controller;
  const silent =
    silentSeconds === null ? "controller missing" : `controller silent for ${formatDuration(silentSeconds * 1_000)}`;
  const weight = weightNow(facts);
  if (weight === 0 && !facts.run) return { level: "warn", text: `${silent}; ${stableWords(facts)}` };
  const share = weight === 0 ? shareOf(facts) : `the canary keeps ${amountOf(facts, weight)}`;
  return { level: "bad", text: `${silent}, nobody watches this run; ${share}` };
}

/** Who serves while the canary has no weight: whoever has no ready pod serves nobody. */
function stableWords({ stableReadyPods, hasService }: CanaryFacts): string {
  if (!hasService) return stableReadyPods === 0 ? "stable has no ready pod" : "stable runs alone";
  return stableReadyPods === 0 ? "stable has no ready pod: nobody serves its requests" : "stable serves every request";
}

/** The same where the target's pods are of another version than stable, or of both. */
function targetWords({ stableReadyPods }: CanaryFacts): string {
  return stableReadyPods === 0
    ? "the target has no ready pod: nobody serves its requests"
    : "the target serves every request";
}

function shareOf(facts: CanaryFacts): string {
  const weight = weightNow(facts);
  if (weight > 0) return `the canary has ${amountOf(facts, weight)}`;
  if (isMixed(facts) && facts.stableReadyPods !== 0) return mixedWords(facts);
  return stableWords(facts);
}

/** Beside stable's pods, where no route divides anything. */
function amountOf({ hasService, isForMatching }: CanaryFacts, weight: number): string {
  if (!hasService) return `${weight}% as many pods as stable, beside them`;
  return `${weight}% of ${isForMatching ? "the requests that match" : "requests"}`;
}

function mixedWords({ hasService }: CanaryFacts): string {
  return hasService
    ? "the target serves every request, from pods of both versions"
    : "the target has pods of both versions";
}

/** While it rolls forth or back, the target's own pods are of both versions. */
function isMixed({ run }: CanaryFacts): boolean {
  return run !== null && ["promoting", "returning", "restoring"].includes(run.stage);
}

function judgeEnding(facts: CanaryFacts, ending: NonNullable<RunView["ending"]>): Headline {
  const share = shareOf(facts);
  const words: Record<string, [Headline["level"], string]> = {
    promoted: ["good", `promoted; ${weightNow(facts) === 0 ? targetWords(facts) : share}`],
    rejected: ["warn", `rolling back; ${share}`],
    reverted: ["busy", `change taken back, cleaning up; ${share}`],
    superseded: ["busy", `a newer change replaces this run; ${share}`],
    aborted: ["busy", `aborted, cleaning up; ${share}`],
  };
  const [level, text] = words[ending.outcome] ?? ["busy", `ending (${ending.outcome}); ${share}`];
  return { level, text };
}

const goingBackWords = "going back: the target rolls to a version that was stable before";

function judgeRun(facts: CanaryFacts, run: RunView): Headline {
  const share = shareOf(facts);
  const words: Record<Stage, string> = {
    scaling:
      run.gate?.type === "confirm-rollout" ? `no pod of it runs yet; ${share}` : `canary pods are starting; ${share}`,
    analysing: share,
    promoting: `${facts.reasonCode === goingBack ? goingBackWords : "promoting: the target rolls to the new version"}; ${share}`,
    returning: `promoting: requests return to the target; ${share}`,
    restoring: `stable's template is being put back; ${share}`,
    draining: `the canary is being drained; ${share}`,
  };
  const text = words[run.stage as Stage] ?? share;
  const doubt = doubtOf(facts, run);
  return doubt ? { level: "warn", text: `${text}; ${doubt}` } : { level: "busy", text: `${text}${praise(facts, run)}` };
}

const personPhases: Partial<Record<Phase, string>> = { WaitingPromotion: "waits for a person" };

/** Undefined for a cause of a later version. */
function entryOf(hold: string | null | undefined): (typeof waitCauses)[WaitCause] | undefined {
  return hold && isWaitCause(hold) ? waitCauses[hold] : undefined;
}

function pauseWords({ paused }: RunView): string | undefined {
  if (!paused?.until) return undefined;
  return `paused by ${paused.by || "someone"} until ${paused.until.slice(11, 19)}Z`;
}

function doubtOf(facts: CanaryFacts, run: RunView): string | undefined {
  const waits = awaitedPerson(facts) ?? pauseWords(run);
  if (waits) return waits;
  const differs = weightDiffers(facts);
  if (differs) return "someone else set the weight";
  const failed = failedCount(facts);
  if (failed !== undefined) return `last check failed (${failed} until rollback)`;
  if (run.hold) return `waiting: ${entryOf(run.hold)?.short ?? run.hold}`;
  return run.holdSince ? "waiting" : undefined;
}

/** `2 of 5`, of the last check; undefined where it has not failed. One metric's own failures are told where no other failed. */
export function failedCount(
  facts: Pick<CanaryFacts, "run" | "checks" | "failedChecks" | "failedChecksLimit">,
): string | undefined {
  const failed = deciding(facts.checks).filter(({ outcome }) => outcome === "fail");
  const [first] = failed;
  if (facts.run?.stage !== "analysing" || !first) return undefined;
  const { metric, failures = 0, failureLimit } = first;
  if (failed.some((check) => check.failureLimit === undefined) || failureLimit === undefined)
    return `${facts.failedChecks} of ${facts.failedChecksLimit}`;
  return `${failures} of ${failureLimit + 1} of ${metric}`;
}

function praise(facts: CanaryFacts, run: RunView): string {
  const checks = deciding(facts.checks);
  const passed = checks.length > 0 && checks.every((check) => check.outcome === "pass");
  return run.stage === "analysing" && passed ? "; last check passed" : "";
}

/** Whether the route's weight is not the one that the controller wrote there. */
export function weightDiffers(facts: CanaryFacts): boolean {
  const { route } = facts;
  if (route?.canaryPercent === null || route?.canaryPercent === undefined) return false;
  return route.canaryPercent !== (route.ownPercent ?? facts.canaryWeightPercent);
}

const idle: Record<Phase, Headline & { stableServes?: true }> = {
  "": { level: "warn", text: "the controller has not looked at this Canary yet" },
  Initializing: { level: "busy", text: "initializing", stableServes: true },
  Initialized: { level: "good", text: "steady", stableServes: true },
  Waiting: { level: "warn", text: "waiting", stableServes: true },
  Progressing: { level: "busy", text: "a run is about to start" },
  WaitingPromotion: { level: "warn", text: "waits for a person" },
  Promoting: { level: "busy", text: "promoting" },
  Finalising: { level: "busy", text: "finishing" },
  Succeeded: { level: "good", text: "steady", stableServes: true },
  Failed: { level: "bad", text: "rolled back", stableServes: true },
  Terminating: { level: "busy", text: "being deleted; stable stays" },
};

function judgeUnvetted(facts: CanaryFacts, { images, undoneBy }: NonNullable<CanaryFacts["unvetted"]>): Headline {
  if (undoneBy)
    return { level: "busy", text: `${imagesText(images)} went live without a canary; stable is being put back` };
  const weight = weightNow(facts);
  const who = weight > 0 ? `the canary has ${weight}%` : targetWords(facts);
  return { level: "warn", text: `${imagesText(images)} went live without a canary; ${who}` };
}

/** Between runs, with something in the way of the next one, whether or not a change waits for it. */
export function isBlocked({ run, unvetted, blocked, reasonCode }: CanaryFacts): boolean {
  return !run && !unvetted && (blocked !== null || reasonCode === changeWaits);
}

function judgeIdle(facts: CanaryFacts): Headline {
  const weight = weightNow(facts);
  if (weight > 0) return { level: "warn", text: `no run, yet the canary has ${amountOf(facts, weight)}` };
  if (facts.reasonCode === scaledToZero) return { level: "warn", text: "the target is scaled to 0: nobody serves" };
  if (isBlocked(facts)) return { level: "warn", text: `something is in the way of a canary; ${stableWords(facts)}` };
  const { level, text } = calm(facts);
  const images = imagesText(facts.history[0]?.images ?? {});
  return level === "bad" && images ? { level, text: `${text}; rejected ${images}` } : { level, text };
}

/** Nothing is steady while nobody serves. */
function calm(facts: CanaryFacts): Headline {
  const { level, text, stableServes } = idle[facts.phase as Phase] ?? { level: "warn", text: `phase ${facts.phase}` };
  if (!stableServes) return { level, text };
  if (level === "good" && facts.stableReadyPods === 0) return { level: "bad", text: stableWords(facts) };
  return { level, text: `${text}; ${stableWords(facts)}` };
}

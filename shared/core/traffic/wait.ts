/** Holds: the weight stays, for a cause that a person can act on, and for no longer than such a cause may last. */
import { podNames, restartLines } from "../format/restart-command.ts";
import { fullName, draft, withoutWait, verbLine, type RunTurn, type Draft } from "../turn/turn.ts";
import { someOf } from "../format/some-of.ts";
import { formatDuration } from "../format/duration.ts";
import { event } from "../turn/event-messages.ts";
import type { CheckStatus } from "../objects/canary-status.ts";
import type { MetricsSeen } from "../observation.ts";
import { checkWords } from "../analysis/verdict.ts";
import type { CheckCode } from "../objects/check-codes.ts";
import { canaryName } from "../objects/names.ts";
import { optional } from "../format/compact.ts";
import { type WaitCause, type WaitKind, waitCauses } from "../objects/wait-causes.ts";
import type { Run } from "../state.ts";
import type { Measured } from "../turn/track-status.ts";
import { nextSampleMs } from "../turn/next-sample.ts";
import { stepWeight } from "../turn/capacity.ts";
import { isAtGate } from "../gates/answers.ts";
import { reject } from "../lifecycle/end.ts";
import { clientErrorsWait, waitsForClientErrors } from "../comparison/client-errors.ts";

/** How soon to look again while the analysis waits. */
const recheckMs = 2_000;
/** Three scrapes of Linkerd-Viz's Prometheus: without numbers after that, something is wrong. */
const firstNumbersMs = 30_000;
/** How many scrapes must bring no sample of either track before that is believed. */
const unwatchedScrapes = 3;
/** Linkerd's proxies ask again each minute. One that has not heard by then may never be told, and holds nobody up. */
const awareMs = 120_000;
/** Pods are seldom ready long before Prometheus sees them. */
const unscrapedMs = 500;

export interface Wait {
  cause: WaitCause;
  reason: string;
  next: string;
  /** What a check came to that cannot be asked. */
  code?: CheckCode;
  /** How soon to look again, where that is not as usual. */
  lookAgainMs?: number;
}

export interface Unasked {
  reason: string;
  code: CheckCode | undefined;
}

/** Announced once per cause; one that lasts too long ends the run. */
export function waitBecause(turn: RunTurn, found: Wait): Draft {
  const { cause, reason, next } = found;
  const { run, seen, state } = turn;
  const holdSince =
    run.wait !== undefined && kindOf(run.wait) === kindOf(cause) ? (run.waitSince ?? seen.now) : seen.now;
  const deadline = deadlineOf(turn, cause);
  if (deadline !== undefined && seen.now - holdSince >= deadline) {
    const given = `no verdict within ${formatDuration(deadline)}: ${reason}`;
    return reject(turn, given, event.rollingBack(fullName(seen), given));
  }
  const after = lookAgainAfter(turn, found);
  const timing = { waitSince: holdSince, checkAt: seen.now + after };
  const waiting: Run = { ...withoutWait(run), wait: cause, ...timing, ...optional("waitCode", found.code) };
  const isNews = run.wait !== cause && !waitCauses[cause].isQuiet && state.reasonCode !== cause;
  const events = isNews ? [event.warning(`Halt ${fullName(seen)} advancement: ${reason}`)] : [];
  const phase = cause === "paused-by-user" ? "WaitingPromotion" : "Progressing";
  return draft(turn, { phase, run: waiting, reason, reasonCode: cause, next }, { events, requeueAfterMs: after });
}

/** Who cannot be asked says nothing against the canary: nothing is counted until it answers. */
export function freeze(turn: RunTurn, { reason, code }: Unasked): Draft {
  const stays = turn.state.weight > 0 ? "the weight stays" : "the canary gets no traffic";
  const next = `nothing counts until it can be asked; ${stays}`;
  return waitBecause(turn, { cause: "cannot-ask", reason, next, ...optional("code", code) });
}

export function outageOf({ error, code }: Extract<MetricsSeen, { ok: false }>): Unasked {
  return { reason: `Prometheus cannot be asked: ${error}`, code };
}

export function refusedBy(check: Parameters<typeof checkWords>[0] & Pick<CheckStatus, "code">): Unasked {
  return { reason: checkWords(check), code: check.code };
}

/** Prometheus cannot know of a first request before it has scraped: a young step without numbers is no finding yet. */
export function unreached(turn: RunTurn, metrics: Measured): Wait {
  const { run, seen, state } = turn;
  const isYoung = seen.now - run.stageAt < firstNumbersMs;
  if (isYoung && metrics.staleCallers.length === 0) {
    const reason = `No numbers yet of the canary at weight ${state.weight}: Prometheus has not scraped its first requests.`;
    return { cause: "no-numbers", reason, next: "the first check when it has", lookAgainMs: nextSampleMs(seen) };
  }
  return { ...unreachedWords(turn, metrics), next: "the weight stays until users reach the canary" };
}

/** Nobody may get a canary that is not seen, or that their proxies cannot reach. */
export function beforeFirstUsers(turn: RunTurn): Wait | undefined {
  return unscraped(turn) ?? unawareCallers(turn);
}

/** What is missing is what the canary's pods answered while they warmed up. */
export function warmingUp({ seen, policy }: RunTurn): Wait | undefined {
  const { canary, pods, evidenceAt = 0 } = { canary: { requests: 0, failures: 0 }, pods: 0, ...seen.counters?.warmup };
  if (seen.now >= evidenceAt) return undefined;
  const who = pods === 0 ? "The canary has just warmed up" : `${pods} canary pod${pods === 1 ? " warms" : "s warm"} up`;
  const first = formatDuration(policy.warmupMs);
  const reason = `${who}: what a pod answers in its first ${first} is no evidence (so far ${canary.requests} requests, ${canary.failures} failed).`;
  const next = `the first numbers in about ${formatDuration(Math.max(1_000, evidenceAt - seen.now))}`;
  return { cause: "warming-up", reason, next };
}

/** Prometheus looks at neither track, and in this run never has. If it has, its users are there still, and nobody sees them. */
export function isNeverWatched({ comparison, share }: Run, { isUnwatched }: Measured): boolean {
  const counted = [comparison?.primary, comparison?.read.primary, comparison?.read.canary].map(
    (of) => of?.requests ?? 0,
  );
  return isUnwatched === true && [...counted, share?.all ?? 0].every((requests) => requests === 0);
}

/** For how long evidence has been missing. */
export function missingSince({ run, seen }: RunTurn): number {
  return run.wait !== undefined && kindOf(run.wait) === "evidence" ? (run.waitSince ?? seen.now) : seen.now;
}

/** A run that a person has paused, or that waits for one: says who and until when. Undefined for any other. */
export function waitsForPerson({ run, seen, state, policy }: RunTurn): Wait | undefined {
  const { ceiling, paused, clientErrors } = run;
  if (clientErrors && waitsForClientErrors(run, policy)) return clientErrorsWait(clientErrors, seen);
  if (ceiling !== undefined)
    return {
      cause: "lowered-by-hand",
      reason: `The canary's weight was lowered by hand to ${state.weight}: it is not raised again by itself.`,
      next: `${verbLine(seen, "resume")}, or ${verbLine(seen, "promote")}, or ${verbLine(seen, "rollback")}`,
    };
  if (!paused || (paused.until !== undefined && seen.now >= paused.until)) return undefined;
  const until = paused.until === undefined ? "" : ` for ${formatDuration(paused.until - paused.at)}`;
  const why = paused.reason ? ` (${paused.reason})` : "";
  return {
    cause: "paused",
    reason: `Paused by ${paused.by}${until}${why} at weight ${state.weight}; checks go on.`,
    next: `${verbLine(seen, "resume")}, or ${verbLine(seen, "rollback")}`,
  };
}

/**
 * A wait for this cause comes to an end by itself; behind what a person chose, such as spec.suspend, only an outage's does.
 */
export function runsOut(cause: WaitCause, unexpected: boolean): boolean {
  return kindOf(cause) === "outage" || (unexpected && kindOf(cause) === "evidence");
}

// --- internal ---

/**
 * Nobody gets a canary that Prometheus does not see yet. A new pod may be ten seconds from its first scrape, and until then
 * a version that always fails would fail unseen.
 */
function unscraped({ run, seen, state, policy }: RunTurn): Wait | undefined {
  const { metrics } = seen;
  if (state.weight > 0 || !metrics?.ok || metrics.sampledAt >= run.stageAt) return undefined;
  const waitedMs = seen.now - (run.waitSince ?? seen.now);
  // Without a sample of stable either, Prometheus may have just started. If that lasts, it does not scrape this app at all.
  if (isNeverWatched(run, metrics) && waitedMs >= unwatchedScrapes * seen.scrapeIntervalMs) return undefined;
  const isYoung = waitedMs < firstNumbersMs;
  const doubt = isYoung ? "." : whyUnscraped(metrics.unscraped);
  const reason = `No traffic yet: Prometheus has not scraped the ready pods of ${canaryName(seen.targetName)}${doubt}`;
  const first = stepWeight(run, policy) === 0 ? "check" : "weight";
  return { cause: "no-numbers", reason, next: `the first ${first} when it has`, lookAgainMs: unscrapedMs };
}

/**
 * An HTTPRoute of the user's that names the canary's leaf at weight 0 too makes callers ask for it while it is empty, and Linkerd then
 * answers late: a share that is given before that fails. Callers that have not asked know it in time.
 */
function unawareCallers(turn: RunTurn): Wait | undefined {
  const { run, seen, state, policy } = turn;
  const { metrics, route } = seen;
  if (stepWeight(run, policy) === 0) return undefined;
  if (state.weight > 0 || route?.restsOnCanary !== "theirs" || !metrics?.ok) return undefined;
  const leftMs = awareMs - (seen.now - (run.waitSince ?? seen.now));
  return metrics.unaware && leftMs > 0 ? unawareWords(turn, metrics.unaware, leftMs) : undefined;
}

function unawareWords({ seen }: RunTurn, callers: readonly string[], leftMs: number): Wait {
  const leaf = canaryName(seen.apexName);
  const know = callers.length === 1 ? "the proxy of a caller knows" : `the proxies of ${callers.length} callers know`;
  const reason = `No traffic yet: ${know} no endpoint of Service ${leaf} (${someOf(callers)}). HTTPRoute ${seen.apexName} is your own and names ${leaf} between runs too, so Linkerd tells them up to a minute late.`;
  const next = `the first weight when they do, in ${formatDuration(leftMs)} at the latest`;
  return { cause: "callers-unaware", reason, next };
}

function whyUnscraped(unscraped: readonly string[] = []): string {
  if (unscraped.length === 0) return ": are they meshed, and does it scrape the proxies of this namespace?";
  return `: it knows ${unscraped.join(", ")} and cannot reach port 4191 there (up is 0).`;
}

const kindOf = (cause: WaitCause): WaitKind => waitCauses[cause].kind;

/** Evidence may come with the next scrape; a person may take hours, and is seen to act at once. */
function lookAgainAfter({ run, seen, policy }: RunTurn, { cause, lookAgainMs }: Wait): number {
  if (lookAgainMs !== undefined) return lookAgainMs;
  if (kindOf(cause) !== "person") return Math.min(Math.max(recheckMs, seen.scrapeIntervalMs / 2), policy.intervalMs);
  const leftMs = (run.paused?.until ?? 0) - seen.now;
  return leftMs > 0 ? Math.min(policy.intervalMs, leftMs) : policy.intervalMs;
}

/** Who has paused a run looks after it: what it has no evidence of meanwhile does not end it. */
function deadlineOf(turn: RunTurn, cause: WaitCause): number | undefined {
  const { policy } = turn;
  if (kindOf(cause) === "evidence" && (waitsForPerson(turn) || isAtGate(turn.run))) return undefined;
  const byKind = {
    evidence: policy.noEvidence.deadlineMs,
    unseen: policy.noEvidence.deadlineMs,
    outage: policy.cannotAskDeadlineMs,
    person: undefined,
    answer: undefined,
  };
  return byKind[kindOf(cause)];
}

function unreachedWords({ run, seen, state }: RunTurn, metrics: Measured): Pick<Wait, "cause" | "reason"> {
  const callers = metrics.staleCallers;
  const { unscraped = [] } = metrics;
  if (unscraped.length > 0) {
    const reason = `Prometheus cannot scrape ${unscraped.join(", ")} (up is 0), and no caller counted requests to the canary at weight ${state.weight}.`;
    return { cause: "no-evidence", reason };
  }
  const head = `No user request has reached the canary at weight ${state.weight}`;
  if (callers.length > 0) {
    const [are, ignore] = callers.length === 1 ? ["is", "ignores"] : ["are", "ignore"];
    const reason = `${head}: ${podNames(callers)} ${are} older than the TrafficSplit and ${ignore} it. Restart once: ${restartLines(callers)}.`;
    return { cause: "stale-callers", reason };
  }
  if (metrics.primary.requests === 0)
    return { cause: "no-traffic", reason: `${head}, nor the primary: there is no traffic to judge by.` };
  if (run.only !== undefined) {
    const reason = `No request that matches spec.analysis.match has reached the canary, while the primary got ${metrics.primary.requests}: does any caller send one to Service ${seen.apexName}?`;
    return { cause: "no-traffic", reason };
  }
  const reason = `${head}, while the primary got ${metrics.primary.requests}: is every caller meshed, and does it call Service ${seen.apexName}?`;
  return { cause: "unreached", reason };
}

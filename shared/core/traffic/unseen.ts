/** A canary that nobody sees: Prometheus has no fresh sample of its pods, nor of what their callers sent them. It keeps no users. */
import { someOf } from "../format/some-of.ts";
import { formatDuration } from "../format/duration.ts";
import { canaryName } from "../objects/names.ts";
import { event } from "../turn/event-messages.ts";
import type { Measured } from "../turn/track-status.ts";
import { draft, fullName, withoutWait, type Draft, type RunTurn } from "../turn/turn.ts";
import { isNeverWatched, waitBecause } from "./wait.ts";

/** One missed scrape is an everyday matter. */
const missedScrapes = 3;

/** How long the canary's pods may go unseen before that means anything, ms. */
export function unseenMs(scrapeIntervalMs: number): number {
  return missedScrapes * scrapeIntervalMs;
}

/** The weight stays for three scrapes, and then all traffic is stable's until the pods are seen. Undefined: somebody sees them. */
export function unseenPods(turn: RunTurn, metrics: Measured): Draft | undefined {
  const { run, seen, state } = turn;
  // What is not looked at at all is another matter: see `unscraped`.
  const isFresh = metrics.sampledAt > seen.now - unseenMs(seen.scrapeIntervalMs);
  if (state.weight === 0 || isNeverWatched(run, metrics) || isFresh) return undefined;
  const since = run.wait === "unseen" ? (run.waitSince ?? seen.now) : seen.now;
  // A sample that is old tells since when; where a failed scrape has taken it away, our own clock does.
  const isLong = metrics.sampledAt > 0 || seen.now - since >= unseenMs(seen.scrapeIntervalMs);
  return isLong ? takeBack(turn, metrics) : hold(turn, metrics);
}

// --- internal ---

function hold(turn: RunTurn, metrics: Measured): Draft {
  const { seen, state } = turn;
  const reason = `${whoIsUnseen(turn, metrics)} at weight ${state.weight}: nobody can say what users get from it.`;
  const next = `weight 0 unless it is seen within ${formatDuration(unseenMs(seen.scrapeIntervalMs))}`;
  return waitBecause(turn, { cause: "unseen", reason, next });
}

function takeBack(turn: RunTurn, metrics: Measured): Draft {
  const { run, seen, state } = turn;
  const { checkAt: _checkAt, ...rest } = withoutWait(run);
  const reason = `${whoIsUnseen(turn, metrics)} for ${missedScrapes} scrapes at weight ${state.weight}: all traffic is on stable until Prometheus sees its pods.`;
  // It says nothing against the version, but the run has had users: it is wound up as one that has.
  const blind = { ...rest, losses: run.losses ?? 0, stage: "scaling", stageAt: seen.now } as const;
  return draft(
    turn,
    { weight: 0, run: blind, reason, next: "its weight again when it is seen" },
    { events: [event.warning(`Halt ${fullName(seen)} advancement: ${reason}`)] },
  );
}

function whoIsUnseen({ seen }: RunTurn, { unscraped = [] }: Measured): string {
  const callers = "and has no fresh sample of what their callers sent";
  if (unscraped.length > 0) return `Prometheus cannot scrape ${someOf(unscraped)} (up is 0), ${callers}`;
  return `Prometheus has no fresh sample of the pods of ${canaryName(seen.targetName)}, and none from their callers`;
}

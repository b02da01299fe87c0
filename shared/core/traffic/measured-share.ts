/** The share of users' requests that the canary really got, of those since the weight moved: what a person compares with the weight. */
import type { RunTurn } from "../turn/turn.ts";
import type { MeasuredShare, Run } from "../state.ts";

/** Running proxies follow a route within this time, ms. */
const settleMs = 5_000;

/** The turn with its share counted on. A reading may be as old as a scrape, so that counting begins with one that cannot be of the weight before. */
export function measureShare(turn: RunTurn): RunTurn {
  const { run, seen, state } = turn;
  const share = shareOf(turn);
  if (share === run.share) return turn;
  const { share: _before, ...rest } = run;
  const measured: Run = share ? { ...rest, share } : rest;
  return { ...turn, run: measured, seen, state: { ...state, run: measured } };
}

// --- internal ---

function shareOf({ run, seen, state }: RunTurn): MeasuredShare | undefined {
  const { counters, scrapeIntervalMs } = seen;
  const before = run.share?.movedAt === state.transitionAt ? run.share : undefined;
  if (!counters || state.weight === 0) return before;
  const totals = { canary: counters.canary.requests, primary: counters.primary.requests };
  if (before?.epoch === counters.epoch) return countedOn(before, totals);
  if (counters.at < state.transitionAt + scrapeIntervalMs + settleMs) return before;
  return { movedAt: state.transitionAt, epoch: counters.epoch, from: totals, canary: 0, all: 0 };
}

function countedOn(before: MeasuredShare, totals: MeasuredShare["from"]): MeasuredShare {
  const canary = Math.max(0, totals.canary - before.from.canary);
  const all = canary + Math.max(0, totals.primary - before.from.primary);
  return canary === before.canary && all === before.all ? before : { ...before, canary, all };
}

/** Weights that someone else writes: lowered ones are taken over and kept, until a person raises them again. */
import { hasNoReadyPods, loweredByOthers, podsFor, readyCanaries, sharedReplicas } from "../turn/capacity.ts";
import { andThen, entering, fullName, draft, type RunTurn, type Draft } from "../turn/turn.ts";
import { event } from "../turn/event-messages.ts";
import { lostAllPods } from "./lost-pods.ts";
import { waitsForPerson } from "./wait.ts";
import type { Run } from "../state.ts";

/**
 * `stepWeight` is the weight of the run's present step. Where no pod is behind the canary any more, it gets no weight all the same.
 * Undefined: nobody has touched the weight.
 */
export function externalWeight(turn: RunTurn, stepWeight: number): Draft | undefined {
  const followed = follow(turn, stepWeight);
  const { run } = followed?.state ?? {};
  if (!followed || !run || !hasNoReadyPods(followed.state, turn.seen)) return followed;
  return andThen(followed, turn, (now) => lostAllPods({ ...now, run }));
}

// --- internal ---

function follow(turn: RunTurn, stepWeight: number): Draft | undefined {
  const { seen, state } = turn;
  const found = seen.route?.weight ?? 0;
  if (loweredByOthers(state, seen)) return keepLowered(turn, found);
  const weight = Math.min(found, stepWeight);
  if (!isRaisedByPerson(turn) || !canCarry(turn, weight)) return undefined;
  return weight < stepWeight ? keepLowered(turn, weight) : liftCeiling(turn, stepWeight);
}

function canCarry({ run, seen, state, policy }: RunTurn, weight: number): boolean {
  return readyCanaries(run, seen) >= podsFor(weight, sharedReplicas(state, run, seen, policy));
}

/** Only a weight that a person lowered is a person's to raise. */
function isRaisedByPerson({ run, seen, state }: RunTurn): boolean {
  const { route } = seen;
  return run.ceiling !== undefined && !!route && route.weight > state.weight && route.weight !== route.ownWeight;
}

function keepLowered(turn: RunTurn, weight: number): Draft {
  const { run, seen, state, policy } = turn;
  const checkAt = seen.now + policy.intervalMs;
  const { paused } = run;
  const waiting: Run = {
    ...entering(run, "analysing", seen.now),
    ceiling: weight,
    checkAt,
    wait: "lowered-by-hand",
    waitSince: seen.now,
    ...(paused ? { paused } : {}),
  };
  const next = { ...state, weight, run: waiting };
  const words = waitsForPerson({ ...turn, state: next, run: waiting });
  const reason = `The canary's weight was lowered by hand to ${weight} (it was ${state.weight}): it is not raised again by itself.`;
  const events = [event.warning(`Halt ${fullName(seen)} advancement: ${reason}`)];
  return draft(
    turn,
    { weight, run: waiting, reason, next: words?.next ?? "" },
    { events, requeueAfterMs: policy.intervalMs },
  );
}

function liftCeiling(turn: RunTurn, weight: number): Draft {
  const { run, seen, policy } = turn;
  const reason = `The canary's weight was set back to ${weight} by hand: the run goes on.`;
  const analysed: Run = { ...entering(run, "analysing", seen.now), checkAt: seen.now + policy.intervalMs };
  return draft(
    turn,
    { weight, run: analysed, reason, next: "" },
    { events: [event.normal(`${fullName(seen)}: ${reason}`)], requeueAfterMs: policy.intervalMs },
  );
}

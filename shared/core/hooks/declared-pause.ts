/** A pause that the Canary declares for a step: until a person says so, or for a time. */
import { isPausePassed } from "../gates/answers.ts";
import { formatDuration } from "../format/duration.ts";
import type { DeclaredPause } from "../spec/hooks.ts";
import type { Gate } from "../state.ts";
import { event } from "../turn/event-messages.ts";
import { fullName, verbLine, type Draft, type RunTurn } from "../turn/turn.ts";
import { waitAtGate } from "./gate-wait.ts";

/** Undefined where none is declared for `weight`, or its time is over, or someone has let the run through. */
export function declaredPause(turn: RunTurn, weight: number): Draft | undefined {
  const { run, policy } = turn;
  const pause = policy.pauses.find((one) => one.weight === weight);
  if (!pause || isPausePassed(run, weight)) return undefined;
  return pause.durationMs === undefined ? forPerson(turn, pause) : forTime(turn, pause, pause.durationMs);
}

// --- internal ---

function forPerson(turn: RunTurn, { weight }: DeclaredPause): Draft {
  const { run, seen } = turn;
  const meanwhile = weight > 0 ? "; checks go on" : "";
  const reason = `Waiting for a person at weight ${weight}, as its Canary asks (spec.analysis.pauses)${meanwhile}.`;
  const step = waitAtGate(turn, gateOf(turn, weight), { wait: "declared-pause", reason, next: ways(turn) });
  if (run.gate?.type === "pause" && run.gate.name === String(weight)) return step;
  const words = `Halt ${fullName(seen)} advancement: its Canary asks for a person at weight ${weight}`;
  return { ...step, events: [event.warning(words), ...step.events] };
}

/** From when users are on it at this weight: what its checks have taken counts. */
function forTime(turn: RunTurn, { weight }: DeclaredPause, durationMs: number): Draft | undefined {
  const { run, seen } = turn;
  const gate = gateOf(turn, weight);
  const until = (weight === 0 ? gate.since : run.stageAt) + durationMs;
  if (seen.now >= until) return undefined;
  const reason = `Staying at weight ${weight} for ${formatDuration(durationMs)}, as its Canary asks (spec.analysis.pauses).`;
  const next = `goes on then if the checks pass, or at once by ${ways(turn)}`;
  return soonerAt(waitAtGate(turn, { ...gate, until }, { wait: "timed-pause", reason, next }), until, seen.now);
}

function gateOf({ run: { gate }, seen }: RunTurn, weight: number): Gate {
  const name = String(weight);
  const isSame = gate?.type === "pause" && gate.name === name;
  return isSame ? gate : { type: "pause", name, since: seen.now, askAt: seen.now };
}

const ways = ({ seen }: RunTurn): string => `${verbLine(seen, "resume")}, or ${verbLine(seen, "rollback")}`;

function soonerAt(step: Draft, until: number, now: number): Draft {
  const { run } = step.state;
  if (!run) return step;
  const checkAt = Math.min(run.checkAt ?? until, until);
  return { ...step, state: { ...step.state, run: { ...run, checkAt } }, requeueAfterMs: checkAt - now };
}

/**
 * Where a run stands until it is let through: by a webhook that answers 2xx, by a person, or, at a pause that its Canary declares, by
 * time. What it has behind it is kept with the run, so that a restart asks only what has no answer.
 */
import type { EventText } from "../action.ts";
import { answerTo, closedHooks, isAtGate, letThrough, pausePassed } from "../gates/answers.ts";
import { hookTable } from "../gates/gate-types.ts";
import { stepAhead } from "../gates/questions.ts";
import { formatDuration } from "../format/duration.ts";
import type { GateType } from "../objects/hook-types.ts";
import type { WaitCause } from "../objects/wait-causes.ts";
import type { Hook } from "../spec/hooks.ts";
import type { Gate, Run } from "../state.ts";
import { stepWeight } from "../turn/capacity.ts";
import { event } from "../turn/event-messages.ts";
import { draft, fullName, ungated, withoutWait, verbLine, type Draft, type RunTurn } from "../turn/turn.ts";
import { declaredPause } from "./declared-pause.ts";
import { failedCheck } from "../lifecycle/failed-check.ts";
import { gateWords, waitAtGate, timingOf } from "./gate-wait.ts";

/** What is said and done where a run stops, or the run with everything behind it that it came to, and the Events of that. */
export type Passage = { stop: Draft } | { run: Run; events: EventText[] };

type HookGate = Exclude<GateType, "pause">;

/** Through each of `gates` in turn. `pauseAt`: the weight whose declared pause comes first of all, or after `pre-rollout`. */
export function through(turn: RunTurn, gates: readonly HookGate[], pauseAt?: number): Passage {
  const [first, ...rest] = gates;
  if (pauseAt !== undefined && first !== "pre-rollout") {
    const paused = declaredPause(turn, pauseAt);
    return paused ? { stop: paused } : through(turn, gates);
  }
  if (first === undefined) return { run: turn.run, events: [] };
  return followedBy(throughGate(turn, first), turn, (now) => through(now, rest, pauseAt));
}

/** Before the first users; also before those who come back to a canary that had lost its pods. Before an iteration nobody's share grows. */
export function beforeUsers(turn: RunTurn): Passage {
  const { run, state, policy } = turn;
  if (state.weight > 0) return { run, events: [] };
  if (stepWeight(run, policy) === 0) return through(turn, ["pre-rollout"]);
  return through(turn, ["pre-rollout", "confirm-traffic-increase"], run.step === 0 ? 0 : undefined);
}

/**
 * When the checks of a step have passed, of which `weight` is the weight. Between iterations nothing is asked. Whoever confirms a promotion
 * is asked before all users are switched over, as by Flagger.
 */
export function afterStep(turn: RunTurn, { isLast, weight }: { isLast: boolean; weight: number }): Passage {
  const { run, policy } = turn;
  const coming = policy.weights[run.step + 1] ?? weight;
  if (!isLast && coming === weight) return { run, events: [] };
  const gates = ["confirm-traffic-increase", "confirm-promotion"] as const;
  return through(turn, gates.slice(0, isLast || weight === 0 ? 2 : 1), weight);
}

/** An answer has come between checks: what it changes, or undefined where there is none. */
export function newsAtGate(turn: RunTurn): Draft | undefined {
  const { run, seen, policy } = turn;
  const { gate } = run;
  if (!gate || gate.type === "pause" || seen.now < gate.askAt) return undefined;
  const [hook] = closedHooks(run, policy, gate.type, stepAhead(run));
  if (hook && hook.name === gate.name && !answerTo(hook, gate.askAt, seen)) return undefined;
  const passage = throughGate(turn, gate.type);
  if ("stop" in passage) return knownMeanwhile(turn, passage.stop);
  const checked: Run = { ...ungated(withoutWait(passage.run)), checkAt: seen.now };
  const reason = `Webhook ${gate.name} let it through: it is checked once more.`;
  return draft(turn, { run: checked, reason, next: "" }, { events: passage.events, requeueAfterMs: 0 });
}

/** What else keeps the run waiting is what its status goes on saying. */
function knownMeanwhile(turn: RunTurn, stop: Draft): Draft {
  const { run } = turn;
  const { gate } = stop.state.run ?? {};
  const isOther = run.wait === undefined || !gateWaits.includes(run.wait);
  return isOther && gate ? { ...stop, state: { ...turn.state, run: { ...run, gate } } } : stop;
}

const gateWaits: readonly WaitCause[] = ["gate", "hook", "declared-pause", "timed-pause"];

/** A check came to nothing while the run stands at a gate: it goes on standing there. */
export function stayAtGate(turn: RunTurn): Draft | undefined {
  const { run, seen, policy } = turn;
  if (!isAtGate(run) || !run.wait || !gateWaits.includes(run.wait)) return undefined;
  return draft(turn, { run: { ...run, checkAt: seen.now + policy.intervalMs } }, { requeueAfterMs: policy.intervalMs });
}

/** With the pause behind it whose time is over: what it waits for from then on is evidence, which does not wait for ever. */
export function pastPause(turn: RunTurn): RunTurn {
  const { run, seen } = turn;
  const { gate } = run;
  if (gate?.type !== "pause" || gate.until === undefined || seen.now < gate.until) return turn;
  const past = ungated(withoutWait(pausePassed(run, Number(gate.name), stepAhead(run))));
  return { ...turn, run: past, state: { ...turn.state, run: past } };
}

/** The run when a person lets it through the gate at which it stands; undefined where it stands at none that a person may open. */
export function openedByHand({ run, policy }: RunTurn): Run | undefined {
  const { gate } = run;
  if (!gate || gate.type === "pre-rollout") return undefined;
  const step = stepAhead(run);
  const opened =
    gate.type === "pause"
      ? pausePassed(run, Number(gate.name), step)
      : letThrough(run, closedHooks(run, policy, gate.type, step), step);
  return ungated(withoutWait(opened));
}

// --- internal ---

function followedBy(passage: Passage, turn: RunTurn, go: (turn: RunTurn) => Passage): Passage {
  if ("stop" in passage) return passage;
  const { run } = passage;
  const after = go({ ...turn, run, state: { ...turn.state, run } });
  if ("stop" in after) return { stop: { ...after.stop, events: [...passage.events, ...after.stop.events] } };
  return { run: after.run, events: [...passage.events, ...after.events] };
}

function throughGate(turn: RunTurn, type: HookGate): Passage {
  const { run, seen, policy } = turn;
  const step = stepAhead(run);
  const [hook] = closedHooks(run, policy, type, step);
  if (!hook) return { run, events: [] };
  const gate = gateAt(turn, hook, type);
  if (gate.askAt > seen.now) return { stop: standing(turn, gate) };
  const answer = answerTo(hook, gate.askAt, seen);
  if (!answer) return { stop: awaiting(turn, gate, hook) };
  if (!answer.passed) return { stop: refused(turn, gate, { hook, what: answer.what }) };
  const passed = letThrough(ungated(withoutWait(run)), [hook], step);
  const said = event.normal(hookTable[type].passed(hook.name));
  return followedBy({ run: passed, events: [said] }, turn, (now) => throughGate(now, type));
}

function gateAt({ run, seen }: RunTurn, { name }: Hook, type: HookGate): Gate {
  const { gate } = run;
  return gate?.type === type && gate.name === name ? gate : { type, name, since: seen.now, askAt: seen.now };
}

/** Nothing is said anew of a gate that has refused before. */
function awaiting(turn: RunTurn, gate: Gate, hook: Hook): Draft {
  if (gate.answer !== undefined && hookTable[hook.type].onRefusal === "wait") return standing(turn, gate);
  const timing = timingOf(turn, gate);
  const waiting: Run = { ...withoutWait(turn.run), gate, wait: "hook", waitSince: gate.since, checkAt: timing.checkAt };
  const reason = `Asking webhook ${gate.name} (${gate.type}), which has ${formatDuration(hook.timeoutMs)} to answer.`;
  return draft(turn, { run: waiting, reason, reasonCode: "hook", next: "what it answers" }, timing);
}

function refused(turn: RunTurn, gate: Gate, { hook, what }: { hook: Hook; what: string }): Draft {
  const { seen, policy } = turn;
  const asked: Gate = { ...gate, answer: what, askAt: Math.max(gate.askAt + policy.intervalMs, seen.now + 1) };
  const words = hookTable[hook.type].refused(gate.name, what);
  if (hookTable[hook.type].onRefusal === "failed check") return failed(turn, asked, words);
  const step = standing(turn, asked);
  const halted = event.warning(`Halt ${fullName(seen)} advancement ${words}`);
  return gate.answer === undefined ? { ...step, events: [halted, ...step.events] } : step;
}

/** Asked again when the next check would be. */
function failed(turn: RunTurn, gate: Gate, words: string): Draft {
  const step = failedCheck(turn, words);
  const { run } = step.state;
  if (!run || run.ending) return step;
  const askAt = run.checkAt ?? gate.askAt;
  return {
    ...step,
    state: { ...step.state, run: { ...run, gate: { ...gate, askAt }, wait: "hook", waitSince: gate.since } },
  };
}

function standing(turn: RunTurn, gate: Gate): Draft {
  const { seen } = turn;
  const reason = `Waiting at ${gateWords(gate)}: ${gate.answer ?? "it has not answered yet"}.`;
  const next = `goes on when it answers 2xx, or by ${verbLine(seen, "resume")}; ${verbLine(seen, "rollback")} ends it`;
  return waitAtGate(turn, gate, { wait: "gate", reason, next });
}

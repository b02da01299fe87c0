/**
 * The one place that branches on phases. `decide` is a total function: same state, same observation, same policy, same
 * decision. Callers save `next` first (the fence), then perform the actions in order.
 */
import { analysing, followIntent, scaling } from "./analyse.ts";
import { conform } from "./conform.ts";
import { step, type RunTurn, type Step, type Turn } from "./decision.ts";
import { idle, initialize, isNew } from "./idle.ts";
import type { Policy } from "./policy.ts";
import { promoting, returning } from "./promote.ts";
import { assertNever, type CanaryState, type Decision, type Observation, type Phase, type Stage } from "./state.ts";
import { pendingCommand, steer } from "./steer.ts";
import { deserted, draining, restoring } from "./unwind.ts";

export function decide(state: CanaryState, seen: Observation, policy: Policy): Decision {
  const turn: Turn = { state, seen, policy };
  const untouchable = obstacleTo(turn);
  if (untouchable) {
    const { next } = step(turn, { reason: untouchable, next: "" });
    return {
      next,
      actions: [],
      events: state.reason === untouchable ? [] : [{ type: "Warning", message: untouchable }],
    };
  }
  const command = pendingCommand(turn);
  const { next, events, requeueAfterMs } = command ? steer(turn, command) : advancePhase(turn);
  const moved = next.phase !== state.phase || next.weight !== state.weight;
  return {
    next: { ...next, warnings: seen.warnings, transitionAt: moved ? seen.now : state.transitionAt },
    actions: policy.suspend && !next.run ? [] : conform(next, seen, policy),
    events,
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  };
}

/** A fresh Canary's state. */
export function initialState(): CanaryState {
  return {
    phase: "",
    weight: 0,
    failedChecks: 0,
    rejected: [],
    checks: [],
    staleCallers: [],
    warnings: [],
    history: [],
    runs: 0,
    reason: "",
    next: "",
    transitionAt: 0,
  };
}

/** Callers older than the TrafficSplit are looked for while it is new; Prometheus may need a few scrapes to know them. */
export function callersMatter(state: CanaryState, now: number): boolean {
  if (state.run !== undefined) return false;
  return between[state.phase] === "fresh" || isNew(state, now);
}

/** The decision at `now` needs metrics; at any other time they would not be looked at. */
export function checkIsDue({ run, weight }: CanaryState, now: number): boolean {
  return run?.stage === "analysing" && weight > 0 && now >= (run.checkAt ?? 0);
}

// --- internal ---

/** What forbids to touch anything, in one sentence. */
function obstacleTo({ seen, policy }: Turn): string | undefined {
  const [obstacle] = seen.obstacles;
  if (obstacle) return obstacle;
  if (policy.unsupported.length > 0)
    return `Not supported yet, and not skipped in silence: ${policy.unsupported.join("; ")}. Nothing is touched until the Canary does without.`;
  return undefined;
}

/** What each phase stands for, whether or not a run is found in the state. */
const between: Record<Phase, "fresh" | "calm" | "running"> = {
  "": "fresh",
  Initializing: "fresh",
  Initialized: "calm",
  Succeeded: "calm",
  Failed: "calm",
  Waiting: "calm",
  Terminating: "calm",
  Progressing: "running",
  WaitingPromotion: "running",
  Promoting: "running",
  Finalising: "running",
};

function advancePhase(turn: Turn): Step {
  const { state, policy } = turn;
  if (policy.suspend)
    return step(turn, { reason: "Suspended by spec.suspend: nothing moves.", next: "set spec.suspend to false" });
  if (state.run) return stages[state.run.stage]({ ...turn, run: state.run });
  const kind = between[state.phase];
  switch (kind) {
    case "fresh":
      return initialize(turn);
    case "calm":
      return idle(turn);
    case "running":
      return idle({ ...turn, state: { ...state, phase: "Initialized" } });
    default:
      return assertNever(kind);
  }
}

const stages: Record<Stage, (turn: RunTurn) => Step> = {
  scaling: (turn) => followIntent(turn) ?? scaling(turn),
  analysing: (turn) => followIntent(turn) ?? analysing(turn),
  promoting: (turn) => deserted(turn) ?? promoting(turn),
  returning: (turn) => deserted(turn) ?? returning(turn),
  restoring: (turn) => deserted(turn) ?? restoring(turn),
  draining,
};

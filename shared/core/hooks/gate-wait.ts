/** How a run stands where it is not let on: its phase, its words, and when it is looked at again. */
import type { GateType } from "../objects/hook-types.ts";
import type { WaitCause } from "../objects/wait-causes.ts";
import type { CanaryState, Gate, Phase, Run } from "../state.ts";
import { draft, withoutWait, type Draft, type RunTurn } from "../turn/turn.ts";

/** As sentences name it. */
export function gateWords({ type, name }: Pick<Gate, "type" | "name">): string {
  return type === "pause" ? `the pause at weight ${name}` : `gate ${name} (${type})`;
}

export function waitAtGate(turn: RunTurn, gate: Gate, words: { wait: WaitCause; reason: string; next: string }): Draft {
  const { wait, reason, next } = words;
  const timing = timingOf(turn, gate);
  const run: Run = { ...withoutWait(turn.run), gate, wait, waitSince: gate.since, checkAt: timing.checkAt };
  const patch: Partial<CanaryState> = { phase: phaseAt[gate.type], run, reason, reasonCode: wait, next };
  return draft(turn, patch, timing);
}

/** Checks go on meanwhile; where there is nothing to check, the next look is when the gate is asked again. */
export function timingOf({ run, seen, policy }: RunTurn, { askAt }: Gate): { checkAt: number; requeueAfterMs: number } {
  const isComing = run.checkAt !== undefined && run.checkAt > seen.now;
  const checkAt = isComing ? (run.checkAt ?? 0) : seen.now + policy.intervalMs;
  const asksAgain = askAt > seen.now ? [askAt - seen.now] : [];
  return { checkAt, requeueAfterMs: Math.min(checkAt - seen.now, ...asksAgain) };
}

// --- internal ---

const phaseAt: Record<GateType, Phase> = {
  "confirm-rollout": "Waiting",
  "pre-rollout": "Progressing",
  "confirm-traffic-increase": "Progressing",
  "confirm-promotion": "WaitingPromotion",
  pause: "Progressing",
};

/** Flagger's `rollout` webhooks: asked as an interval begins, which is when a load test is wanted, and judged with its metrics. */
import { formatDuration } from "../format/duration.ts";
import { askedInTurn, hooksOfType } from "../gates/answers.ts";
import { hookTable } from "../gates/gate-types.ts";
import type { Hook } from "../spec/hooks.ts";
import type { Run } from "../state.ts";
import { isInEffect, isIterating } from "../turn/capacity.ts";
import { draft, withoutWait, type Draft, type RunTurn } from "../turn/turn.ts";
import { failedCheck } from "../lifecycle/failed-check.ts";

/** A check is due: `check` is made once they have passed. */
export function checkWithHooks(turn: RunTurn, check: (turn: RunTurn) => Draft): Draft {
  const { run, seen, policy } = turn;
  const hooks = hooksOfType(policy, "rollout");
  if (hooks.length === 0) return check(turn);
  const asked = askedInTurn(hooks, run.hooksAt ?? seen.now, seen);
  if (asked.outcome === "awaited") return awaitHook(turn, asked.hook);
  const step =
    asked.outcome === "passed"
      ? check(turn)
      : failedCheck(turn, hookTable.rollout.refused(asked.hook.name, asked.answer.what));
  // Where the check has only opened the way to a gate, it is made once more as soon as that answers.
  const isGoingOn = step.state.run?.wait === "hook";
  const isOver = asked.outcome === "refused" || (!isGoingOn && seen.now - (run.hooksAt ?? 0) >= policy.intervalMs);
  return isOver ? askingHooks(step, turn) : step;
}

/** They are asked as soon as the step has begun, its weight in force, whatever else `step` has decided. */
export function withHooksAsked(turn: RunTurn, step: Draft): Draft {
  const { run, seen, state, policy } = turn;
  const isOn = state.weight > 0 || isIterating(state, policy);
  const isNew = isOn && isInEffect(state, seen) && (run.hooksAt ?? 0) < run.stageAt;
  return isNew ? askingHooks(step, turn) : step;
}

// --- internal ---

function awaitHook(turn: RunTurn, { name, timeoutMs }: Hook): Draft {
  const { run, seen, policy } = turn;
  const reason = `Asking webhook ${name} (rollout), which has ${formatDuration(timeoutMs)} to answer.`;
  const waitSince = run.wait === "hook" ? (run.waitSince ?? seen.now) : seen.now;
  const waiting: Run = { ...withoutWait(run), hooksAt: run.hooksAt ?? seen.now, wait: "hook", waitSince };
  const words = { reason, reasonCode: "hook", next: "the check when it has answered" };
  return draft(turn, { run: waiting, ...words }, { requeueAfterMs: policy.intervalMs });
}

/** What they have answered is about what is over: the next interval asks anew. */
function askingHooks(step: Draft, { run: before, seen, policy }: RunTurn): Draft {
  const { run } = step.state;
  const isSame = run?.id === before.id && run.stage === "analysing" && run.ending === undefined;
  if (!isSame || hooksOfType(policy, "rollout").length === 0) return step;
  return { ...step, state: { ...step.state, run: { ...run, hooksAt: seen.now } } };
}

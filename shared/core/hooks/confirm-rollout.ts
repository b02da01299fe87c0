/** A run that a `confirm-rollout` webhook, or a person in its place, must let through before there is any pod of it. */
import type { EventText } from "../action.ts";
import type { Run } from "../state.ts";
import { event } from "../turn/event-messages.ts";
import { draft, formatImages, fullTarget, ungated, withoutWait, type Draft, type RunTurn } from "../turn/turn.ts";
import { through } from "./at-gate.ts";

/** Before any pod of it. */
export function confirm(turn: RunTurn): Draft {
  const passage = through(turn, ["confirm-rollout"]);
  return "stop" in passage ? passage.stop : confirmed(turn, passage);
}

/** Its gate is open, by whoever opened it: pods are made for it now. */
export function confirmed(turn: RunTurn, { run, events }: { run: Run; events: EventText[] }): Draft {
  const { seen } = turn;
  const { checkAt: _checkAt, ...rest } = ungated(withoutWait(run));
  const reason = `${formatImages(run.images)} was let through: starting its canary pods.`;
  const begun: Run = { ...rest, stageAt: seen.now };
  const said = [...events, event.newRevision(fullTarget(seen))];
  const patch = { phase: "Progressing", run: begun, reason, next: "first traffic when they are ready" } as const;
  return draft(turn, patch, { events: said, requeueAfterMs: 0 });
}

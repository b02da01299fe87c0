/** A step whose pods are not ready yet: what users have meanwhile is judged at its present weight. */
import type { StepPods } from "./step-pods.ts";
import { stepName } from "../turn/step-words.ts";
import { draft, formatImages, fullName, withoutWait, type Draft, type RunTurn } from "../turn/turn.ts";
import { event } from "../turn/event-messages.ts";
import { formatDuration } from "../format/duration.ts";
import { reject } from "../lifecycle/end.ts";
import type { EventText } from "../action.ts";
import type { Run } from "../state.ts";
import { failureWords } from "./lost-pods.ts";

/** How soon to ask pods why they are not ready: nothing we watch changes when they fail. */
const lookAgainMs = 5_000;

/** Once their time is over the run is rejected. */
export function waitForPods(turn: RunTurn, { needed, ready }: StepPods): Draft {
  const { run, seen, state, policy } = turn;
  // While it waited for something else, pods were not waited for: their time begins now.
  const stageAt = run.wait ? seen.now : run.stageAt;
  const deadline = stageAt + policy.progressDeadlineMs;
  const said = failureWords(turn);
  if (seen.now >= deadline) {
    const cause = `canary pods were not ready within ${formatDuration(policy.progressDeadlineMs)}${said}`;
    return reject(turn, cause, event.rollingBack(fullName(seen), cause));
  }
  const pods = `${needed} ready canary pod${needed === 1 ? "" : "s"}`;
  const reason = `Waiting for ${pods} of ${formatImages(run.images)}: ${ready} so far${said}.`;
  const { checkAt: _checkAt, ...rest } = withoutWait(run);
  const isDue = run.checkAt === undefined || seen.now >= run.checkAt;
  const checkAt = isDue ? seen.now + policy.intervalMs : (run.checkAt ?? 0);
  // Users are on it meanwhile: it is judged at its present weight.
  const waiting: Run = { ...rest, stageAt, ...(state.weight > 0 ? { checkAt } : {}) };
  return draft(
    turn,
    {
      run: waiting,
      reason,
      ...failingCode(turn),
      next: stepName(policy, run.step),
    },
    {
      events: failureNews(turn, reason),
      requeueAfterMs: Math.min(lookAgainMs, deadline - seen.now, ...(state.weight > 0 ? [checkAt - seen.now] : [])),
    },
  );
}

// --- internal ---

const podsFailing = "pods-failing";

const failingCode = ({ seen }: RunTurn): { reasonCode?: string } =>
  seen.workload?.failure === undefined ? {} : { reasonCode: podsFailing };

/** Said once: its words may change from pod to pod and from look to look. */
function failureNews({ seen, state }: RunTurn, reason: string): EventText[] {
  const isNews = seen.workload?.failure !== undefined && state.reasonCode !== podsFailing;
  return isNews ? [event.warning(`Halt ${fullName(seen)} advancement: ${reason}`)] : [];
}

/** Canary pods that are lost under traffic: the canary keeps no more than those that are left can carry. */
import {
  carriedBy,
  enoughOf,
  noReadyPodsText,
  hasNoReadyPods,
  isEdited,
  podsFor,
  primaryIsWhole,
  readyCanaries,
  sharedReplicas,
} from "../turn/capacity.ts";
import { stepName } from "../turn/step-words.ts";
import { formatImages, fullName, draft, ungated, withoutWait, type RunTurn, type Draft } from "../turn/turn.ts";
import { event } from "../turn/event-messages.ts";
import { canaryName } from "../objects/names.ts";
import { reject } from "../lifecycle/end.ts";

/** A canary whose pods are lost so often (or as often as checks may fail) is given up. */
const fewestLosses = 3;

/** Some or all of the pods that carry the present weight are gone; the primary can take over what they carried. */
export function lostPods(turn: RunTurn): Draft | undefined {
  const { run, seen, state, policy } = turn;
  if (hasNoReadyPods(state, seen)) return lostAllPods(turn);
  if (isEdited(run, seen)) return state.weight > 0 ? lostTemplate(turn) : undefined;
  const replicas = Math.min(sharedReplicas(state, run, seen, policy), run.givenFor ?? Infinity);
  const ready = readyCanaries(run, seen);
  const needed = podsFor(state.weight, replicas);
  if (ready === 0 || ready >= needed || !primaryIsWhole(seen, policy)) return undefined;
  const weight = carriedBy(ready, replicas);
  return lose(turn, weight, {
    cause: "ready pods",
    isTolerated: ready >= enoughOf(needed, policy.canaryReadyPercent),
    reason: `The canary has ${ready} of the ${needed} ready pods that weight ${state.weight} needs: it gets ${weight}% until they are back${failureWords(turn)}.`,
  });
}

/** Nobody is behind the canary leaf any more: its share would fail, so it goes to the primary until there are pods again. */
export function lostAllPods(turn: RunTurn): Draft {
  const reason = `${noReadyPodsText(turn)} at weight ${turn.state.weight}: all traffic is on stable until it has${failureWords(turn)}.`;
  return lose(turn, 0, { cause: "every ready pod", reason });
}

/** What was edited is not what is judged, and must not be promoted for it; it is written anew when nobody sends to it any more. */
function lostTemplate(turn: RunTurn): Draft {
  const name = canaryName(turn.seen.targetName);
  const reason = `Deployment ${name} was edited by someone else at weight ${turn.state.weight}: all traffic is on stable until it runs ${formatImages(turn.run.images)} as it was written.`;
  return lose(turn, 0, { cause: `its template, for Deployment ${name} was edited by someone else,`, reason });
}

/** What the canary's pods say of themselves, in parentheses. */
export function failureWords({ seen }: RunTurn): string {
  if (seen.refusal) return ` (${seen.refusal.what.replace(/\.$/, "")})`;
  return seen.workload?.failure ? ` (${seen.workload.failure})` : "";
}

export interface Loss {
  /** What was lost, after "the canary lost". */
  cause: string;
  reason: string;
  /** The Canary says that those that are left are enough, or nothing that was there is gone. */
  isTolerated?: boolean;
}

/** `weight` is what the canary keeps; its step begins anew when its pods are there. */
export function lose(turn: RunTurn, weight: number, words: Loss): Draft {
  const { run, seen, policy } = turn;
  // A Service that someone deleted says nothing against the version.
  const counts = !seen.endpoints.canary.isGone && words.isTolerated !== true;
  const losses = (run.losses ?? 0) + (counts ? 1 : 0);
  if (losses >= Math.max(fewestLosses, policy.threshold)) {
    const cause = `the canary lost ${words.cause} ${losses} times${failureWords(turn)}`;
    return reject(turn, cause, event.rollingBack(fullName(seen), cause));
  }
  const { checkAt: _checkAt, ...rest } = ungated(withoutWait(run));
  const { reason } = words;
  return draft(
    turn,
    {
      weight,
      run: { ...rest, losses, stage: "scaling", stageAt: seen.now },
      reason,
      next: `${run.ceiling === undefined ? stepName(policy, run.step) : `weight ${run.ceiling}`} again when pods are ready`,
    },
    { events: [event.warning(`Halt ${fullName(seen)} advancement: ${reason}`)] },
  );
}

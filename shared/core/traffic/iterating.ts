/** A canary that is checked before any user is on it: what it is judged by, and what becomes of it when its pods are gone. */
import { deciding } from "../analysis/deciding.ts";
import { canaryLeaf } from "../objects/names.ts";
import { enoughOf, isIterating, podsFor, preparedWeight, readyCanaries, sharedReplicas } from "../turn/capacity.ts";
import type { Measured } from "../turn/track-status.ts";
import type { Draft, RunTurn } from "../turn/turn.ts";
import { failureWords, lose } from "./lost-pods.ts";
import type { Wait } from "./wait.ts";

/** Nobody feels it, but what is to be checked is not there. Undefined while it is, or users are on the canary. */
export function lostWhileIterating(turn: RunTurn): Draft | undefined {
  const { run, seen, state, policy } = turn;
  if (!isIterating(state, policy)) return undefined;
  const needed = podsFor(preparedWeight(run, policy), sharedReplicas(state, run, seen, policy));
  const ready = readyCanaries(run, seen);
  if (ready >= enoughOf(needed, policy.canaryReadyPercent)) return undefined;
  const reason = `The canary has ${ready} of the ${needed} ready pods that all traffic needs: it is checked again when they are there${failureWords(turn)}.`;
  // Where the target was scaled up, nothing was lost.
  const isTolerated = (seen.workload?.replicas ?? 0) < needed;
  return lose(turn, 0, { cause: "ready pods", reason, isTolerated });
}

/** Nothing that the Canary asks for is missing: its webhooks have passed, and without a metric there is nothing to be measured. */
export function passesUnused({ policy }: RunTurn, { isMissing }: { isMissing: boolean }): boolean {
  return !isMissing || deciding(policy.metrics).length === 0;
}

/** Only requests that somebody sends to the canary on purpose can be measured before it has users. */
export function unused({ seen }: RunTurn, { windowSeconds }: Measured): Wait {
  const leaf = canaryLeaf(seen.apexName);
  const reason = `No request has reached the canary in ${windowSeconds}s: before it has users, only a load test of Service ${leaf} gives its metrics a number.`;
  const next = `the next iteration when it has been sent some: a webhook of type rollout can run a load test of http://${leaf}.${seen.namespace}`;
  return { cause: "no-evidence", reason, next };
}

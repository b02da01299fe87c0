/** The canary's traffic goes back to stable: at once where its pods can carry all of it, else as much as they can. */
import { fullReplicas, hasNoReadyPods, isShrunk, lowestWeight } from "../turn/capacity.ts";
import { draft, formatImages, type Draft, type RunTurn } from "../turn/turn.ts";
import type { Run } from "../state.ts";

/** How long taking traffic back waits for a primary that has some, but not all of the pods it needs. */
const capacityPatienceMs = 30_000;

export function takeTrafficBack(turn: RunTurn): Draft {
  const { run, seen, state } = turn;
  const lowest = lowestWeight(state, seen, turn.policy);
  if (lowest === 0 || hasNoReadyPods(state, seen) || isPatienceOver(turn))
    return draft(
      turn,
      {
        weight: 0,
        run: { ...run, stageAt: seen.now },
        reason: windingWords(run),
        next: "canary pods go when nobody sends to them",
      },
      { requeueAfterMs: turn.policy.drainMs },
    );
  const weight = Math.min(state.weight, lowest);
  const { ready } = seen.endpoints.primary;
  const reason = `${windingWords(run)} The primary has ${ready} of the ${fullReplicas(state, seen)} ready pods that all traffic needs: ${keptWords(weight, state.weight)} until it has them.`;
  const waitedMs = seen.now - run.stageAt;
  return draft(
    turn,
    { weight, reason, next: "all traffic on stable" },
    { requeueAfterMs: Math.max(1_000, capacityPatienceMs - waitedMs) },
  );
}

/** What the end of the run is for, in a sentence. */
export function windingWords(run: Run): string {
  const version = formatImages(run.images);
  const { outcome, cause } = run.ending ?? { outcome: "rejected", cause: "" };
  switch (outcome) {
    case "promoted":
      return `${version} runs everywhere: taking its canary away.`;
    case "rejected":
      return `Rolling back ${version}: ${cause}.`;
    case "reverted":
      return `${version} was ${cause}: taking its canary away.`;
    case "superseded":
      return `${version} was superseded: taking its traffic back before the new version starts.`;
    case "aborted":
      return `The run of ${version} ends: ${cause}.`;
  }
}

// --- internal ---

/** Without its Deployment the primary does not come back; a promoted version has no reason to hurry while pods may still come. */
function isPatienceOver({ run, seen, state }: RunTurn): boolean {
  if (seen.now - run.stageAt < capacityPatienceMs) return false;
  if (!seen.target) return true;
  return seen.endpoints.primary.ready > 0 && (run.ending?.outcome !== "promoted" || isShrunk(state, seen));
}

function keptWords(weight: number, before: number): string {
  return weight === before ? `weight ${weight} stays` : `weight ${before} goes down to ${weight}, and stays there`;
}

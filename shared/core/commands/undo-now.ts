/** `undo --to VERSION --now`: the run's version was stable before, and goes out without the rest of its steps. */
import { mayLeaveNobody, pastVersion } from "../lifecycle/way-back.ts";
import type { Command } from "../objects/command.ts";
import type { Run } from "../state.ts";
import { promote } from "../traffic/promote.ts";
import { event } from "../turn/event-messages.ts";
import { formatImages, fullName, verbLine, type RunTurn } from "../turn/turn.ts";
import { by, notHeld, why, type Answer } from "./asked.ts";

export function undoNow(turn: RunTurn, command: Command): Answer {
  const { run, seen, state } = turn;
  const version = formatImages(run.images);
  if (run.stage !== "scaling" && run.stage !== "analysing") return `${version} goes out already.`;
  const past = pastVersion(state, run.intent);
  if (!past)
    return `${version} is no version that was stable here, or it was rejected since: it is judged first. To let it out all the same: ${verbLine(seen, "promote")} --force.`;
  const against = notHeld(turn);
  if (against) return against;
  if (mayLeaveNobody(seen) && state.weight === 0)
    return `Deployment ${seen.targetName} may have no ready pod while it rolls, by its strategy, and there is no canary to serve meanwhile: let the canary run, or give the strategy a maxSurge of 1.`;
  const before = past.isPromoted ? `run ${past.run} had promoted it` : `it was stable until run ${past.run}`;
  const back: Run["back"] = { how: "command", run: past.run, cause: `${by(command)} let it out at once: ${before}` };
  const said = event.normal(
    `Going back to ${version} in ${fullName(seen)} at once, asked for by ${by(command)}${why(command)}: ${before}`,
  );
  const message = `going back to ${version}: Deployment ${seen.targetName} rolls to it now; ${before}.`;
  return { step: promote({ ...turn, run: { ...run, back } }, [said]), message };
}

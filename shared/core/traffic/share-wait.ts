/** A canary whose users do not follow the route: the run waits, with the cause, for its numbers are not those of the share it was given. */
import { restartLines, type StaleCaller } from "../format/restart-command.ts";
import type { RunTurn } from "../turn/turn.ts";
import type { Wait } from "./wait.ts";
import { believedScrapes } from "../analysis/traffic-share.ts";
import type { ShareSeen } from "../observation.ts";

/** Undefined while the share is what chance explains, or not yet known. */
export function waitForShare(turn: RunTurn): Wait | undefined {
  const share = turn.seen.counters?.share;
  if (!share || share.scrapes < believedScrapes || isMeant(turn, share)) return undefined;
  const reason = `${measuredWords(share)} ${causeWords(turn, share)}`;
  const cause = share.staleCallers.length > 0 ? "stale-callers" : "unreached";
  return { cause, reason, next: "the weight stays until the share follows it" };
}

// --- internal ---

/**
 * Of those whom an A/B test leaves out nobody knows how many there are. Users who stay where they were come in crowds, and chance explains
 * no crowd. Those with the preview's header come on top of the weight.
 */
function isMeant({ run, policy }: RunTurn, { canary, all, high }: ShareSeen): boolean {
  if (run.only !== undefined || policy.affinity !== undefined) return true;
  return policy.preview !== undefined && 100 * canary > high * all;
}

function measuredWords({ source, canary, all, low, high, scrapes }: ShareSeen): string {
  const by = source === "callers" ? "its callers sent it" : "it received";
  const weight = low === high ? `weight ${low}` : `weights ${low} to ${high}`;
  const percent = ((100 * canary) / all).toFixed(1);
  return `The split is not effective: ${by} ${canary} of ${all} requests (${percent}%) at ${weight}, and chance explains none of the last ${scrapes} scrapes.`;
}

function causeWords({ seen }: RunTurn, { staleCallers, stale = [], cause }: ShareSeen): string {
  if (staleCallers.length > 0) {
    const [are, ignore] = staleCallers.length === 1 ? ["is", "ignores"] : ["are", "ignore"];
    const named = staleCallers.map((caller) => withShare(caller, stale)).join(", ");
    return `${named} ${are} older than the route and ${ignore} it. Restart once: ${restartLines(staleCallers)}.`;
  }
  if (seen.route?.problem) return `The mesh does not obey the route: ${seen.route.problem}.`;
  if (seen.endpoints.primary.ready === 0)
    return `Service ${seen.apexName}-primary has no ready endpoint: see the pods of ${seen.targetName}.`;
  return cause === undefined ? "No cause was found: do callers address the Service by its name?" : `${cause}.`;
}

/** With what it sends, where that is known: who must be restarted first. */
function withShare({ pod }: StaleCaller, stale: NonNullable<ShareSeen["stale"]>): string {
  const found = stale.find((one) => one.pod === pod);
  return found === undefined ? pod : `${pod} (${found.percent.toFixed(1)}% of requests)`;
}

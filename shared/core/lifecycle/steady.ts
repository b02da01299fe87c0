import type { Observation } from "../observation.ts";
import { podNames, restartLines, type StaleCaller } from "../format/restart-command.ts";
import type { EventText } from "../action.ts";
import type { Version, CanaryState } from "../state.ts";
import { scaledToZero } from "../objects/canary-status.ts";
import { isScaledToZero } from "../turn/capacity.ts";
import { event } from "../turn/event-messages.ts";
import { type Turn, formatImages, blockedBy } from "../turn/turn.ts";

type Words = Pick<CanaryState, "reason" | "reasonCode" | "next">;

export function steady(turn: Turn, stable: Version): Words {
  const { targetName } = turn.seen;
  const serves = servesWords(turn, stable);
  const blocked = blockedBy(turn);
  if (blocked) return { ...serves, reason: `${serves.reason} No canary can start: ${blocked.what}`, next: "" };
  const next = `the next change of Deployment ${targetName} starts a canary`;
  return { ...serves, next: serves.reasonCode === scaledToZero ? `${next}, once it is scaled up` : next };
}

export function staleCallerEvents(seen: Observation, callers: readonly StaleCaller[]): EventText[] {
  if (callers.length === 0) return [];
  const head = `${podNames(callers)} called ${seen.apexName} before its route was there and will ignore it`;
  return [event.warning(`${head} until restarted once: ${restartLines(callers)}`)];
}

// --- internal ---

function servesWords({ seen }: Turn, stable: Version): Pick<CanaryState, "reason" | "reasonCode"> {
  const isStable = `${formatImages(stable.images)} is stable`;
  if (!isScaledToZero(seen)) return { reason: `${isStable} and gets all traffic.` };
  const off = `${isStable}. Deployment ${seen.targetName} is scaled to 0: nobody serves.`;
  return { reason: off, reasonCode: scaledToZero };
}

import type { Observation } from "../observation.ts";
import { podNames, restartLines, type StaleCaller } from "../format/restart-command.ts";
import type { EventText } from "../action.ts";
import type { Version, CanaryState } from "../state.ts";
import { event } from "../turn/event-messages.ts";
import { type Turn, formatImages, blockedBy } from "../turn/turn.ts";

export function steady(turn: Turn, stable: Version): Pick<CanaryState, "reason" | "next"> {
  const { targetName } = turn.seen;
  const serves = `${formatImages(stable.images)} is stable and gets all traffic.`;
  const blocked = blockedBy(turn);
  if (blocked) return { reason: `${serves} No canary can start: ${blocked.what}`, next: "" };
  return { reason: serves, next: `the next change of Deployment ${targetName} starts a canary` };
}

export function staleCallerEvents(seen: Observation, callers: readonly StaleCaller[]): EventText[] {
  if (callers.length === 0) return [];
  const head = `${podNames(callers)} called ${seen.apexName} before its TrafficSplit was there and will ignore it`;
  return [event.warning(`${head} until restarted once: ${restartLines(callers)}`)];
}

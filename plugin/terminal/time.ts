/** Times as people say them. Pure. */
import { formatDuration } from "../../shared/core/format/duration.ts";

/** `40s ago`, `in 7s`, to the second; what is not a time is returned as it is. */
export function relative(time: string, now: number): string {
  const ms = new Date(time).getTime() - now;
  if (Number.isNaN(ms)) return time;
  if (Math.abs(ms) < 500) return "now";
  return ms > 0 ? `in ${age(ms)}` : `${age(ms)} ago`;
}

/** `40s`: how long since, or until, without saying which. */
export function distance(time: string, now: number): string {
  const ms = new Date(time).getTime() - now;
  return Number.isNaN(ms) ? time : age(ms);
}

function age(ms: number): string {
  return formatDuration(Math.round(Math.abs(ms) / 1_000) * 1_000);
}

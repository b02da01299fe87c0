/** What is said beside the tables of tracks and checks, on a terminal and on the dashboard's page. Pure. */
import { sideWords } from "../../shared/core/analysis/user-requests.ts";
import { relative } from "../terminal/time.ts";
import type { CanaryView, TrackView } from "../view/types.ts";

/** Over which time and when the tracks were measured, and who counted. */
export function measuredText(view: CanaryView, now: number): string {
  return view.measuredAt
    ? `users' requests over ${view.windowSeconds}s, measured ${relative(view.measuredAt, now)}${ofLastRun(view)}${countedBy(view)}`
    : notMeasured(view);
}

/** Numbers stay when a run is over; they must not be taken for today's. */
export function ofLastRun(view: CanaryView): string {
  return view.run ? "" : ", in the last run";
}

/** What users got of a track that the table has no column for, where there was any. */
export function toldOf(track: TrackView): string[] {
  const { unanswered = 0, denied = 0, clientErrors = 0, attempts = 0, requests } = track;
  const parts = [
    [unanswered, "never answered"],
    [denied, "refused by policy"],
    [clientErrors, "client errors (4xx)"],
    [attempts - (requests ?? attempts), "retried attempts"],
  ] as const;
  const some = parts.flatMap(([count, what]) => (count > 0 ? [`${count} ${what}`] : []));
  return [
    ...(some.length > 0 ? [`${track.name}: ${some.join(", ")}`] : []),
    ...(track.disagreement === undefined ? [] : [track.disagreement]),
  ];
}

/** Between checks the limit of durations is watched by the mesh's buckets, whose bounds are their own. */
export function boundNotes({ checks, run }: CanaryView): string[] {
  const boundMs = run?.slowBoundMs ?? null;
  const check = checks.find(({ unit, max }) => unit === "milliseconds" && max !== undefined);
  if (boundMs === null || check?.max === undefined || check.max === boundMs) return [];
  return [
    `${check.metric}: between checks its limit of ${check.max}ms is watched by the mesh's next larger bucket, ${boundMs}ms`,
  ];
}

// --- internal ---

function notMeasured({ countsRequests }: CanaryView): string {
  return countsRequests
    ? "nothing measured yet"
    : "requests are not counted (analysis.requests: none): own queries judge it, and whether its pods stay ready";
}

function countedBy({ tracks }: CanaryView): string {
  const sides = tracks.flatMap(({ requests, countedBy: side }) => (requests && side ? [side] : []));
  const [only, other] = new Set(sides);
  if (only === undefined) return "";
  return `, counted ${sideWords(other === undefined ? only : "both")}`;
}

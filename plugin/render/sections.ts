/** The tables of a Canary's view: tracks, checks, history. Pure. */
import type { HistoryEntry, CheckStatus, Outcome } from "../../shared/core/objects/canary-status.ts";
import { checkWords } from "../../shared/core/analysis/verdict.ts";
import { milliseconds } from "../../shared/core/format/milliseconds.ts";
import { countingText } from "../view/counting.ts";
import { imagesText } from "../view/images.ts";
import { boundNotes, measuredText, ofLastRun, toldOf } from "./measured.ts";
import { relative } from "../terminal/time.ts";
import { paint, type RenderOptions, type Style, symbol, type Tone, wrap } from "../terminal/style.ts";
import { type Column, formatTable } from "../terminal/table.ts";
import { sparkline } from "../terminal/sparkline.ts";
import type { CanaryView, TrackView } from "../view/types.ts";

const number = (head: string): Column => ({ head, align: "right" });

export function renderTracks(view: CanaryView, { style, now, wide }: RenderOptions): string[] {
  const columns: Column[] = [
    { head: "TRACK" },
    ...["READY", "WEIGHT", "SUCCESS", "RPS", "P50", "P95", "P99", "REQUESTS"].map(number),
    ...(wide ? [{ head: "DEPLOYMENT" }, { head: "IMAGES" }] : []),
  ];
  const rows = view.tracks.map((track) => [
    ...trackCells(track),
    ...(wide ? [track.deployment, imagesText(track.images) || "-"] : []),
  ]);
  const [head = "", ...body] = formatTable(columns, rows);
  const trend = trendLines(view, style).map((line) => paint(style, "dim", line));
  const told = view.tracks.flatMap(toldOf).map((line) => wrap(line, style.width, 2));
  return [
    paint(style, "strong", head),
    ...body,
    paint(style, "dim", wrap(measuredText(view, now), style.width, 2)),
    ...trend,
    ...told,
  ];
}

export function renderChecks(view: CanaryView, { style, now, wide }: RenderOptions): string[] {
  if (view.checks.length === 0) return [];
  const columns: Column[] = [{ head: "CHECK" }, ...["VALUE", "LIMIT", "REQUESTS"].map(number), { head: "RESULT" }];
  const rows = view.checks.map((check) => [
    check.metric,
    amount(check.value, check.unit),
    limit(check),
    check.requests === null ? "-" : String(Math.round(check.requests)),
    result(style, check),
  ]);
  const [head = "", ...body] = formatTable(columns, rows);
  const at = view.checks.map((check) => check.at).sort()[0] ?? "";
  return [
    paint(style, "strong", head),
    ...body,
    ...explanations(view.checks, style),
    ...boundNotes(view).map((line) => wrap(line, style.width, 2)),
    ...(wide ? queries(view.checks) : []),
    paint(style, "dim", `checked ${relative(at, now)}${ofLastRun(view)}`),
  ];
}

/** The last command and the last runs; one of each unless `wide`. */
export function renderRuns(view: CanaryView, options: RenderOptions): string[] {
  const { style, now, wide } = options;
  const runs = view.run && !wide ? [] : view.history.slice(0, wide ? undefined : 1);
  const lines = [...commandLine(view, options), ...runs.map((run) => runLine(run, now))];
  return lines.map((line, index) => `${index === 0 ? "Last: " : "      "}${wrap(line, style.width, 6)}`);
}

// --- internal ---

/** Success rate and P99 of the last checks, on one scale for both tracks; for a person at a terminal that has the letters. */
function trendLines({ trend }: CanaryView, style: Style): string[] {
  if (trend.length < 2 || !style.unicode || style.width === Infinity) return [];
  const numbers = trend.flatMap(({ primary, canary }) => [primary, canary]);
  const success = numbers.flatMap(({ successPercent }) => successPercent ?? []);
  const slowest = Math.max(0, ...numbers.flatMap(({ latencyMsP99 }) => latencyMsP99 ?? []));
  const floor = Math.floor(Math.min(99, ...success));
  return (["primary", "canary"] as const).map((name) => {
    const rate = trend.map((point) => point[name].successPercent);
    const latency = trend.map((point) => point[name].latencyMsP99);
    const [first, second] = [sparkline(rate, { low: floor, high: 100 }), sparkline(latency, { low: 0, high: slowest })];
    return `${name.padEnd(7)}   success ${first} ${floor} to 100%   P99 ${second} 0 to ${milliseconds(slowest)}`;
  });
}

const hourMs = 3_600_000;

function isRecent(time: string, now: number): boolean {
  return now - new Date(time).getTime() < hourMs;
}

function commandLine({ lastCommand }: CanaryView, { now, wide }: RenderOptions): string[] {
  if (!lastCommand || (!wide && !isRecent(lastCommand.at, now))) return [];
  const verdict = lastCommand.accepted ? "accepted" : "refused";
  const by = lastCommand.by === "" ? "" : ` by ${lastCommand.by}`;
  return [`${lastCommand.verb}${by} ${relative(lastCommand.at, now)}, ${verdict}: ${lastCommand.message}`];
}

function runLine(run: HistoryEntry, now: number): string {
  const images = imagesText(run.images);
  const about = `asked by ${run.requestedBy || "unknown"}${images ? `, ${images}` : ""}`;
  return `run ${run.run} ${run.outcome} ${relative(run.endedAt, now)}, ${about}: ${run.cause}`;
}

function trackCells(track: TrackView): string[] {
  return [
    track.name,
    `${track.ready}/${track.replicas}`,
    `${track.weightPercent}%`,
    track.successPercent === null ? "-" : `${track.successPercent.toFixed(2)}%`,
    track.requestsPerSecond === null ? "-" : `${track.requestsPerSecond.toFixed(1)}rps`,
    ...[track.latencyMsP50, track.latencyMsP95, track.latencyMsP99].map(latency),
    track.requests === null ? "-" : String(Math.round(track.requests)),
  ];
}

/** Whole ones, as in the controller's sentences: the same number must not be two. */
function latency(value: number | null): string {
  return value === null ? "-" : milliseconds(value);
}

function amount(value: number | null, unit: CheckStatus["unit"]): string {
  if (value === null) return "-";
  const format: Record<CheckStatus["unit"], () => string> = {
    percent: () => `${value.toFixed(2)}%`,
    milliseconds: () => milliseconds(value),
    "": () => String(Math.round(value * 1000) / 1000),
  };
  return format[unit]();
}

function limit(check: CheckStatus): string {
  const unit = { percent: "%", milliseconds: "ms", "": "" }[check.unit];
  const bounds = [
    ...(check.min === undefined ? [] : [`>= ${check.min}${unit}`]),
    ...(check.max === undefined ? [] : [`<= ${check.max}${unit}`]),
  ];
  return bounds.join(", ") || "-";
}

const outcomes: Record<Outcome, { tone: Tone & ("good" | "bad" | "warn"); text: string }> = {
  pass: { tone: "good", text: "pass" },
  fail: { tone: "bad", text: "fail" },
  "no-evidence": { tone: "warn", text: "no evidence" },
  "cannot-ask": { tone: "warn", text: "cannot ask" },
};

/** What decides nothing alarms nobody. */
function result(style: Style, check: CheckStatus): string {
  const { outcome, dryRun } = check;
  const known = outcomes[outcome] ?? { tone: "warn", text: outcome };
  const tone = dryRun && known.tone === "bad" ? "warn" : known.tone;
  return paint(style, tone, `${symbol(style, tone)} ${known.text}${countingText(check)}`);
}

/** A value that broke its limit stands in the table. */
function explanations(checks: readonly CheckStatus[], style: Style): string[] {
  const unclear = checks.filter(({ outcome, message }) => !["pass", "fail"].includes(outcome) && message !== "");
  return unclear.map((check) => {
    const { metric, why, message } = check;
    return wrap(why === undefined ? `${metric}: ${message}` : checkWords(check), style.width, 2);
  });
}

function queries(checks: readonly CheckStatus[]): string[] {
  return checks.filter((check) => check.query !== "").map((check) => `query of ${check.metric}: ${check.query}`);
}

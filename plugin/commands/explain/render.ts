/** An explanation as text. Pure; nothing is decided here. */
import { renderEvents } from "../events.ts";
import { renderComparison } from "./compared.ts";
import type { ExplainView } from "./view.ts";
import type { CanaryView } from "../../view/types.ts";
import { imagesText } from "../../view/images.ts";
import { distance, relative } from "../../terminal/time.ts";
import { callerNotes, etaText, renderAdvice } from "../../render/canary.ts";
import { nextText, stepText } from "../../render/facts.ts";
import { renderChecks } from "../../render/sections.ts";
import { paint, printable, type RenderOptions, symbol, wrap } from "../../terminal/style.ts";

const keyWidth = 12;

export function renderExplanation(raw: ExplainView, options: RenderOptions): string {
  const view = printable(raw);
  const blocks = [
    head(view, options),
    notes(view, options),
    renderChecks(view.canary, options),
    renderComparison(view.compared, options),
    eventLines(view, options),
    renderAdvice(view.canary, options),
  ];
  return `${blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join("\n"))
    .join("\n\n")}\n`;
}

// --- internal ---

function head(view: ExplainView, { style, now }: RenderOptions): string[] {
  const { cause, canary } = view;
  const { level } = canary.verdict;
  const since = cause.since ? ` (for ${distance(cause.since, now)})` : "";
  const lead = cause.code === "steady" ? "All is well" : cause.moving ? "It moves by itself" : "It does not move";
  const title = `${symbol(style, level)} ${lead}: ${cause.text}${since}`;
  const lines: [string, string][] = [
    ["Position:", positionOf(view, now)],
    ["Steps:", stepsOf(view)],
    ["Weight:", weightOf(view)],
    ["Said:", canary.reason],
    ["Next:", nextText(canary, now)],
    ["Ends:", etaText(canary, now)],
    ...cause.unblocks.map((way, index): [string, string] => [index === 0 ? "Needs:" : "", way]),
  ];
  if (view.found) lines.push(["Found:", `${view.found.what} (${view.found.evidence})`]);
  const shown = lines.filter(([, value]) => value !== "");
  // A command is never wrapped: people paste it.
  const cure = view.found ? [`${paint(style, "dim", "Cure:".padEnd(keyWidth))}${view.found.cure}`] : [];
  return [
    paint(style, level, wrap(title, style.width, 2)),
    ...shown.map(([key, value]) => paint(style, "dim", key.padEnd(keyWidth)) + wrap(value, style.width, keyWidth)),
    ...cure,
  ];
}

function positionOf({ canary, cause }: ExplainView, now: number): string {
  const { run, name, namespace, phase } = canary;
  const place = `${name} in namespace ${namespace}`;
  if (!run) return `${place}, ${phase || "not seen yet"}, no run under way (${cause.code})`;
  const version = imagesText(canary.images.canary ?? {});
  return `${place}, ${phase}, ${stepText(run)}, ${run.stage} for ${distance(run.stageAt, now)}; run ${run.id} of ${version}, asked for by ${run.requestedBy} ${relative(run.startedAt, now)} (${cause.code})`;
}

/** `10 [20] 30 ...`: the present step in brackets. */
function stepsOf({ stepWeightsPercent, canary }: ExplainView): string {
  const { run } = canary;
  if (!run || stepWeightsPercent.length !== run.steps) return "";
  if (canary.isForMatching) return `${run.steps} iterations for those who match (spec.analysis.match)`;
  if (stepWeightsPercent[0] === 0) return iterationsOf(run);
  const steps = stepWeightsPercent.map((weight, index) => (index + 1 === run.step ? `[${weight}]` : String(weight)));
  return `${steps.join(" ")} percent`;
}

/** `3 iterations before any user, then [100 percent]`. */
function iterationsOf({ iteration, steps }: NonNullable<CanaryView["run"]>): string {
  const count = steps - 1;
  const before = `${iteration ? `iteration [${iteration.index}] of ${count}` : `${count} iterations`} before any user`;
  return `${before}, then ${iteration ? "100 percent" : "[100] percent"}`;
}

function weightOf({ weight, canary }: ExplainView): string {
  const { meantPercent, routePercent, measuredPercent, measuredRequests } = weight;
  const parts = [`meant ${meantPercent}%${canary.isForMatching ? " of the requests that match" : ""}`];
  if (canary.routeChoice) {
    const { kind, name } = canary.routeChoice;
    parts.push(routePercent === null ? `${kind} ${name} cannot be read` : `${kind} ${name} says ${routePercent}%`);
  }
  if (measuredPercent !== null)
    parts.push(`${measuredPercent}% of ${measuredRequests} requests since it moved really reached the canary`);
  else if (canary.run?.stage === "analysing" && meantPercent > 0)
    parts.push("what really reached the canary since it moved is not known yet");
  return parts.join(", ");
}

function notes({ canary }: ExplainView, { style }: RenderOptions): string[] {
  const warn = paint(style, "warn", symbol(style, "warn"));
  const said = [...canary.warnings, ...canary.unread].map((note) => `${warn} ${wrap(note, style.width, 2)}`);
  return [...said, ...callerNotes(canary, style)];
}

function eventLines({ events }: ExplainView, options: RenderOptions): string[] {
  return events.length === 0
    ? []
    : renderEvents(events, { ...options, wide: false })
        .trimEnd()
        .split("\n");
}

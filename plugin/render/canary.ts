/** A Canary's view as text: what an operator reads at 3 a.m. Pure; nothing is decided here. */
import { imagesText } from "../view/images.ts";
import { isGone } from "../view/controller-health.ts";
import { distance, relative } from "../terminal/time.ts";
import { factTexts, nextText, notesOf, stepText } from "./facts.ts";
import { layOut } from "./layout.ts";
import { renderChecks, renderRuns, renderTracks } from "./sections.ts";
import { renderTree } from "./object-tree.ts";
import { paint, printable, type RenderOptions, type Style, symbol, wrap } from "../terminal/style.ts";
import { weightNow } from "../view/headline.ts";
import type { CanaryView } from "../view/types.ts";

const keyWidth = 12;

export function renderCanary(raw: CanaryView, options: RenderOptions): string {
  const view = printable(raw);
  return layOut(
    {
      head: renderHead(view, options),
      notes: renderNotes(view, options),
      tracks: renderTracks(view, options),
      checks: renderChecks(view, options),
      tree: renderTree(view.tree ?? [], options),
      history: renderRuns(view, options),
      advice: renderAdvice(view, options),
    },
    { advice: commandsOnly(view, options) },
    { rows: options.rows, width: options.style.width },
  );
}

/** Whether it is safe, and who gets the requests. */
export function renderVerdict({ verdict }: CanaryView, { style }: Pick<RenderOptions, "style">): string {
  const { level, text } = verdict;
  return paint(style, level, wrap(`${symbol(style, level)} ${printable(text)}`, style.width, 2));
}

/** Which callers must be restarted, and how. */
export function callerNotes(view: CanaryView, style: Style): string[] {
  if (view.callers.length === 0) return [];
  const cause =
    "These callers are older than the route and send every request to stable until they are restarted once:";
  return [
    `${paint(style, "warn", symbol(style, "warn"))} ${wrap(cause, style.width, 2)}`,
    ...view.callers.map((caller) => `    ${caller.command}${caller.pods > 1 ? `   # ${caller.pods} pods` : ""}`),
  ];
}

/** What a person can do now, to be pasted. */
export function renderAdvice(view: CanaryView, { style }: RenderOptions): string[] {
  if (view.advice.length === 0) return [];
  const longest = Math.max(...view.advice.map(({ command }) => command.length));
  const beside =
    longest + 4 + Math.max(...view.advice.map(({ effect }) => effect.length)) <= Math.min(style.width, 120);
  return [
    paint(style, "strong", "You can:"),
    ...view.advice.map(({ command, effect }) =>
      beside
        ? `  ${command.padEnd(longest)}   ${paint(style, "dim", `# ${effect}`)}`
        : `  ${paint(style, "dim", `# ${effect}`)}\n  ${command}`,
    ),
  ];
}

/** The same without what each does, for where there is little room. */
function commandsOnly({ advice }: CanaryView, { style }: RenderOptions): string[] {
  return advice.map(({ command }, index) =>
    index === 0 ? `${paint(style, "strong", "You can:")} ${command}` : `         ${command}`,
  );
}

/** When it may be promoted. */
export function etaText({ run, controller }: CanaryView, now: number): string {
  if (!run?.eta || isGone(controller)) return "";
  const { earliestAt, atThisRateAt } = run.eta;
  const later = atThisRateAt === null ? "" : `; at this rate ${relative(atThisRateAt, now)}`;
  return `promotion ${relative(earliestAt, now)} at the earliest${later}`;
}

// --- internal ---

function renderHead(view: CanaryView, { style, now, wide }: RenderOptions): string[] {
  const facts = factTexts(view, now);
  const lines: [string, string][] = [
    ["Canary:", `${view.name}   namespace ${view.namespace}, target ${view.target}`],
    ["Phase:", phaseText(view, now)],
    ["Why:", view.reason],
    ["Next:", nextText(view, now)],
    ["Ends:", etaText(view, now)],
    ["Weight:", weightText(view) + (wide && view.routeChoice ? ` (${view.routeChoice.why})` : "")],
    ["Capacity:", facts.capacity],
    ["Kept:", facts.kept],
    ...imageLines(view),
    ["Paused:", facts.paused],
    ["Gate:", facts.gate],
    ["Unvetted:", facts.unvetted],
    ["Asked by:", view.run ? `${view.run.requestedBy}, ${relative(view.run.startedAt, now)}` : ""],
    ["Controller:", facts.controller],
  ];
  const shown = lines.filter(([, value]) => value !== "");
  return [renderVerdict(view, { style }), ...shown.map(format)];

  function format([key, value]: [string, string]): string {
    return paint(style, "dim", key.padEnd(keyWidth)) + wrap(value, style.width, keyWidth);
  }
}

function phaseText(view: CanaryView, now: number): string {
  const { run } = view;
  const parts = [view.phase || "not set yet"];
  if (run) {
    parts.push(stepText(run), `${run.stage} for ${distance(run.stageAt, now)}`);
    parts.push(`run ${run.id}`, `${view.failedChecks} of ${view.failedChecksLimit} failed checks`);
  } else if (view.phaseSince) parts.push(`for ${distance(view.phaseSince, now)}`);
  return parts.join(", ");
}

function weightText(view: CanaryView): string {
  const { route, routeChoice } = view;
  const weight = weightNow(view);
  if (!view.hasService)
    return `${weight}: the canary has ${weight}% as many pods as stable, beside them (no spec.service)`;
  const all = `canary ${weight}%, primary ${Math.round((100 - weight) * 10) / 10}%`;
  const shares = view.isForMatching ? `canary ${weight}% of the requests that match, primary all others` : all;
  if (!routeChoice) return "";
  if (!route) return `${shares}, from status: the ${routeChoice.kind} ${routeChoice.name} cannot be read`;
  return `${shares}, read from ${route.kind} ${route.name}`;
}

function imageLines(view: CanaryView): [string, string][] {
  const stable = imagesText(view.images.stable);
  const canary = view.images.canary;
  if (!canary) return [[view.unvetted ? "Stable:" : "Image:", stable]];
  const asked = imagesText(canary);
  return [
    ["Stable:", stable],
    ["Canary:", asked === stable ? `${asked} (same image; another part of the template changed)` : asked],
  ];
}

function renderNotes(view: CanaryView, { style, now }: RenderOptions): string[] {
  const warn = symbol(style, "warn");
  const notes = notesOf(view, now).map((note) => `${paint(style, "warn", warn)} ${wrap(note, style.width, 2)}`);
  return [...notes, ...callerNotes(view, style)];
}

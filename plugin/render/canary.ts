/** A Canary's view as text: what an operator reads at 3 a.m. Pure; nothing is decided here. */
import { imagesText } from "../view/images.ts";
import { isGone } from "../view/controller-health.ts";
import { distance, relative } from "../terminal/time.ts";
import { gateText } from "./gate.ts";
import { layOut } from "./layout.ts";
import { renderChecks, renderRuns, renderTracks } from "./sections.ts";
import { renderTree } from "./object-tree.ts";
import { paint, printable, type RenderOptions, type Style, symbol, wrap } from "../terminal/style.ts";
import { weightDiffers, weightNow } from "../view/headline.ts";
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

/** How long a check may take. */
const graceMs = 5_000;

/** What comes next, and when. */
export function nextText(view: CanaryView, now: number): string {
  if (isGone(view.controller)) return "nothing until the controller is back";
  const checkAt = view.run?.checkAt;
  if (!checkAt) return view.next;
  const lateMs = now - new Date(checkAt).getTime();
  const check =
    lateMs > graceMs
      ? `check was due ${relative(checkAt, now)}`
      : `next check ${lateMs > 0 ? "now" : relative(checkAt, now)}`;
  return view.next === "" ? check : `${view.next.replace(/\.$/, "")} (${check})`;
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
  const lines: [string, string][] = [
    ["Canary:", `${view.name}   namespace ${view.namespace}, target ${view.target}`],
    ["Phase:", phaseText(view, now)],
    ["Why:", view.reason],
    ["Next:", nextText(view, now)],
    ["Ends:", etaText(view, now)],
    ["Weight:", weightText(view) + (wide && view.routeChoice ? ` (${view.routeChoice.why})` : "")],
    ["Capacity:", view.floor?.message ?? ""],
    ["Kept:", keptText(view, now)],
    ...imageLines(view),
    ["Paused:", pausedText(view, now)],
    ["Gate:", gateText(view, now)],
    ["Unvetted:", unvettedText(view, now)],
    ["Asked by:", view.run ? `${view.run.requestedBy}, ${relative(view.run.startedAt, now)}` : ""],
    ["Controller:", controllerText(view)],
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

/** `step 2 of 5`; where it is an iteration, which. */
export function stepText({ step, steps, iteration }: NonNullable<CanaryView["run"]>): string {
  return iteration ? `iteration ${iteration.index} of ${iteration.of}` : `step ${step} of ${steps}`;
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

/** The canary's pods after a rejection, and what ends that. */
function keptText({ keptUntil }: CanaryView, now: number): string {
  if (keptUntil === null) return "";
  return `the canary's pods stay without traffic, for a look, and go ${relative(keptUntil, now)}; rollback or another change ends that`;
}

function pausedText({ run }: CanaryView, now: number): string {
  if (!run?.paused) return "";
  const { by, at, until, reason } = run.paused;
  const end = until ? `until ${until} (${relative(until, now)})` : "until resume";
  return `by ${by || "someone"} ${relative(at, now)}, ${end}${reason ? `: ${reason}` : ""}`;
}

function unvettedText({ unvetted }: CanaryView, now: number): string {
  if (!unvetted) return "";
  return `${imagesText(unvetted.images)}, by ${unvetted.by || "someone"} ${relative(unvetted.at, now)} (${unvetted.how})`;
}

function controllerText({ controller }: CanaryView): string {
  if (controller.state !== "silent" || !controller.renewedAt) return "";
  return `silent since ${controller.renewedAt}${controller.holder ? `, last leader ${controller.holder}` : ""}`;
}

function renderNotes(view: CanaryView, { style, now }: RenderOptions): string[] {
  const warn = symbol(style, "warn");
  const notes = [
    ...weightNotes(view, now),
    ...(view.route?.problem ? [`${view.route.kind} ${view.route.name}: ${view.route.problem}`] : []),
    ...view.warnings,
    ...view.unread,
  ].map((note) => `${paint(style, "warn", warn)} ${wrap(note, style.width, 2)}`);
  return [...notes, ...callerNotes(view, style)];
}

function weightNotes(view: CanaryView, now: number): string[] {
  const { route } = view;
  if (!route || !weightDiffers(view)) return [];
  const { changedBy } = route;
  const who = changedBy
    ? `${changedBy.manager}${changedBy.at ? `, ${relative(changedBy.at, now)}` : ""}`
    : "someone else";
  const own = route.ownPercent ?? view.canaryWeightPercent;
  return [`${route.kind} ${route.name} gives the canary ${route.canaryPercent}%, the controller set ${own}% (${who})`];
}

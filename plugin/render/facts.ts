/** What is the case with a Canary, in words that `status`, `explain` and the dashboard's page share. Pure; a text is empty where there is nothing to say. */
import { relative } from "../terminal/time.ts";
import { isGone } from "../view/controller-health.ts";
import { weightDiffers } from "../view/headline.ts";
import { imagesText } from "../view/images.ts";
import type { CanaryView } from "../view/types.ts";
import { gateText } from "./gate.ts";

export interface Facts {
  /** What autoscalers leave the target. */
  capacity: string;
  /** The canary's pods after a rejection, and what ends that. */
  kept: string;
  paused: string;
  gate: string;
  unvetted: string;
  controller: string;
}

/** `now`, as everywhere here, in ms since the epoch. */
export function factTexts(view: CanaryView, now: number): Facts {
  return {
    capacity: view.floor?.message ?? "",
    kept: keptText(view, now),
    paused: pausedText(view, now),
    gate: gateText(view, now),
    unvetted: unvettedText(view, now),
    controller: controllerText(view),
  };
}

/** What a person should know beside: where the route is not as it was set, warnings, and what could not be read. */
export function notesOf(view: CanaryView, now: number): string[] {
  return [
    ...weightNotes(view, now),
    ...(view.route?.problem ? [`${view.route.kind} ${view.route.name}: ${view.route.problem}`] : []),
    ...view.warnings,
    ...view.unread,
  ];
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

/** `step 2 of 5`; where it is an iteration, which. */
export function stepText({ step, steps, iteration }: NonNullable<CanaryView["run"]>): string {
  return iteration ? `iteration ${iteration.index} of ${iteration.of}` : `step ${step} of ${steps}`;
}

// --- internal ---

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

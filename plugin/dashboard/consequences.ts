/** What a command will do, in sentences with this Canary's numbers: a person reads them before confirming. Pure. */
import type { Scope } from "../context.ts";
import { changedContainers } from "../view/images.ts";
import { weightNow } from "../view/headline.ts";
import { canaryCommand } from "../view/suggestions.ts";
import type { CanaryView, TrackView } from "../view/types.ts";
import { type ActionView, dashboardVerbs, type DashboardVerb } from "./types.ts";

/** The commands that `status` advises now, as far as the page can give them. */
export function offeredActions(view: CanaryView, scope: Scope): ActionView[] {
  const own = { ...scope, namespace: view.namespace };
  return dashboardVerbs.flatMap((verb) => {
    const advice = view.advice.find(({ command }) => command === canaryCommand(verb, view.name, own));
    return advice ? [{ verb, consequences: [...says[verb](view), ...askedEffect(verb, advice.effect)] }] : [];
  });
}

// --- internal ---

const says: Record<DashboardVerb, (view: CanaryView) => string[]> = {
  promote: (view) => [
    unjudged(view),
    `${view.target} rolls to ${versionOf(view.images.canary, view)} by its own strategy${podsOf(view)}.`,
    "The controller refuses this while the canary is not ready or its last check failed.",
  ],
  rollback: (view) => (view.run === null && view.keptUntil !== null ? lettingGo : goingBack(view)),
  pause: (view) => [
    `The weight stays at ${weightNow(view)}% until someone resumes.`,
    "Checks go on: enough failed ones still take the canary back.",
  ],
  resume: (view) => [`The run goes on from weight ${weightNow(view)}%.`],
  retry: (view) => {
    const [last] = view.history;
    const cause = last ? ` It was rejected before: ${last.cause}.` : "";
    return [
      `Another run of ${versionOf(last?.images ?? null, view)} starts from its first step.${cause}`,
      "It gets users' requests again.",
    ];
  },
};

/** Between runs, of a canary that was rejected already. */
const lettingGo = [
  "The rejected canary's pods, which stay for a look, go now. Stable keeps every request, and none of its pods restarts.",
];

function goingBack(view: CanaryView): string[] {
  return [
    ...(isRollingOut(view) ? [`${view.target} goes back to ${versionOf(view.images.stable, view)} first.`] : []),
    returning(view),
    `${versionOf(view.images.canary, view)} is rejected: it does not start again by itself. No pod of stable restarts${isRollingOut(view) ? " that runs stable already" : ""}.`,
  ];
}

/** What resume means depends on what it lets through. */
const askedEffect = (verb: DashboardVerb, effect: string): string[] =>
  verb === "resume" ? [`It means: ${effect}.`] : [];

function unjudged({ run }: CanaryView): string {
  if (!run) return "The analysis ends now.";
  const left = run.steps - run.step;
  const steps = left === 0 ? "no step is left" : `${left} ${left === 1 ? "step is" : "steps are"} left unjudged`;
  return `The analysis ends now, at step ${run.step} of ${run.steps}: ${steps}.`;
}

function returning(view: CanaryView): string {
  const weight = weightNow(view);
  if (weight === 0) return "Stable keeps every request.";
  const rate = trackOf(view, "canary")?.requestsPerSecond ?? null;
  const moved = rate === null ? "" : `, ${rate.toFixed(1)} requests a second,`;
  return `Stable gets every request: the canary's ${weight}%${moved} go back to it ${whenBack(view)}.`;
}

/** Its pods must be of its version, and enough of them. */
function whenBack(view: CanaryView): string {
  if (isRollingOut(view)) return "when all of its pods run that again";
  const { ready = 0, replicas = 0 } = { ...trackOf(view, "primary") };
  const needed = Math.max(replicas, view.floor?.replicas ?? 0);
  return ready < needed ? `as its pods can carry them: ${ready} of ${needed} are ready` : "at once";
}

const isRollingOut = ({ run }: CanaryView): boolean => run?.stage === "promoting" || run?.stage === "returning";

function podsOf(view: CanaryView): string {
  const replicas = trackOf(view, "primary")?.replicas ?? 0;
  return replicas === 0 ? "" : `, on ${replicas} ${replicas === 1 ? "pod" : "pods"}`;
}

const trackOf = ({ tracks }: CanaryView, track: string): TrackView | undefined =>
  tracks.find(({ name }) => name === track);

/** `podinfo:1.7.1` of the containers that differ, without registry and path. */
function versionOf(
  images: Readonly<Record<string, string>> | null,
  { images: { stable, canary } }: CanaryView,
): string {
  if (!images) return "the change";
  const changed = changedContainers(stable, canary ?? images);
  const names = changed.length > 0 ? changed : Object.keys(images);
  return names.map((name) => (images[name] ?? "none").replace(/^.*\//, "")).join(", ") || "the change";
}

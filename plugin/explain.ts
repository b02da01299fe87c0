/** `kubectl canary explain NAME`: where it is, why it does not move, on which numbers, and what would let it go on. */
import type { Canary } from "../shared/core/canary.ts";
import { weightsOf } from "../shared/core/policy.ts";
import { CanaryError } from "../shared/kube/errors.ts";
import { type Cause, type CauseCode, explainCause } from "./causes.ts";
import { type Deps, exitCode, type Scope } from "./deps.ts";
import type { Finding } from "./doctor/facts.ts";
import { type EventView, readEvents } from "./events.ts";
import { Refusal } from "./faults.ts";
import { findCanary } from "./find.ts";
import { type OutputFormat, printObject } from "./output.ts";
import { look } from "./status.ts";
import { styleOf } from "./style.ts";
import { renderExplanation } from "./sentences.ts";
import type { CanaryView } from "./view.ts";
import { weightNow } from "./verdict.ts";

export interface ExplainArgs {
  name: string;
  showQuery: boolean;
  output: OutputFormat;
}

export interface ExplainView {
  apiVersion: "kubectl-canary/v1";
  kind: "ExplainView";
  cause: Cause;
  weight: {
    /** What the controller means it to be. */
    meantPercent: number;
    /** What the route says; null where it cannot be read. */
    routePercent: number | null;
    /** Share of users' requests that the canary really got in the last window; null without requests. */
    measuredPercent: number | null;
    measuredRequests: number | null;
  };
  /** Weights of all steps, in order. */
  stepWeightsPercent: number[];
  /** What `doctor` finds broken where it does not move; null where it finds nothing, or was not asked. */
  found: Finding | null;
  /** The last that the controller said, oldest first. */
  events: EventView[];
  canary: CanaryView;
}

/** Events to show. */
const mostEvents = 6;

export async function explain(args: ExplainArgs, deps: Deps, scope: Scope): Promise<number> {
  const canary = await findCanary(args.name, deps, scope);
  const [{ view, now }, events] = await Promise.all([look(canary, deps, scope), eventsIfAllowed(canary, deps)]);
  const explanation = viewExplanation(canary, view, events);
  if (isStuck(explanation.cause)) explanation.found = await examine(canary, deps, scope);
  if (args.output === "json" || args.output === "yaml") await printObject(explanation, args.output, deps.stdout);
  else {
    const wide = args.showQuery || args.output === "wide";
    deps.stdout.write(renderExplanation(explanation, { style: styleOf(deps.stdout, deps.env), now, wide }));
  }
  return exitCode.ok;
}

export function viewExplanation({ spec }: Canary, view: CanaryView, events: readonly EventView[]): ExplainView {
  const { analysis = {}, suspend = false } = spec;
  return {
    apiVersion: "kubectl-canary/v1",
    kind: "ExplainView",
    cause: explainCause(view, { suspend, minRequests: analysis.minRequests ?? 1 }),
    weight: {
      meantPercent: view.canaryWeightPercent,
      routePercent: view.route ? weightNow(view) : null,
      ...measuredShare(view),
    },
    stepWeightsPercent: weightsOf(analysis),
    found: null,
    events: events.slice(-mostEvents),
    canary: view,
  };
}

// --- internal ---

/** Also what waits for pods or to be initialized may wait for ever. */
function isStuck({ code, moving }: Cause): boolean {
  const personal: readonly CauseCode[] = ["rejected", "unvetted", "paused", "paused-by-user", "lowered-by-hand"];
  return moving ? code === "pods-not-ready" || code === "initializing" : !personal.includes(code);
}

/** A help beside the answer: where it cannot be had, the answer is given all the same. */
async function examine({ spec }: Canary, deps: Deps, scope: Scope): Promise<Finding | null> {
  const [{ causeOf }, { factsOf, survey }] = await Promise.all([
    import("./doctor/diagnose.ts"),
    import("./doctor/survey.ts"),
  ]);
  try {
    return causeOf(factsOf(await survey(deps, scope), spec.targetRef.name)) ?? null;
  } catch (error) {
    if (error instanceof CanaryError || error instanceof Refusal) return null;
    throw error;
  }
}

/** Numbers of a run that is over say nothing about where requests go now. */
function measuredShare({
  run,
  tracks,
}: CanaryView): Pick<ExplainView["weight"], "measuredPercent" | "measuredRequests"> {
  const [primary, canary] = tracks.map(({ requests }) => requests);
  const total = (primary ?? 0) + (canary ?? 0);
  if (!run || total === 0 || typeof canary !== "number") return { measuredPercent: null, measuredRequests: null };
  return { measuredPercent: Math.round((canary / total) * 1_000) / 10, measuredRequests: Math.round(total) };
}

/** They are a help, and no reason to explain nothing. */
async function eventsIfAllowed(canary: Canary, deps: Deps): Promise<EventView[]> {
  try {
    return await readEvents(canary, deps);
  } catch (error) {
    if (error instanceof Refusal) return [];
    throw error;
  }
}

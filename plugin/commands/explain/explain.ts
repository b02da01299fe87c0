/** `kubectl canary explain NAME`: where it is, why it does not move, on which numbers, and what would let it go on. */
import type { Canary } from "../../../shared/core/objects/canary.ts";
import { CanaryError } from "../../../shared/kube/errors.ts";
import { type Deps, type Scope, exitCode } from "../../context.ts";
import type { Finding } from "../doctor/facts.ts";
import { type EventView, readEvents } from "../events.ts";
import { Refusal } from "../../errors.ts";
import { findCanary } from "../../cluster/find-canary.ts";
import { type OutputFormat, printObject } from "../../render/output.ts";
import { look } from "../../read/look.ts";
import { styleOf } from "../../terminal/style.ts";
import { renderExplanation } from "./render.ts";
import { isStuck, viewExplanation } from "./view.ts";

export interface ExplainArgs {
  name: string;
  showQuery: boolean;
  output: OutputFormat;
}

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

/** Optional: the answer is given without it. */
async function examine({ spec }: Canary, deps: Deps, scope: Scope): Promise<Finding | null> {
  const [{ causeOf }, { factsOf, survey }] = await Promise.all([
    import("../doctor/diagnose.ts"),
    import("../doctor/survey.ts"),
  ]);
  try {
    return causeOf(factsOf(await survey(deps, scope), spec.targetRef.name)) ?? null;
  } catch (error) {
    if (error instanceof CanaryError || error instanceof Refusal) return null;
    throw error;
  }
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

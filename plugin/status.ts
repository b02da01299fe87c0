/** `kubectl canary status [NAME]`: where a canary stands, why, what is next, and what a person can do. */
import type { Canary } from "../shared/core/canary.ts";
import { resource } from "../shared/kube/resources.ts";
import { type Deps, exitCode, type Scope } from "./deps.ts";
import { findCanary } from "./find.ts";
import { gather, timeFor } from "./gather.ts";
import { listCanaries } from "./list.ts";
import { type OutputFormat, printObject } from "./output.ts";
import { renderCanary } from "./render.ts";
import { styleOf } from "./style.ts";
import { type CanaryView, viewCanary } from "./view.ts";

export interface StatusArgs {
  /** Without a name: the namespace's one Canary, or the list of them. */
  name?: string | undefined;
  output: OutputFormat;
}

export async function status(args: StatusArgs, deps: Deps, scope: Scope): Promise<number> {
  const canary = args.name === undefined ? await onlyCanary(deps, scope) : await findCanary(args.name, deps, scope);
  if (!canary) return listCanaries({ output: args.output, allNamespaces: false }, deps, scope);
  if (args.output === "name") {
    deps.stdout.write(`canary.flagger.app/${canary.metadata.name}\n`);
    return exitCode.ok;
  }
  const { view, now } = await look(canary, deps, scope);
  if (args.output === "json" || args.output === "yaml") await printObject(view, args.output, deps.stdout);
  else
    deps.stdout.write(renderCanary(view, { style: styleOf(deps.stdout, deps.env), now, wide: args.output === "wide" }));
  return exitCode.ok;
}

/** Reads everything about a Canary and computes its view; `now` is the time that it was judged by. */
export async function look(canary: Canary, deps: Deps, scope: Scope): Promise<{ view: CanaryView; now: number }> {
  const seen = await gather(canary, deps, scope);
  const now = await timeFor(seen.lease, deps);
  return { view: viewCanary(seen, scope, now), now };
}

async function onlyCanary(deps: Deps, scope: Scope): Promise<Canary | undefined> {
  const { items } = await deps.cluster.list<Canary>(resource.canaries, { namespace: scope.namespace });
  return items.length === 1 ? items[0] : undefined;
}

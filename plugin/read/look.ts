import type { Canary } from "../../shared/core/objects/canary.ts";
import type { Deps, Scope } from "../context.ts";
import { viewCanary } from "../view/canary-view.ts";
import { readObjects } from "./read-objects.ts";
import { readCanary, timeFor } from "./read-canary.ts";
import type { CanaryView } from "../view/types.ts";

/** Reads everything about a Canary and computes its view; `now` is the time that it was judged by. */
export async function look(
  canary: Canary,
  deps: Deps,
  scope: Scope,
  { tree }: { tree: boolean } = { tree: false },
): Promise<{ view: CanaryView; now: number }> {
  const gathered = await readCanary(canary, deps, scope);
  const seen = tree ? { ...gathered, objects: await readObjects(gathered, deps) } : gathered;
  const now = await timeFor(seen.lease, deps);
  return { view: viewCanary(seen, scope, now), now };
}

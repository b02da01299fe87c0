/** Where a run stands that is not let on: since when, what was answered last, and who can open it. Pure. */
import { distance, relative } from "../terminal/time.ts";
import type { CanaryView } from "../view/types.ts";

/** Nothing where it stands at none. */
export function gateText({ run }: CanaryView, now: number): string {
  const { gate } = run ?? {};
  if (!gate) return "";
  const since = `for ${distance(gate.since, now)}`;
  if (gate.type === "pause") {
    const end = gate.until ? `until ${gate.until} (${relative(gate.until, now)})` : "until resume";
    return `the Canary's own pause at weight ${gate.name}, ${since}, ${end}; who may promote can resume`;
  }
  const last = gate.answer ? `last: ${gate.answer}` : "not answered yet";
  const said = `webhook ${gate.name} (${gate.type}), ${since}, ${last}`;
  if (gate.type === "pre-rollout") return `${said}; a refusal is a failed check`;
  return `${said}; opens when it answers 2xx, or who may promote resumes`;
}
